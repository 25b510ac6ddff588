//! The session on async-std against the list that every runtime passes.

use wmi_async_std::Session;
use wmi_proto::{Client, Config, Event, Instant};
use wmi_testkit::conformance::Runtime;

struct AsyncStd;

impl Runtime for AsyncStd {
    fn run(config: Config, mut application: impl FnMut(&mut Client, Option<Event>, Instant) + Send + 'static) {
        async_std::task::block_on(async {
            let mut session = Session::connect(config);
            session.command(|client, now| application(client, None, now));
            while let Some(event) = session.next_event().await {
                session.command(|client, now| application(client, Some(event), now));
            }
        });
    }
}

wmi_testkit::conformance_tests!(AsyncStd);
