//! The mio session, and a session among others in a reactor, against the list that every runtime passes.

use std::net::{Ipv4Addr, TcpListener};
use std::num::NonZeroU32;
use std::sync::LazyLock;

use wmi_mio::{Reactor, Session, SessionId};
use wmi_proto::{Client, Config, Event, Instant, Query, QueryId};
use wmi_sim::{HostConfig, Server};
use wmi_testkit::conformance::{Runtime, config, start};

struct Mio;

impl Runtime for Mio {
    fn run(config: Config, mut application: impl FnMut(&mut Client, Option<Event>, Instant) + Send + 'static) {
        let mut session = Session::connect(config).expect("a reactor");
        session.command(|client, now| application(client, None, now));
        while let Some(event) = session.next_event().expect("the reactor works") {
            session.command(|client, now| application(client, Some(event), now));
        }
    }
}

wmi_testkit::conformance_tests!(Mio);

mod reactor {
    wmi_testkit::conformance_tests!(super::Crowd);
}

/// A reactor in which the case's session is one among busy, silent and failing ones.
struct Crowd;

impl Runtime for Crowd {
    fn run(case: Config, mut application: impl FnMut(&mut Client, Option<Event>, Instant) + Send + 'static) {
        // One for all cases: to make a host costs more than a session with it.
        static BUSY: LazyLock<Server> = LazyLock::new(|| start(HostConfig::new(0).rows(20)));
        let server = &BUSY;
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback listener");
        let mut mute = config(server);
        mute.port = silent.local_addr().expect("its address").port();
        let mut nameless = config(server);
        nameless.host = "no-such-host.invalid".to_owned();

        let mut reactor = Reactor::new().expect("a reactor");
        for other in [mute, nameless, config(server), config(server), config(server)] {
            let id = reactor.add(other);
            ask(&mut reactor, id);
        }
        let id = reactor.add(case);
        reactor.command(id, |client, now| application(client, None, now)).expect("it is there");
        let mut asked = 0;
        loop {
            let (who, event) = reactor.next_event().expect("the reactor works").expect("the case is not over");
            let over = matches!(event, Event::Closed { .. });
            if who == id {
                reactor.command(id, |client, now| application(client, Some(event), now)).expect("it is there");
                if over {
                    break;
                }
            } else if over {
                assert!(reactor.remove(who));
            } else if let Event::Batch { query, .. } = event {
                fetch(&mut reactor, who, query);
            } else if matches!(event, Event::QueryDone { outcome: Ok(_), .. }) && asked < ENOUGH {
                asked += 1;
                ask(&mut reactor, who);
            }
        }
    }
}

fn ask(reactor: &mut Reactor, id: SessionId) {
    let query = reactor.command(id, |client, now| client.exec_query(Query::new("SELECT * FROM Sim_Many"), now));
    fetch(reactor, id, query.expect("it is there").expect("a query"));
}

fn fetch(reactor: &mut Reactor, id: SessionId, query: QueryId) {
    // The batch may have been the last one.
    let _ = reactor.command(id, |client, now| client.fetch(query, NonZeroU32::MAX, now));
}

/// Queries after which the others fall silent: many cases run at once, some of them against the clock.
const ENOUGH: u32 = 10;
