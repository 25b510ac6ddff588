//! The example on `std::net` against the list that every runtime passes: the file that people read is what runs here.

use wmi_proto::{Client, Config, Event, Instant};
use wmi_testkit::conformance::Runtime;

#[allow(dead_code, unreachable_pub, reason = "its main is not called")]
#[path = "../../wmi-proto/examples/std_threads.rs"]
mod std_threads;

struct StdThreads;

impl Runtime for StdThreads {
    fn run(config: Config, application: impl FnMut(&mut Client, Option<Event>, Instant) + Send + 'static) {
        std_threads::drive(config, application);
    }
}

wmi_testkit::conformance_tests!(StdThreads);
