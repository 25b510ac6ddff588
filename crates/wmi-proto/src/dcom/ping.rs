//! The set of objects that the host is told to keep, and what is to be said when it changed ([MS-DCOM 3.2.6.1]).

use std::collections::BTreeSet;

use crate::wire::FaultStatus;
use crate::wire::dcom::exporter::{ComplexPingRequest, ComplexPingResponse, SimplePingRequest};

/// A ping set of this client at one host's object resolver.
#[derive(Debug, Default)]
pub(crate) struct PingSet {
    /// What the host calls it; 0 when there is none.
    set_id: u64,
    /// Of the last change that was sent; 1 with a new set.
    sequence: u16,
    /// What the host is known to have in it.
    members: BTreeSet<u64>,
    /// The call under way.
    asked: Option<Asked>,
    /// Objects are added one at a time, because the host does not know one of several and does not say which.
    singly: bool,
}

#[derive(Debug)]
enum Asked {
    Simple,
    Complex { add: Vec<u64>, del: Vec<u64>, more: bool },
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ping {
    Simple(SimplePingRequest),
    Complex(ComplexPingRequest),
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pinged {
    /// Nothing is to be done for a period.
    Rest,
    /// More is to be said at once.
    Again,
    /// The host does not know this object any more; more is to be said at once.
    Gone(u64),
    /// The host refused.
    Refused,
}

impl PingSet {
    /// What is to be said so that the host keeps `alive`, and nothing else for our sake; `None` when nothing is.
    ///
    /// A call that is under way stays the only one.
    pub(crate) fn next(&mut self, alive: &BTreeSet<u64>) -> Option<Ping> {
        if self.asked.is_some() {
            return None;
        }
        let most = if self.singly { 1 } else { MAX_CHANGES };
        let add: Vec<u64> = alive.difference(&self.members).take(most).copied().collect();
        let del: Vec<u64> = self.members.difference(alive).take(MAX_CHANGES).copied().collect();
        if add.is_empty() && del.is_empty() {
            self.singly = false;
            if self.members.is_empty() {
                return None;
            }
            self.asked = Some(Asked::Simple);
            return Some(Ping::Simple(SimplePingRequest { set_id: self.set_id }));
        }
        self.sequence = if self.set_id == 0 { 1 } else { self.sequence.wrapping_add(1) };
        let more = add.len() == most || del.len() == MAX_CHANGES;
        self.asked = Some(Asked::Complex { add: add.clone(), del: del.clone(), more });
        Some(Ping::Complex(ComplexPingRequest { set_id: self.set_id, sequence: self.sequence, add, del }))
    }

    /// The answer to SimplePing.
    pub(crate) fn simple(&mut self, status: FaultStatus) -> Pinged {
        self.asked = None;
        self.judge(status).unwrap_or(Pinged::Rest)
    }

    /// The answer to ComplexPing. The hint to ping less often is not followed ([MS-DCOM 3.1.2.5.1.3] allows that): a
    /// host that overstates it would lose our objects.
    pub(crate) fn complex(&mut self, response: &ComplexPingResponse) -> Pinged {
        let Some(Asked::Complex { add, del, more }) = self.asked.take() else { return Pinged::Rest };
        if response.status == FaultStatus::OR_INVALID_OID {
            return match add.as_slice() {
                [oid] => Pinged::Gone(*oid),
                // It may have added some of them; adding one that is there already changes nothing.
                _ if !add.is_empty() => {
                    self.singly = true;
                    Pinged::Again
                }
                _ => Pinged::Refused,
            };
        }
        if let Some(judged) = self.judge(response.status) {
            return judged;
        }
        if self.set_id == 0 {
            self.set_id = response.set_id;
        }
        self.members.extend(add);
        for oid in &del {
            self.members.remove(oid);
        }
        if self.members.is_empty() {
            // The host forgets a set that nobody pings; the next object begins a new one.
            self.forget();
        }
        if more { Pinged::Again } else { Pinged::Rest }
    }

    /// The call under way will not be answered. What it said may have arrived: saying it again changes nothing.
    pub(crate) fn unanswered(&mut self) {
        self.asked = None;
    }

    fn judge(&mut self, status: FaultStatus) -> Option<Pinged> {
        match status {
            FaultStatus(0) => None,
            // A new set cannot be unknown.
            FaultStatus::OR_INVALID_SET if self.set_id != 0 => {
                self.forget();
                Some(Pinged::Again)
            }
            _ => Some(Pinged::Refused),
        }
    }

    fn forget(&mut self) {
        self.set_id = 0;
        self.members.clear();
    }
}

/// Objects that one call adds or removes at the most; far below what 16 bits count.
const MAX_CHANGES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn oids(oids: &[u64]) -> BTreeSet<u64> {
        oids.iter().copied().collect()
    }

    fn complex(set_id: u64, sequence: u16, add: &[u64], del: &[u64]) -> Option<Ping> {
        Some(Ping::Complex(ComplexPingRequest { set_id, sequence, add: add.to_vec(), del: del.to_vec() }))
    }

    fn answer(set_id: u64, status: FaultStatus) -> ComplexPingResponse {
        ComplexPingResponse { set_id, backoff_factor: 0, status }
    }

    const OK: FaultStatus = FaultStatus(0);

    #[test]
    fn a_set_is_made_pinged_changed_and_forgotten() {
        let mut set = PingSet::default();
        assert_eq!(set.next(&oids(&[])), None, "nothing to keep");
        assert_eq!(set.next(&oids(&[1, 2])), complex(0, 1, &[1, 2], &[]));
        assert_eq!(set.next(&oids(&[1, 2])), None, "one call at a time");
        assert_eq!(set.complex(&answer(77, OK)), Pinged::Rest);
        assert_eq!(set.next(&oids(&[1, 2])), Some(Ping::Simple(SimplePingRequest { set_id: 77 })));
        assert_eq!(set.simple(OK), Pinged::Rest);
        assert_eq!(set.next(&oids(&[2, 3])), complex(77, 2, &[3], &[1]));
        assert_eq!(set.complex(&answer(77, OK)), Pinged::Rest);
        assert_eq!(set.next(&oids(&[])), complex(77, 3, &[], &[2, 3]));
        assert_eq!(set.complex(&answer(77, OK)), Pinged::Rest);
        assert_eq!(set.next(&oids(&[])), None);
        assert_eq!(set.next(&oids(&[4])), complex(0, 1, &[4], &[]), "a new set");
    }

    #[test]
    fn a_set_that_the_host_forgot_is_made_anew() {
        let mut set = PingSet::default();
        set.next(&oids(&[1]));
        set.complex(&answer(77, OK));
        set.next(&oids(&[1]));
        assert_eq!(set.simple(FaultStatus::OR_INVALID_SET), Pinged::Again);
        assert_eq!(set.next(&oids(&[1])), complex(0, 1, &[1], &[]));
    }

    #[test]
    fn a_change_that_was_not_answered_is_said_again_under_the_next_number() {
        let mut set = PingSet::default();
        set.next(&oids(&[1]));
        set.complex(&answer(77, OK));
        assert_eq!(set.next(&oids(&[1, 2])), complex(77, 2, &[2], &[]));
        set.unanswered();
        assert_eq!(set.next(&oids(&[1, 2])), complex(77, 3, &[2], &[]));
    }

    #[test]
    fn an_object_that_the_host_does_not_know_is_found_among_several() {
        let mut set = PingSet::default();
        set.next(&oids(&[1, 2, 3]));
        assert_eq!(set.complex(&answer(0, FaultStatus::OR_INVALID_OID)), Pinged::Again);
        assert_eq!(set.next(&oids(&[1, 2, 3])), complex(0, 1, &[1], &[]));
        assert_eq!(set.complex(&answer(77, OK)), Pinged::Again);
        assert_eq!(set.next(&oids(&[1, 2, 3])), complex(77, 2, &[2], &[]));
        assert_eq!(set.complex(&answer(77, FaultStatus::OR_INVALID_OID)), Pinged::Gone(2));
        assert_eq!(set.next(&oids(&[1, 3])), complex(77, 3, &[3], &[]));
        assert_eq!(set.complex(&answer(77, OK)), Pinged::Again);
        assert_eq!(set.next(&oids(&[1, 3])), Some(Ping::Simple(SimplePingRequest { set_id: 77 })));
        assert_eq!(set.simple(OK), Pinged::Rest);
    }
}
