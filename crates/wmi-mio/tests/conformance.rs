//! The mio session against the list that every runtime passes.

use wmi_mio::Session;
use wmi_proto::{Client, Config, Event, Instant};
use wmi_testkit::conformance::Runtime;

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
