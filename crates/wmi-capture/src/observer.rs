//! All associations of a capture, and what one of them tells about the others.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use wmi_proto::cim::ClassCache;
use wmi_proto::wire::Guid;

use crate::Account;
use crate::association::Association;
use crate::file::FileError;
use crate::message::Event;
use crate::parameters::SentClasses;
use crate::stream::{Piece, Place, Sink};

/// Interface pointers, and enumerators with their classes, that are remembered.
const MOST_POINTERS: usize = 65_536;
const MOST_ENUMERATORS: usize = 256;

/// Follows every stream.
pub(crate) struct Observer {
    associations: BTreeMap<u32, Association>,
    facts: Facts,
    events: VecDeque<Event>,
}

/// What is known across associations: an activation on one connection tells what is called on another.
pub(crate) struct Facts {
    pub(crate) account: Option<Account>,
    pub(crate) cache: ClassCache,
    pointers: BTreeMap<(IpAddr, Guid), Guid>,
    classes: BTreeMap<(IpAddr, Guid), SentClasses>,
}

impl Observer {
    pub(crate) fn new(account: Option<Account>) -> Self {
        let (pointers, classes) = (BTreeMap::new(), BTreeMap::new());
        let facts = Facts { account, cache: ClassCache::new(), pointers, classes };
        Self { associations: BTreeMap::new(), facts, events: VecDeque::new() }
    }

    pub(crate) fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn stopped(&mut self, error: FileError) {
        self.events.push_back(Event::Stopped(error));
    }
}

impl Sink for Observer {
    fn piece(&mut self, place: Place, piece: Piece) {
        let association = self.associations.entry(place.stream).or_default();
        association.piece(place, piece, &mut self.facts, &mut self.events);
    }

    fn ended(&mut self, stream: u32) {
        if let Some(association) = self.associations.remove(&stream) {
            association.ended(&mut self.events);
        }
    }
}

impl Facts {
    /// `host` handed out an interface pointer.
    pub(crate) fn learn(&mut self, host: IpAddr, ipid: Guid, iid: Guid) {
        if self.pointers.len() >= MOST_POINTERS {
            self.pointers.pop_first();
        }
        self.pointers.insert((host, ipid), iid);
        // The same identifier again is another enumerator.
        self.classes.remove(&(host, ipid));
    }

    /// The interface of a pointer.
    pub(crate) fn interface(&self, host: IpAddr, ipid: Guid) -> Option<Guid> {
        self.pointers.get(&(host, ipid)).copied()
    }

    /// The cache of classes, and the classes that an enumerator has sent.
    pub(crate) fn classes(&mut self, host: IpAddr, ipid: Guid) -> (&mut ClassCache, &mut SentClasses) {
        if self.classes.len() >= MOST_ENUMERATORS && !self.classes.contains_key(&(host, ipid)) {
            self.classes.pop_first();
        }
        (&mut self.cache, self.classes.entry((host, ipid)).or_default())
    }
}
