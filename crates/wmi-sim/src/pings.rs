//! The ping sets of the object resolver ([MS-DCOM 3.1.2.1, 3.1.2.5.1.2, 3.1.2.5.1.3]): who keeps which objects alive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wmi_proto::Instant;
use wmi_proto::wire::FaultStatus;
use wmi_proto::wire::dcom::exporter::ComplexPingRequest;

/// How often clients ping ([MS-DCOM 3.1.2.2]).
pub(crate) const PING_PERIOD: Duration = Duration::from_secs(120);
/// After how long without a ping a set is dropped: three periods ([MS-DCOM 3.1.2.2]).
const SET_PERIOD: Duration = Duration::from_secs(360);

/// Success of a call that returns a Win32 code.
pub(crate) const ERROR_SUCCESS: FaultStatus = FaultStatus(0);

/// All ping sets, by their identifiers.
#[derive(Debug, Default)]
pub(crate) struct PingSets {
    sets: BTreeMap<u64, PingSet>,
}

#[derive(Debug)]
struct PingSet {
    sequence: u16,
    oids: BTreeSet<u64>,
    pinged: Instant,
}

impl PingSet {
    fn due(&self) -> Instant {
        self.pinged.saturating_add(SET_PERIOD)
    }
}

/// What a ComplexPing did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) set_id: u64,
    /// Objects that it took out of the set.
    pub(crate) removed: Vec<u64>,
    pub(crate) status: FaultStatus,
}

impl PingSets {
    /// Pings a set.
    pub(crate) fn simple(&mut self, set_id: u64, now: Instant) -> FaultStatus {
        match self.sets.get_mut(&set_id) {
            Some(set) => {
                set.pinged = now;
                ERROR_SUCCESS
            }
            None => FaultStatus::OR_INVALID_SET,
        }
    }

    /// Makes a set, which is then called `fresh`, or changes one. `lives` says which objects there are.
    pub(crate) fn complex(
        &mut self,
        request: ComplexPingRequest,
        fresh: u64,
        now: Instant,
        lives: impl Fn(u64) -> bool,
    ) -> Changed {
        let ComplexPingRequest { set_id, sequence, add, del } = request;
        if set_id == 0 {
            // Unlike a set that is there already, a new one is made also when an object is unknown.
            let oids = add.into_iter().filter(|oid| lives(*oid)).collect();
            self.sets.insert(fresh, PingSet { sequence, oids, pinged: now });
            return Changed { set_id: fresh, removed: Vec::new(), status: ERROR_SUCCESS };
        }
        let mut removed = Vec::new();
        let status = match self.sets.get_mut(&set_id) {
            None => FaultStatus::OR_INVALID_SET,
            Some(set) if set.sequence > sequence => ERROR_SUCCESS,
            Some(set) => set.change(&add, &del, lives, &mut removed).map_or_else(
                |status| status,
                |()| {
                    (set.pinged, set.sequence) = (now, sequence);
                    ERROR_SUCCESS
                },
            ),
        };
        Changed { set_id, removed, status }
    }

    /// The objects that are in any set.
    pub(crate) fn held(&self) -> BTreeSet<u64> {
        self.sets.values().flat_map(|set| &set.oids).copied().collect()
    }

    /// Drops the sets that were not pinged for three periods; what they held.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<u64> {
        let mut dropped = Vec::new();
        self.sets.retain(|_, set| {
            let lives = set.due() > now;
            if !lives {
                dropped.extend(&set.oids);
            }
            lives
        });
        dropped
    }

    /// When the next set is dropped, unless it is pinged.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.sets.values().map(PingSet::due).min()
    }

    /// Drops all sets; what they held.
    pub(crate) fn forget(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.sets).into_values().flat_map(|set| set.oids).collect()
    }

    /// The sets and what each holds.
    pub(crate) fn contents(&self) -> BTreeMap<u64, BTreeSet<u64>> {
        self.sets.iter().map(|(id, set)| (*id, set.oids.clone())).collect()
    }
}

impl PingSet {
    /// An unknown object ends the change where it stands ([MS-DCOM 3.1.2.5.1.3]).
    fn change(
        &mut self,
        add: &[u64],
        del: &[u64],
        lives: impl Fn(u64) -> bool,
        removed: &mut Vec<u64>,
    ) -> Result<(), FaultStatus> {
        for oid in add {
            if !self.oids.contains(oid) {
                if !lives(*oid) {
                    return Err(FaultStatus::OR_INVALID_OID);
                }
                self.oids.insert(*oid);
            }
        }
        removed.extend(del.iter().filter(|oid| self.oids.remove(oid)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::default().saturating_add(Duration::from_secs(seconds))
    }

    fn ping(set_id: u64, sequence: u16, add: &[u64], del: &[u64]) -> ComplexPingRequest {
        ComplexPingRequest { set_id, sequence, add: add.to_vec(), del: del.to_vec() }
    }

    fn oids(sets: &PingSets) -> Vec<u64> {
        sets.contents().into_values().flatten().collect()
    }

    #[test]
    fn a_set_is_made_changed_and_dropped_after_three_periods() {
        let mut sets = PingSets::default();
        let made = sets.complex(ping(0, 1, &[1, 2, 99], &[]), 7, at(0), |oid| oid < 10);
        assert_eq!((made.set_id, made.status), (7, ERROR_SUCCESS));
        assert_eq!(oids(&sets), [1, 2]);
        let changed = sets.complex(ping(7, 2, &[3], &[1, 5]), 8, at(10), |oid| oid < 10);
        assert_eq!(changed, Changed { set_id: 7, removed: vec![1], status: ERROR_SUCCESS });
        assert_eq!(oids(&sets), [2, 3]);
        assert_eq!(sets.simple(7, at(120)), ERROR_SUCCESS);
        assert_eq!((sets.next_due(), sets.held()), (Some(at(480)), BTreeSet::from([2, 3])));
        assert!(sets.expire(at(479)).is_empty());
        assert_eq!(sets.expire(at(480)), [2, 3]);
        assert_eq!(sets.simple(7, at(481)), FaultStatus::OR_INVALID_SET);
    }

    #[test]
    fn an_unknown_set_an_unknown_object_and_an_old_change_are_told_apart() {
        let mut sets = PingSets::default();
        let lives = |oid| oid < 10;
        assert_eq!(sets.complex(ping(7, 1, &[], &[]), 8, at(0), lives).status, FaultStatus::OR_INVALID_SET);
        sets.complex(ping(0, 5, &[1, 2], &[]), 7, at(0), lives);
        assert_eq!(sets.complex(ping(7, 4, &[3], &[]), 8, at(100), lives).status, ERROR_SUCCESS);
        assert_eq!((oids(&sets), sets.next_due()), (vec![1, 2], Some(at(360))), "an old change is none");
        assert_eq!(sets.complex(ping(7, 6, &[3, 99, 4], &[1]), 8, at(100), lives).status, FaultStatus::OR_INVALID_OID);
        assert_eq!((oids(&sets), sets.next_due()), (vec![1, 2, 3], Some(at(360))), "what was added stays");
        assert_eq!(sets.complex(ping(7, 6, &[4], &[1]), 8, at(100), lives).removed, [1]);
        assert_eq!(oids(&sets), [2, 3, 4]);
    }
}
