//! With the feature `tracing` every stage of a session is a span.

use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use wmi_proto::{Client, Config, Credentials, FileTime, Input, Instant, Output, Secret, SeededEntropy};

/// Collects the names of spans.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

struct Name(String);

impl Visit for Name {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "name" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut name = Name(String::new());
        attributes.record(&mut name);
        let mut spans = self.0.lock().unwrap();
        spans.push(name.0);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn every_stage_is_a_span() {
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || {
        let config = Config::new("host.test", Credentials::new("name", Secret::from("password")));
        let now = Instant::default();
        let mut client = Client::new(config, Box::new(SeededEntropy::new(1)), now, FileTime::UNIX_EPOCH);
        let opened = std::iter::from_fn(|| client.poll_output()).find_map(|output| match output {
            Output::Open { transport, .. } => Some(transport),
            _ => None,
        });
        client.handle_input(Input::Opened { transport: opened.expect("a transport") }, now);
    });
    assert_eq!(*spans.0.lock().unwrap(), ["connect to the activator", "log on at the activator"]);
}
