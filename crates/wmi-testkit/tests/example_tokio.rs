//! The example on tokio against the list that every runtime passes: the file that people read is what runs here.

use wmi_proto::{Client, Config, Event, Instant};
use wmi_testkit::conformance::Runtime;

#[allow(dead_code, unreachable_pub, reason = "its main is not called")]
#[path = "../../wmi-proto/examples/tokio.rs"]
mod example;

struct Tokio;

impl Runtime for Tokio {
    fn run(config: Config, application: impl FnMut(&mut Client, Option<Event>, Instant) + Send + 'static) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(example::drive(config, application));
        // A name that is still being looked up cannot be waited for.
        runtime.shutdown_background();
    }
}

wmi_testkit::conformance_tests!(Tokio);
