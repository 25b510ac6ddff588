//! The public references that this client holds, and those it has yet to give back.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Instant;
use crate::wire::Guid;
use crate::wire::dcom::{RemInterfaceRef, StdObjRef};

/// Counts per interface pointer ([MS-DCOM 3.2.4.2]).
#[derive(Debug, Default)]
pub(crate) struct References {
    held: BTreeMap<Guid, Held>,
    dropped: BTreeMap<Guid, u32>,
    /// What RemRelease was called for and has not answered, by the number of the call.
    releasing: BTreeMap<u32, Vec<RemInterfaceRef>>,
    releases: u32,
}

#[derive(Debug)]
struct Held {
    refs: u32,
    oid: u64,
    /// When the first reference came.
    since: Instant,
    /// Whether the host counts on pings for its object.
    pinged: bool,
}

impl References {
    /// Takes over what an OBJREF hands out. Says whether it handed out nothing, so that RemAddRef has to come first.
    pub(crate) fn adopt(&mut self, std: &StdObjRef, now: Instant) -> bool {
        let pinged = std.wants_pings();
        let held = self.held.entry(std.ipid).or_insert(Held { refs: 0, oid: std.oid, since: now, pinged });
        held.refs = held.refs.saturating_add(std.public_refs);
        held.refs == 0
    }

    /// RemAddRef gave `refs` more. Says whether the pointer was dropped in the meantime: they are to be given back.
    pub(crate) fn added(&mut self, ipid: Guid, refs: u32) -> bool {
        match self.held.get_mut(&ipid) {
            Some(held) => held.refs = held.refs.saturating_add(refs),
            None => self.put_down(ipid, refs),
        }
        !self.held.contains_key(&ipid)
    }

    /// Nobody needs this pointer any more.
    pub(crate) fn drop(&mut self, ipid: Guid) {
        if let Some(held) = self.held.remove(&ipid) {
            self.put_down(ipid, held.refs);
        }
    }

    /// Nobody needs what an OBJREF hands out, whatever else is held of its pointer.
    pub(crate) fn give_back(&mut self, std: &StdObjRef) {
        self.put_down(std.ipid, std.public_refs);
    }

    /// Nobody needs any pointer any more.
    pub(crate) fn drop_all(&mut self) {
        while let Some((ipid, held)) = self.held.pop_first() {
            self.put_down(ipid, held.refs);
        }
    }

    /// The host has no object `oid` any more: there is nothing to give back. Tells its interface pointers.
    pub(crate) fn gone(&mut self, oid: u64) -> Vec<Guid> {
        let gone = self.held.iter().filter(|(_, held)| held.oid == oid).map(|(ipid, _)| *ipid).collect::<Vec<_>>();
        for ipid in &gone {
            self.held.remove(ipid);
        }
        gone
    }

    /// The objects of which something is held since `then` or longer, and for which the host counts on pings.
    pub(crate) fn objects(&self, then: Instant) -> BTreeSet<u64> {
        self.held.values().filter(|held| held.pinged && held.since <= then).map(|held| held.oid).collect()
    }

    /// The objects of which something is held.
    pub(crate) fn held(&self) -> BTreeSet<u64> {
        self.held.values().map(|held| held.oid).collect()
    }

    /// How many interface pointers are held, and how many are still to be given back.
    pub(crate) fn counts(&self) -> [usize; 2] {
        [self.held.len(), self.dropped.len() + self.releasing.len()]
    }

    fn put_down(&mut self, ipid: Guid, refs: u32) {
        let dropped = self.dropped.entry(ipid).or_default();
        *dropped = dropped.saturating_add(refs);
    }

    /// What is to be given back, all of it, at most as many pointers as one RemRelease takes, and a number for that call.
    pub(crate) fn take_dropped(&mut self) -> Option<(u32, Vec<RemInterfaceRef>)> {
        let mut refs = Vec::new();
        while refs.len() < usize::from(u16::MAX) {
            let Some((ipid, public_refs)) = self.dropped.pop_first() else { break };
            if public_refs > 0 {
                refs.push(RemInterfaceRef { ipid, public_refs, private_refs: 0 });
            }
        }
        if refs.is_empty() {
            return None;
        }
        self.releases = self.releases.wrapping_add(1);
        self.releasing.insert(self.releases, refs.clone());
        Some((self.releases, refs))
    }

    /// RemRelease was answered.
    pub(crate) fn released(&mut self, number: u32) {
        self.releasing.remove(&number);
    }

    /// The host did not look at that RemRelease: all of it is to be given back again.
    pub(crate) fn not_released(&mut self, number: u32) {
        for RemInterfaceRef { ipid, public_refs, .. } in self.releasing.remove(&number).unwrap_or_default() {
            self.put_down(ipid, public_refs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_needs_is_given_back_and_what_somebody_holds_is_kept() {
        let std = StdObjRef { public_refs: 5, ..StdObjRef::default() };
        let mut references = References::default();
        assert!(!references.adopt(&std, Instant::default()));
        references.give_back(&StdObjRef { public_refs: 2, ..std });
        let refs = |references: &mut References| {
            let refs = references.take_dropped().map_or_else(Vec::new, |(_, refs)| refs);
            refs.iter().map(|r| r.public_refs).collect::<Vec<_>>()
        };
        assert_eq!(refs(&mut references), [2]);
        references.drop(std.ipid);
        assert_eq!(refs(&mut references), [5]);
        assert!(references.added(std.ipid, 3), "nobody holds it any more");
        assert_eq!(refs(&mut references), [3]);
        assert_eq!(refs(&mut references), [0; 0]);
        references.released(1);
        references.not_released(3);
        references.not_released(1);
        assert_eq!(refs(&mut references), [3], "what the host did not look at, once");
    }

    #[test]
    fn the_host_is_to_keep_what_is_held_for_a_while_and_counts_on_pings() {
        let at = Instant::from_micros;
        let std = |n: u8, flags| StdObjRef {
            flags,
            public_refs: 1,
            oid: n.into(),
            ipid: Guid::from_bytes([n; 16]),
            ..StdObjRef::default()
        };
        let mut references = References::default();
        references.adopt(&std(1, 0), at(10));
        references.adopt(&std(2, StdObjRef::NO_PING), at(10));
        references.adopt(&std(3, 0x400), at(20));
        assert_eq!(Vec::from_iter(references.objects(at(10))), [1]);
        assert_eq!(Vec::from_iter(references.objects(at(20))), [1, 3]);
        assert_eq!(references.gone(1), [Guid::from_bytes([1; 16])]);
        references.drop(Guid::from_bytes([3; 16]));
        assert!(references.objects(at(20)).is_empty());
    }
}
