//! A captured session of this client, played again: the same octets to a real client, the same octets from it.
//!
//! A [`Recording`] is made of a capture and the password of its account. What a client is told and does not find out
//! by itself is read from what the captured one said: the host and the port, the account, the level, namespaces, texts
//! and flags of queries, how rows were fetched and how many at a time, when queries were begun, given up and ended; the
//! random numbers that it drew; wall time, where that went into its log-on. [`Recording::replay`] gives a
//! [`wmi_proto::Client`] the captured octets of the host at the captured times, has it do what it was told, and compares
//! each octet that it says with the captured one. The first difference, a hole, or the end of a damaged file is a
//! [`Stop`]; nothing is guessed beyond it.
//!
//! What does not show in the octets of a client is not told apart: a query that was cancelled and one that ran out of
//! time, a session that was closed with a query under way, a batch that the query's own bound or that of a fetch kept
//! small.

mod calls;
mod difference;
mod driver;
mod entropy;
mod field;
mod log_on;
mod plan;
mod rehearsal;
mod transcript;

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use wmi_proto::wire::rpc::{AuthType, Body, Pdu, PduType};
use wmi_proto::{AuthLevel, Completion, Config, Credentials, Draw, Error, FileTime, Instant, Limits, Mechanism, Row};

use crate::Account;
use crate::replay::calls::Call;
use crate::replay::driver::Driver;
use crate::replay::entropy::ReplayEntropy;
use crate::replay::log_on::LogOn;
use crate::replay::plan::Plan;
use crate::replay::rehearsal::Marks;
use crate::replay::transcript::{Happening, Transcript};

pub use difference::{Contrast, Difference, Refusal, Stop};
pub use driver::Cut;

/// A capture of a session of this client, with everything that is needed to play it again.
pub struct Recording {
    transcript: Transcript,
    log_ons: Vec<Option<LogOn>>,
    calls: Vec<Call>,
    /// The places of the calls of each stream.
    by_stream: Vec<Vec<usize>>,
    plan: Plan,
    config: Config,
    /// Wall time at the first frame.
    wall: FileTime,
    /// The client's clock in each moment.
    times: Vec<Instant>,
    entropy: ReplayEntropy,
}

/// What came of a replay.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replay {
    /// The queries, in the order of their first calls.
    pub queries: Vec<Replayed>,
    /// How the session ended, if it did.
    pub outcome: Option<Result<(), Error>>,
    /// Octets that the client said.
    pub octets: usize,
    /// Whether the client said what the captured one said, from the first octet to the last.
    pub end: Result<(), Stop>,
}

/// A query of a replayed session.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// Its text; `None` when it ended before it was sent.
    pub wql: Option<String>,
    /// Its namespace.
    pub namespace: String,
    /// Its rows.
    pub rows: Vec<Row>,
    /// How it ended; `None` when it was under way at the end of the capture.
    pub outcome: Option<Result<Completion, Error>>,
}

/// [MS-DCOM 3.2.4.1.1.2]: what the client calls the activator in its log-on, in front of the name of the host.
const ACTIVATOR: &str = "RPCSS/";

/// FILETIME counts tenths of a microsecond.
const TICKS: u64 = 10;

impl Recording {
    /// Reads a pcap or pcapng file with one session of this client.
    ///
    /// # Errors
    /// Why there is nothing to replay.
    pub fn read<'s>(source: impl Read + Send + 's, account: &Account) -> Result<Self, Refusal> {
        let transcript = Transcript::read(source);
        let Some(first) = transcript.streams.first() else {
            return Err(transcript.stopped.map_or(Refusal::NoSession, Refusal::File));
        };
        let late = transcript.moments.iter().find(|moment| matches!(moment.what, Happening::Missing(None)));
        if let Some(stream) = late.and_then(|moment| transcript.streams.get(moment.stream)) {
            return Err(Refusal::InMidSession { stream: stream.number });
        }
        let (log_ons, credentials) = log_on::read(&transcript, account)?;
        let foreign = |why| Refusal::Foreign { stream: first.number, why };
        let bind = first.said.pdu(0).and_then(|pdu| Pdu::decode(pdu).ok());
        let config = config(bind.as_ref(), &log_ons, &transcript.streams, credentials);
        let config = config.map_err(foreign)?;
        let (opened, calls) = calls::read(&transcript, &log_ons);
        let mut activations = calls.iter().filter(|call| matches!(call.asked, calls::Asked::Activation));
        if let Some(stream) = activations.nth(1).and_then(|again| transcript.streams.get(again.stream)) {
            return Err(Refusal::EstablishedAgain { stream: stream.number });
        }
        let plan = Plan::of(&transcript, &calls);
        let mut by_stream = vec![Vec::new(); transcript.streams.len()];
        for (place, call) in calls.iter().enumerate() {
            if let Some(calls) = by_stream.get_mut(call.stream) {
                calls.push(place);
            }
        }
        let (wall, times) = clocks(&transcript, &log_ons);
        let mut entropy = ReplayEntropy::default();
        for log_on in log_ons.iter().flatten() {
            entropy.push(Draw::NtlmClientChallenge, Some(log_on.random.to_vec()));
            entropy.push(Draw::NtlmSessionKey, Some(log_on.session_key.expose().to_vec()));
        }
        let mut recording = Self { transcript, log_ons, calls, by_stream, plan, config, wall, times, entropy };
        recording.rehearse(&opened);
        Ok(recording)
    }

    /// Plays the session again, the octets of the host handed over as `cut` says.
    #[must_use]
    pub fn replay(&self, cut: Cut) -> Replay {
        let (entropy, shortage) = self.entropy.afresh();
        Driver::new(self, Box::new(entropy), shortage, cut, true).run().0
    }

    /// How many octets the server sent, stream by stream.
    pub fn heard(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        self.transcript.streams.iter().map(|stream| (stream.number, stream.heard.octets.len()))
    }

    /// Finds out what each identifier was drawn for.
    fn rehearse(&mut self, opened: &[Vec<Bytes>]) {
        let (known, shortage) = self.entropy.afresh();
        let (marks, drawn) = Marks::new(known);
        let (_, said) = Driver::new(self, Box::new(marks), shortage, Cut::Captured, false).run();
        rehearsal::learn(&mut self.entropy, &drawn, &said, opened, &self.log_ons);
    }

    /// The first call of a stream that begins at octet `at` or behind it.
    fn call_from(&self, stream: usize, at: usize) -> Option<usize> {
        let calls = self.by_stream.get(stream)?;
        let begins_before = |place: &usize| self.calls.get(*place).is_some_and(|call| call.start < at);
        calls.get(calls.partition_point(begins_before)).copied()
    }

    /// The client's clock in a moment.
    fn time(&self, moment: usize) -> Instant {
        self.times.get(moment).copied().unwrap_or_default()
    }
}

impl core::fmt::Debug for Recording {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (streams, calls) = (self.transcript.streams.len(), self.calls.len());
        f.debug_struct("Recording").field("streams", &streams).field("calls", &calls).finish_non_exhaustive()
    }
}

/// What the client was told about its session, or why it is none of this client.
fn config(
    bind: Option<&Pdu>,
    log_ons: &[Option<LogOn>],
    streams: &[transcript::Stream],
    credentials: Credentials,
) -> Result<Config, &'static str> {
    let first = streams.first().ok_or("does not exist")?;
    let activator = first.server.ip();
    let auth = bind.and_then(|bind| bind.auth.as_ref());
    let auth = auth.filter(|auth| matches!(auth.auth_type, AuthType::WINNT | AuthType::GSS_NEGOTIATE));
    // The server repeats the level: one damaged octet of the client's shall be named and not refused.
    let said = auth.map(|auth| auth.auth_level).into_iter();
    let heard = log_on::token(&first.heard, PduType::BIND_ACK);
    let mut said = said.chain(heard.as_ref().map(|token| token.level));
    let level = log_ons.iter().flatten().next().map(LogOn::level).or_else(|| said.find_map(AuthLevel::from_wire));
    let level = level.ok_or("does not begin with a log-on of NTLM that signs or seals")?;
    let host = log_ons.iter().flatten().find_map(|log_on| log_on.principal.strip_prefix(ACTIVATOR));
    let mut config = Config::new(host.map_or_else(|| activator.to_string(), str::to_owned), credentials);
    config.port = first.server.port();
    config.auth_level = level;
    // The same is true of the mechanism.
    config.mechanism = match (log_ons.iter().flatten().next(), heard, auth) {
        (Some(log_on), ..) => log_on.mechanism(),
        (None, Some(heard), _) => heard.mechanism,
        (None, None, Some(auth)) if auth.auth_type == AuthType::GSS_NEGOTIATE => Mechanism::Negotiate,
        (None, None, _) => Mechanism::Ntlm,
    };
    // The capture tells what happened and when, not the client's patience.
    config.connect_timeout = Duration::MAX;
    config.handshake_timeout = Duration::MAX;
    config.linger = Duration::MAX;
    config.limits = Limits { max_batch: u32::MAX, max_queries: usize::MAX, ..Limits::default() };
    // Nowhere else than to the host that was named, unless the client was told so.
    config.follow_bindings = streams.iter().any(|stream| stream.server.ip() != activator);
    if let Some(Pdu { body: Body::Bind(bind), .. }) = bind
        && bind.max_recv_frag == bind.max_xmit_frag
    {
        config.limits.max_fragment = bind.max_recv_frag;
    }
    Ok(config)
}

/// Wall time at the first frame and the client's clock in each moment, so that the log-ons get the time they say.
fn clocks(transcript: &Transcript, log_ons: &[Option<LogOn>]) -> (FileTime, Vec<Instant>) {
    let mut times: Vec<Instant> = transcript.moments.iter().map(|moment| moment.time).collect();
    let mut wall = None;
    for (stream, log_on) in transcript.streams.iter().zip(log_ons) {
        let Some(log_on) = log_on.as_ref().filter(|log_on| log_on.own_time) else { continue };
        let is_ack = |pdu: &usize| {
            let pdu = stream.heard.pdu(*pdu).and_then(|pdu| Pdu::decode(pdu).ok());
            pdu.is_some_and(|pdu| pdu.body.ptype() == PduType::BIND_ACK)
        };
        let ack = (0..stream.heard.pdus.len()).find(is_ack).and_then(|pdu| stream.heard.pdus.get(pdu));
        let Some(moment) = ack.and_then(|ack| stream.heard.moment(ack.end - 1)) else { continue };
        match wall {
            None => {
                let since = transcript.time(moment).as_micros().saturating_mul(TICKS);
                wall = Some(log_on.timestamp.saturating_sub(since));
            }
            Some(wall) => {
                let exact = Instant::from_micros(log_on.timestamp.saturating_sub(wall) / TICKS);
                let (before, after) = times.split_at_mut(moment);
                before.iter_mut().for_each(|time| *time = exact.min(*time));
                after.iter_mut().for_each(|time| *time = exact.max(*time));
                if let Some(time) = times.get_mut(moment) {
                    *time = exact;
                }
            }
        }
    }
    (FileTime(wall.unwrap_or(FileTime::UNIX_EPOCH.0)), times)
}
