//! The classes of a smart enumeration, by the names that the host gives them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits::Limits;
use crate::wire::cim::{CimClass, CimObject, ClassCache, Genus};
use crate::wire::wmi::DataPacketObject;
use crate::wire::{Guid, WireError, WireErrorKind};

/// What a host has sent once and does not send again. It is kept as long as the enumerator, so it is bounded.
pub(crate) struct Classes {
    known: BTreeMap<Guid, Known>,
    octets: usize,
    max_count: usize,
    max_octets: usize,
    is_full: bool,
}

struct Known {
    class: Arc<CimClass>,
    /// Octets of the object that brought it: no fewer than it holds.
    octets: usize,
}

impl Classes {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            known: BTreeMap::new(),
            octets: 0,
            max_count: limits.max_classes,
            max_octets: limits.max_class_octets,
            is_full: false,
        }
    }

    /// Whether the host sent more than is kept.
    pub(crate) const fn is_full(&self) -> bool {
        self.is_full
    }

    /// An object of a WBEM_DATAPACKET. What it brings is parsed and held apart from the reply by `cache`.
    pub(crate) fn object(&mut self, item: DataPacketObject, cache: &mut ClassCache) -> Result<CimObject, WireError> {
        match item {
            DataPacketObject::Class { data } => CimObject::decode_block(data),
            DataPacketObject::Instance { class_id, data } => {
                let octets = data.len();
                let object = CimObject::decode_block_with(cache, data)?;
                // A class in its place has no instances to come, and is not apart from the reply.
                if object.genus() == Genus::Instance {
                    self.keep(class_id, object.class(), octets);
                }
                Ok(object)
            }
            DataPacketObject::InstanceNoClass { class_id, data } => {
                let unknown = WireError::new(WireErrorKind::BadValue, "class GUID that was not sent before", 0);
                CimObject::decode_instance_without_class(data, &self.known.get(&class_id).ok_or(unknown)?.class)
            }
            DataPacketObject::Undecodable { error, .. } => Err(error),
        }
    }

    fn keep(&mut self, id: Guid, class: &Arc<CimClass>, octets: usize) {
        let before = self.known.get(&id);
        if before.is_some_and(|before| Arc::ptr_eq(&before.class, class)) {
            return;
        }
        let is_new = before.is_none();
        let others = self.octets.saturating_sub(before.map_or(0, |before| before.octets));
        let total = others.saturating_add(octets);
        if (is_new && self.known.len() >= self.max_count) || total > self.max_octets {
            self.is_full = true;
            return;
        }
        self.octets = total;
        self.known.insert(id, Known { class: Arc::clone(class), octets });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::cim::{CimType, ClassBuilder, PropertyBuilder};

    #[test]
    fn classes_are_bounded_in_octets_and_one_that_takes_the_place_of_another_does_not_count_twice() {
        let brings = |id: u8, class: &str| {
            let class =
                ClassBuilder::new(class).property(PropertyBuilder::new("Name", CimType::STRING)).build().unwrap();
            let data = CimObject::instance(&class, []).unwrap().encode_block();
            DataPacketObject::Instance { class_id: Guid::from_bytes([id; 16]), data }
        };
        let DataPacketObject::Instance { data, .. } = brings(1, "A") else { panic!("an instance") };
        let limits = Limits { max_class_octets: 2 * data.len(), ..Limits::default() };
        let (mut classes, mut cache) = (Classes::new(&limits), ClassCache::default());
        for name in ["A", "B", "C"] {
            for id in [1, 2] {
                classes.object(brings(id, name), &mut cache).unwrap();
            }
        }
        assert!(!classes.is_full());
        classes.object(brings(3, "C"), &mut cache).unwrap();
        assert!(classes.is_full());
    }
}
