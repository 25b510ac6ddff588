//! The object exporter ([MS-DCOM 3.1.1]): objects, the interfaces that clients hold, and how often they hold them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wmi_proto::Instant;
use wmi_proto::wire::Guid;
use wmi_proto::wire::HResult;

use crate::pings::PING_PERIOD;

/// The references that are handed out with an interface, as Windows does.
pub(crate) const USUAL_REFS: u32 = 5;

/// The IPID is not in the table ([MS-DCOM 3.1.1.5.6.1.1]).
pub(crate) const RPC_E_INVALID_OBJECT: HResult = HResult(0x8001_0114);
/// The same, as RemAddRef says it ([MS-DCOM 3.1.1.5.6.1.2]).
pub(crate) const CO_E_OBJNOTREG: HResult = HResult(0x8004_01fb);

/// How long an object lives that nobody ever pinged ([MS-DCOM appendix A <58>]).
const UNPINGED: Duration = Duration::from_secs(14 * 60);

/// All objects of the host, and the state `T` of each.
#[derive(Debug)]
pub(crate) struct Exporter<T> {
    objects: BTreeMap<u64, Object<T>>,
    interfaces: BTreeMap<Guid, Held>,
    listening: BTreeSet<Guid>,
}

#[derive(Debug)]
struct Object<T> {
    state: T,
    /// Until when it may live without being in a ping set; `None` for one that is not to be pinged.
    spared: Option<Instant>,
    /// When a call of it came last.
    called: Instant,
    /// Interface to IPID.
    ipids: BTreeMap<Guid, Guid>,
}

/// An interface that a client holds: an entry of the IPID table.
#[derive(Clone, Copy, Debug)]
struct Held {
    oid: u64,
    iid: Guid,
    refs: u64,
}

/// What an OBJREF says of one interface of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) oid: u64,
    pub(crate) ipid: Guid,
    pub(crate) refs: u32,
}

impl<T> Exporter<T> {
    pub(crate) const fn new() -> Self {
        Self { objects: BTreeMap::new(), interfaces: BTreeMap::new(), listening: BTreeSet::new() }
    }

    /// A new object; until when it lives if nobody pings or calls it. One that is not `pinged` is never collected.
    pub(crate) fn insert(&mut self, oid: u64, state: T, pinged: bool, now: Instant) -> Option<Instant> {
        let spared = pinged.then(|| now.saturating_add(UNPINGED));
        self.objects.insert(oid, Object { state, spared, called: now, ipids: BTreeMap::new() });
        spared
    }

    /// A call of an object came.
    pub(crate) fn called(&mut self, oid: u64, now: Instant) {
        if let Some(object) = self.objects.get_mut(&oid) {
            object.called = now;
        }
    }

    /// An object is in a ping set no longer: it lives as long as it is called.
    pub(crate) fn abandoned(&mut self, oid: u64, now: Instant) {
        if let Some(Object { spared: Some(spared), .. }) = self.objects.get_mut(&oid) {
            *spared = now;
        }
    }

    /// When each object would be collected if no ping set held it: one that was called in the last period survives
    /// ([MS-DCOM 3.1.1.6.2]).
    pub(crate) fn ends(&self) -> impl Iterator<Item = (u64, Instant)> {
        let end = |object: &Object<T>| Some(object.spared?.max(object.called.saturating_add(PING_PERIOD)));
        self.objects.iter().filter_map(move |(oid, object)| Some((*oid, end(object)?)))
    }

    /// An object dies, whoever holds it; gives back its state.
    pub(crate) fn reclaim(&mut self, oid: u64) -> Option<T> {
        let object = self.objects.remove(&oid)?;
        for ipid in object.ipids.values() {
            self.interfaces.remove(ipid);
        }
        Some(object.state)
    }

    /// The identifiers of all objects.
    pub(crate) fn oids(&self) -> BTreeSet<u64> {
        self.objects.keys().copied().collect()
    }

    /// The public references to each interface pointer.
    pub(crate) fn references(&self) -> BTreeMap<Guid, u64> {
        self.interfaces.iter().map(|(ipid, held)| (*ipid, held.refs)).collect()
    }

    /// Hands out `refs` references to interface `iid` of an object; `fresh` is its IPID if it has none yet.
    pub(crate) fn marshal(&mut self, oid: u64, iid: Guid, refs: u32, fresh: Guid) -> Option<Reference> {
        let object = self.objects.get_mut(&oid)?;
        let ipid = *object.ipids.entry(iid).or_insert(fresh);
        let held = self.interfaces.entry(ipid).or_insert(Held { oid, iid, refs: 0 });
        held.refs = held.refs.saturating_add(u64::from(refs));
        self.listening.insert(iid);
        Some(Reference { oid, ipid, refs })
    }

    /// Whether an interface `iid` was ever marshalled: then its presentation context is accepted.
    pub(crate) fn is_listening(&self, iid: &Guid) -> bool {
        self.listening.contains(iid)
    }

    /// The object and the interface behind an IPID.
    pub(crate) fn resolve(&self, ipid: &Guid) -> Option<(u64, Guid)> {
        self.interfaces.get(ipid).map(|held| (held.oid, held.iid))
    }

    pub(crate) fn state(&self, oid: u64) -> Option<&T> {
        self.objects.get(&oid).map(|object| &object.state)
    }

    /// IRemUnknown::RemAddRef of one interface.
    pub(crate) fn add_refs(&mut self, ipid: &Guid, refs: u32) -> HResult {
        match self.interfaces.get_mut(ipid) {
            Some(held) => {
                held.refs = held.refs.saturating_add(u64::from(refs));
                HResult::S_OK
            }
            None => CO_E_OBJNOTREG,
        }
    }

    /// IRemUnknown::RemRelease of one interface; gives back the state of an object that died of it.
    ///
    /// Releasing more than is held releases all; an unknown IPID is ignored ([MS-DCOM 3.1.1.5.6.1.3]).
    pub(crate) fn release(&mut self, ipid: &Guid, refs: u32) -> Option<T> {
        let held = self.interfaces.get_mut(ipid)?;
        held.refs = held.refs.saturating_sub(u64::from(refs));
        if held.refs > 0 {
            return None;
        }
        let Held { oid, iid, .. } = *held;
        self.interfaces.remove(ipid);
        let object = self.objects.get_mut(&oid)?;
        object.ipids.remove(&iid);
        if object.ipids.is_empty() { self.objects.remove(&oid).map(|object| object.state) } else { None }
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = &T> {
        self.objects.values().map(|object| &object.state)
    }

    pub(crate) fn alive(&self) -> usize {
        self.objects.len()
    }

    pub(crate) fn public_refs(&self) -> u64 {
        self.interfaces.values().fold(0, |sum, held| sum.saturating_add(held.refs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IID: Guid = Guid::from_u128(1);
    const OTHER: Guid = Guid::from_u128(2);
    const A: Guid = Guid::from_u128(0xa);
    const B: Guid = Guid::from_u128(0xb);
    const NOW: Instant = Instant::from_micros(0);

    #[test]
    fn an_object_lives_until_the_last_reference_to_any_of_its_interfaces() {
        let mut exporter = Exporter::new();
        exporter.insert(7, "object", true, NOW);
        assert_eq!(exporter.marshal(7, IID, 5, A), Some(Reference { oid: 7, ipid: A, refs: 5 }));
        assert_eq!(exporter.marshal(7, OTHER, 1, B), Some(Reference { oid: 7, ipid: B, refs: 1 }));
        assert_eq!((exporter.alive(), exporter.public_refs()), (1, 6));
        assert_eq!(exporter.release(&A, 4), None);
        assert_eq!(exporter.release(&A, 1), None);
        assert_eq!((exporter.resolve(&A), exporter.alive()), (None, 1));
        assert_eq!(exporter.release(&B, 9), Some("object"));
        assert_eq!((exporter.alive(), exporter.public_refs()), (0, 0));
    }

    #[test]
    fn marshalling_again_gives_the_same_ipid_and_adds_references() {
        let mut exporter = Exporter::new();
        exporter.insert(7, (), true, NOW);
        exporter.marshal(7, IID, 5, A);
        assert_eq!(exporter.marshal(7, IID, 2, B).map(|r| r.ipid), Some(A));
        assert_eq!(exporter.public_refs(), 7);
    }

    #[test]
    fn an_unknown_ipid_cannot_be_referenced() {
        let mut exporter = Exporter::new();
        exporter.insert(7, (), true, NOW);
        assert_eq!(exporter.add_refs(&A, 1), CO_E_OBJNOTREG);
        assert_eq!(exporter.release(&A, 1), None);
        assert_eq!(exporter.marshal(8, IID, 1, A), None);
    }

    #[test]
    fn an_interface_handed_out_without_references_lives_until_it_is_released() {
        let mut exporter = Exporter::new();
        exporter.insert(7, (), true, NOW);
        exporter.marshal(7, IID, 0, A);
        assert_eq!(exporter.alive(), 1);
        assert_eq!(exporter.add_refs(&A, 5), HResult::S_OK);
        assert_eq!(exporter.release(&A, 5), Some(()));
    }

    #[test]
    fn an_object_that_nobody_pings_lives_while_it_is_called_and_fourteen_minutes_at_least() {
        let at = |minutes: u64| NOW.saturating_add(Duration::from_secs(60 * minutes));
        let mut exporter = Exporter::new();
        exporter.insert(7, (), true, NOW);
        exporter.marshal(7, IID, 5, A);
        let end = |exporter: &Exporter<()>| exporter.ends().next();
        assert_eq!(end(&exporter), Some((7, at(14))));
        exporter.called(7, at(13));
        assert_eq!(end(&exporter), Some((7, at(15))));
        exporter.abandoned(7, at(14));
        assert_eq!(end(&exporter), Some((7, at(15))));
        assert_eq!((exporter.reclaim(7), exporter.resolve(&A), exporter.public_refs()), (Some(()), None, 0));
        exporter.insert(8, (), false, NOW);
        assert_eq!(end(&exporter), None, "one that is not to be pinged");
    }
}
