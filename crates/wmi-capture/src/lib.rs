//! DCE/RPC in captured traffic: pcap and pcapng files to messages, unsealed and verified where the password is known.
//!
//! ```no_run
//! use wmi_capture::{Capture, Event};
//!
//! for event in Capture::open(std::fs::File::open("traffic.pcapng")?, None) {
//!     if let Event::Message(message) = event {
//!         println!("{} {:?} {:?}", message.at.frame, message.interface_name(), message.operation());
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What is missing or cannot be read is an event as well, never a guess and never a panic, whatever the file holds.
//! The memory of a [`Capture`] is bounded by the connections that are followed at once, not by the length of the file;
//! a [`replay::Recording`] holds everything that was said in its session.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod association;
mod file;
mod interfaces;
mod message;
mod observer;
mod packet;
mod parameters;
pub mod replay;
mod security;
mod stream;
mod writer;

use std::io::Read;

use wmi_proto::Password;

pub use file::{FileError, is_capture};
pub use message::{Event, Location, Message, State, Status};
pub use writer::{Direction, PcapWriter};

use crate::file::Frames;
use crate::observer::Observer;
use crate::stream::Streams;

/// An account whose password, or the NT hash of it, is known.
///
/// It opens NTLM log-ons, by itself and inside of SPNEGO. Kerberos is not understood: its calls stay as they are.
#[derive(Clone, Debug)]
pub struct Account {
    /// Without domain, in lower case.
    name: String,
    password: Password,
}

/// A capture that is being read: an iterator over what it says, in the order in which it became known.
pub struct Capture<'s> {
    /// `None` once the file has ended.
    frames: Option<Frames<'s>>,
    streams: Streams,
    observer: Observer,
}

impl<'s> Capture<'s> {
    /// Reads `source`, a pcap or pcapng file. With `account` its NTLM log-ons give the keys to verify and unseal calls.
    ///
    /// A source that is no capture gives [`Event::Stopped`] and nothing else.
    pub fn open(source: impl Read + Send + 's, account: Option<Account>) -> Self {
        let mut observer = Observer::new(account);
        let frames = Frames::open(source).map_err(|error| observer.stopped(error)).ok();
        Self { frames, streams: Streams::default(), observer }
    }
}

impl Iterator for Capture<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.observer.event() {
                return Some(event);
            }
            let (streams, observer) = (&mut self.streams, &mut self.observer);
            let outcome = self.frames.as_mut()?.next(|frame| {
                if let Some(segment) = packet::segment(&frame) {
                    streams.segment(frame.number, &segment, observer);
                }
            });
            if !matches!(outcome, Ok(true)) {
                self.frames = None;
                self.streams.finish(&mut self.observer);
            }
            if let Err(error) = outcome {
                self.observer.stopped(error);
            }
        }
    }
}
