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
    /// What verified messages taught, and what all messages did. A verified message is read with the former only, so
    /// that nobody changes its meaning who cannot sign.
    verified: Taught,
    all: Taught,
}

#[derive(Default)]
struct Taught {
    pointers: BTreeMap<(IpAddr, Guid), Guid>,
    classes: BTreeMap<(IpAddr, Guid), SentClasses>,
}

/// How far what a message says is believed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Its signatures are right.
    Verified,
    /// Nobody on its association has keys here.
    Keyless,
    /// It has no signature that could be verified, and others have.
    Doubtful,
}

impl Observer {
    pub(crate) fn new(account: Option<Account>) -> Self {
        let facts = Facts { account, cache: ClassCache::new(), verified: Taught::default(), all: Taught::default() };
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
    /// `host` handed out an interface pointer. What an association without keys says about interfaces is believed as
    /// its binds are.
    pub(crate) fn learn(&mut self, host: IpAddr, ipid: Guid, iid: Guid, trust: Trust) {
        self.all.learn(host, ipid, iid);
        if trust != Trust::Doubtful {
            self.verified.learn(host, ipid, iid);
        }
    }

    /// The interface of a pointer.
    pub(crate) fn interface(&self, host: IpAddr, ipid: Guid, trust: Trust) -> Option<Guid> {
        let taught = if trust == Trust::Verified { &self.verified } else { &self.all };
        taught.pointers.get(&(host, ipid)).copied()
    }

    /// The cache of classes, and the classes that an enumerator has sent.
    pub(crate) fn classes(&mut self, host: IpAddr, ipid: Guid, trust: Trust) -> (&mut ClassCache, &mut SentClasses) {
        let taught = if trust == Trust::Verified { &mut self.verified } else { &mut self.all };
        (&mut self.cache, taught.classes(host, ipid))
    }

    /// What an enumerator has sent in verified messages is known to all.
    pub(crate) fn share_classes(&mut self, host: IpAddr, ipid: Guid) {
        let sent = self.verified.classes(host, ipid).clone();
        self.all.classes(host, ipid).extend(sent);
    }
}

impl Taught {
    fn learn(&mut self, host: IpAddr, ipid: Guid, iid: Guid) {
        if self.pointers.len() >= MOST_POINTERS {
            self.pointers.pop_first();
        }
        self.pointers.insert((host, ipid), iid);
        // The same identifier again is another enumerator.
        self.classes.remove(&(host, ipid));
    }

    fn classes(&mut self, host: IpAddr, ipid: Guid) -> &mut SentClasses {
        if self.classes.len() >= MOST_ENUMERATORS && !self.classes.contains_key(&(host, ipid)) {
            self.classes.pop_first();
        }
        self.classes.entry((host, ipid)).or_default()
    }
}
