//! The public references that this client holds, and those it has yet to give back.

use std::collections::BTreeMap;

use crate::wire::Guid;
use crate::wire::dcom::{RemInterfaceRef, StdObjRef};

/// Counts per interface pointer ([MS-DCOM 3.2.4.2]).
#[derive(Debug, Default)]
pub(crate) struct References {
    held: BTreeMap<Guid, u32>,
    dropped: BTreeMap<Guid, u32>,
}

impl References {
    /// Takes over what an OBJREF hands out. Says whether it handed out nothing, so that RemAddRef has to come first.
    pub(crate) fn adopt(&mut self, std: &StdObjRef) -> bool {
        let refs = self.held.entry(std.ipid).or_default();
        *refs = refs.saturating_add(std.public_refs);
        *refs == 0
    }

    /// RemAddRef gave `refs` more. Says whether the pointer was dropped in the meantime and is to be dropped again.
    pub(crate) fn added(&mut self, ipid: Guid, refs: u32) -> bool {
        let late = !self.held.contains_key(&ipid);
        let count = self.held.entry(ipid).or_default();
        *count = count.saturating_add(refs);
        late
    }

    /// Nobody needs this pointer any more.
    pub(crate) fn drop(&mut self, ipid: Guid) {
        if let Some(refs) = self.held.remove(&ipid) {
            self.put_down(ipid, refs);
        }
    }

    /// Nobody needs what an OBJREF hands out, whatever else is held of its pointer.
    pub(crate) fn give_back(&mut self, std: &StdObjRef) {
        self.put_down(std.ipid, std.public_refs);
    }

    /// Nobody needs any pointer any more.
    pub(crate) fn drop_all(&mut self) {
        while let Some((ipid, refs)) = self.held.pop_first() {
            self.put_down(ipid, refs);
        }
    }

    fn put_down(&mut self, ipid: Guid, refs: u32) {
        let dropped = self.dropped.entry(ipid).or_default();
        *dropped = dropped.saturating_add(refs);
    }

    /// What is to be given back, all of it, at most as many pointers as one RemRelease takes.
    pub(crate) fn take_dropped(&mut self) -> Vec<RemInterfaceRef> {
        let mut refs = Vec::new();
        while refs.len() < usize::from(u16::MAX) {
            let Some((ipid, public_refs)) = self.dropped.pop_first() else { break };
            if public_refs > 0 {
                refs.push(RemInterfaceRef { ipid, public_refs, private_refs: 0 });
            }
        }
        refs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_needs_is_given_back_and_what_somebody_holds_is_kept() {
        let std = StdObjRef { public_refs: 5, ..StdObjRef::default() };
        let mut references = References::default();
        assert!(!references.adopt(&std));
        references.give_back(&StdObjRef { public_refs: 2, ..std });
        let refs =
            |references: &mut References| references.take_dropped().iter().map(|r| r.public_refs).collect::<Vec<_>>();
        assert_eq!(refs(&mut references), [2]);
        references.drop(std.ipid);
        assert_eq!(refs(&mut references), [5]);
    }
}
