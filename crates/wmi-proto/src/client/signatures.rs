//! The classes whose methods a session was told of, as many as it may remember.

use std::sync::Arc;

use crate::wire::cim::CimClass;

/// Forgotten with the session: after a loss the host may be another.
pub(super) struct Signatures {
    /// The one that was asked for last is first.
    entries: Vec<Entry>,
    capacity: usize,
    next: u32,
}

struct Entry {
    number: u32,
    resource: String,
    /// The path of the class as the caller wrote it.
    path: String,
    /// `None` while it is being fetched.
    class: Option<Arc<CimClass>>,
}

/// What is known of a class.
pub(super) enum Description {
    Known(Arc<CimClass>),
    /// It is being fetched.
    Coming,
    /// It is to be fetched, under this number.
    Unknown(u32),
}

impl Signatures {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { entries: Vec::new(), capacity, next: 0 }
    }

    /// What is known of the class at `path` of a namespace. Who is told that nothing is has to fetch it.
    pub(super) fn look_up(&mut self, resource: &str, path: &str) -> Description {
        let same = |e: &Entry| e.resource.eq_ignore_ascii_case(resource) && e.path.eq_ignore_ascii_case(path);
        if let Some(at) = self.entries.iter().position(same) {
            let entry = self.entries.remove(at);
            let found = entry.class.clone().map_or(Description::Coming, Description::Known);
            self.entries.insert(0, entry);
            return found;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let entry = Entry { number, resource: resource.to_owned(), path: path.to_owned(), class: None };
        self.entries.insert(0, entry);
        Description::Unknown(number)
    }

    /// The class came.
    pub(super) fn known(&mut self, number: u32, class: Arc<CimClass>) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.number == number) {
            entry.class = Some(class);
        }
    }

    /// Forgets what is too much; not before the calls that waited for a class have been begun.
    pub(super) fn trim(&mut self) {
        let mut kept = 0;
        self.entries.retain(|entry| {
            kept += usize::from(entry.class.is_some());
            entry.class.is_none() || kept <= self.capacity
        });
    }

    /// The class did not come: gives namespace and path.
    pub(super) fn unknown(&mut self, number: u32) -> Option<(String, String)> {
        let at = self.entries.iter().position(|entry| entry.number == number)?;
        let entry = self.entries.remove(at);
        Some((entry.resource, entry.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::cim::ClassBuilder;

    fn class() -> Arc<CimClass> {
        ClassBuilder::new("C").build().expect("a class")
    }

    fn is_known(signatures: &mut Signatures, path: &str) -> bool {
        match signatures.look_up("//./root/cimv2", path) {
            Description::Known(_) => true,
            Description::Coming => false,
            Description::Unknown(number) => {
                signatures.known(number, class());
                signatures.trim();
                false
            }
        }
    }

    #[test]
    fn a_class_is_fetched_once_and_the_one_used_longest_ago_is_forgotten() {
        let mut signatures = Signatures::new(2);
        assert!(!is_known(&mut signatures, "A"));
        assert!(is_known(&mut signatures, "a"));
        assert!(!is_known(&mut signatures, "B"));
        assert!(is_known(&mut signatures, "A"));
        assert!(!is_known(&mut signatures, "C"));
        assert!(is_known(&mut signatures, "A"));
        assert!(!is_known(&mut signatures, "B"));
    }

    #[test]
    fn what_is_on_its_way_is_not_fetched_again_and_not_forgotten() {
        let mut signatures = Signatures::new(0);
        let Description::Unknown(number) = signatures.look_up("//./root/cimv2", "A") else { panic!("unknown") };
        signatures.trim();
        assert!(matches!(signatures.look_up("//./ROOT/cimv2", "A"), Description::Coming));
        assert!(matches!(signatures.look_up("//./root/other", "A"), Description::Unknown(_)));
        assert_eq!(signatures.unknown(number).map(|(_, path)| path).as_deref(), Some("A"));
        assert!(matches!(signatures.look_up("//./root/cimv2", "A"), Description::Unknown(_)));
    }
}
