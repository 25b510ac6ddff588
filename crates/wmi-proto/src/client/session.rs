//! The phases of a session, its loss, its end, and every transition between them.

use core::time::Duration;
use std::collections::BTreeSet;

use bytes::BytesMut;

use crate::client::activator::{Activator, Told};
use crate::client::establish::{Activating, Asking, Opening};
use crate::client::holdings::Holdings;
use crate::client::ready::Ready;
use crate::client::verdict::is_final;
use crate::client::work::{Ended, Work};
use crate::client::world::World;
use crate::client::{
    CallId, CommandError, Config, Error, ErrorKind, Event, ExecMethod, GetObject, Input, Output, Query, QueryId, Stage,
};
use crate::entropy::Entropy;
use crate::stats::Stats;
use crate::time::{FileTime, Instant};
use crate::transport::{TransportFailure, TransportId};
use crate::wire::FaultStatus;
use crate::wmi::Wish;

pub(super) struct Session {
    world: World,
    phase: Phase,
    work: Work,
    activator: Activator,
    /// Whether it was ready once: from then on it is established again after a loss.
    established: bool,
    /// Since when it has been ready, if it is.
    ready_since: Option<Instant>,
    /// Attempts to establish it, in a row, that failed or did not last.
    failures: u32,
    closing: bool,
}

/// A phase holds exactly what it needs; a transition consumes it.
pub(super) enum Phase {
    /// Asking the activator for WMI's log-in object.
    Activating(Activating),
    /// Asking the activator for its version, because it did not take ours.
    Asking(Asking),
    /// Connecting and binding to the process that holds it.
    Opening(Opening),
    /// Running queries.
    Ready(Ready),
    /// Without its host, until a command needs it.
    Down(Down),
    /// Giving references back.
    Releasing(Releasing),
    /// Waiting until no transport is left.
    Ending(Ending),
    /// Nothing happens any more.
    Closed,
}

pub(super) struct Down {
    /// What happened.
    error: Error,
    /// When the next attempt may be made.
    due: Instant,
}

pub(super) struct Releasing {
    ready: Ready,
    deadline: Instant,
}

pub(super) struct Ending {
    outcome: Result<(), Error>,
    /// When transports that are still flushing are dropped.
    linger: Option<Instant>,
}

/// What can happen to a phase.
pub(super) enum Happened {
    Opened,
    Received(BytesMut),
    Closed(Option<TransportFailure>),
    Tick,
    Close,
}

impl Session {
    pub(super) fn new(config: Config, entropy: Box<dyn Entropy>, now: Instant, wall: FileTime) -> Self {
        let mut world = World::new(config, entropy, now, wall);
        let activating = Activating::begin(None, &mut world);
        Self {
            world,
            phase: Phase::Activating(activating),
            work: Work::default(),
            activator: Activator::new(),
            established: false,
            ready_since: None,
            failures: 0,
            closing: false,
        }
    }

    pub(super) fn input(&mut self, input: Input, now: Instant) {
        debug_assert!(self.world.out.is_empty(), "outputs are to be drained before the next input");
        self.world.now = now;
        let (transport, happened) = match input {
            Input::Opened { transport } => (transport, Happened::Opened),
            Input::Received { transport, data } => (transport, Happened::Received(data)),
            Input::Closed { transport, failure } => (transport, Happened::Closed(failure)),
        };
        let known = self.world.is_open(transport);
        debug_assert!(known, "nothing is to be reported for {transport:?}, which was closed or never opened");
        if !known {
            return;
        }
        if matches!(happened, Happened::Closed(_)) {
            self.world.closed(transport);
        }
        if matches!(self.phase, Phase::Ending(_)) {
            return self.end();
        }
        if self.phase.transport() == Some(transport) {
            self.step(happened);
        } else if self.activator.transport() == Some(transport) {
            self.activator_step(happened);
        } else {
            self.other_step(transport, happened);
        }
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        self.world.now = now;
        let kind = match &self.phase {
            // What keeps the host away says more than that time is over.
            Phase::Down(down) => down.error.kind.clone(),
            _ => ErrorKind::TimedOut,
        };
        for query in self.work.queries.expired(now) {
            self.finish(query, kind.clone());
        }
        for call in self.work.calls.expired(now) {
            self.finish_call(call, kind.clone());
        }
        self.step(Happened::Tick);
        if matches!(self.phase, Phase::Ready(_)) {
            self.activator_step(Happened::Tick);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Activating(phase) => Some(phase.deadline()),
            Phase::Asking(phase) => Some(phase.deadline()),
            Phase::Opening(phase) => Some(phase.deadline()),
            Phase::Ready(phase) => [phase.next_timeout(), self.activator.next_timeout()].into_iter().flatten().min(),
            Phase::Down(phase) => (!self.work.is_empty()).then_some(phase.due),
            Phase::Releasing(phase) => Some(phase.deadline),
            Phase::Ending(phase) => phase.linger,
            Phase::Closed => None,
        };
        [phase, self.work.next_deadline()].into_iter().flatten().min()
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        let output = self.world.out.pop_front();
        if output.is_none() && self.world.out.capacity() > LARGE_QUEUE {
            self.world.out.shrink_to(LARGE_QUEUE);
        }
        output
    }

    pub(super) fn exec_query(&mut self, query: Query, now: Instant) -> Result<QueryId, CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        let id = self.work.queries.add(&query, now, &self.world.config.limits)?;
        self.begin();
        Ok(id)
    }

    /// A command waits: it begins when its namespace is open, and the session is established when it is lost.
    fn begin(&mut self) {
        self.run(|ready, work, world| ready.begin_waiting(work, world));
        self.wake();
    }

    pub(super) fn wish(&mut self, id: QueryId, wish: Wish, now: Instant) -> Result<(), CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        self.work.queries.get_mut(id).ok_or(CommandError::UnknownQuery)?.cursor.wish(wish)?;
        self.run(|ready, work, world| ready.pull(id, work, world));
        Ok(())
    }

    pub(super) fn clone_query(&mut self, id: QueryId, now: Instant) -> Result<QueryId, CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        let copy = self.work.queries.copy(id, now, &self.world.config.limits)?;
        self.run(|ready, work, world| ready.pull(id, work, world));
        Ok(copy)
    }

    pub(super) fn cancel(&mut self, id: QueryId, now: Instant) -> Result<(), CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        self.work.queries.get_mut(id).ok_or(CommandError::UnknownQuery)?;
        self.finish(id, ErrorKind::Cancelled);
        Ok(())
    }

    pub(super) fn get_object(&mut self, object: GetObject, now: Instant) -> Result<CallId, CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        let id = self.work.calls.get(object, now, &self.world.config.limits)?;
        self.begin();
        Ok(id)
    }

    pub(super) fn exec_method(&mut self, method: ExecMethod, now: Instant) -> Result<CallId, CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        let id = self.work.calls.exec(method, now, &self.world.config.limits)?;
        self.begin();
        Ok(id)
    }

    pub(super) fn cancel_call(&mut self, id: CallId, now: Instant) -> Result<(), CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        self.work.calls.get_mut(id).ok_or(CommandError::UnknownCall)?;
        self.finish_call(id, ErrorKind::Cancelled);
        Ok(())
    }

    pub(super) fn close(&mut self, now: Instant) {
        self.world.now = now;
        let open: Vec<QueryId> = self.work.queries.ids().collect();
        for id in open {
            self.finish(id, ErrorKind::Cancelled);
        }
        let open: Vec<CallId> = self.work.calls.ids().collect();
        for id in open {
            self.finish_call(id, ErrorKind::Cancelled);
        }
        self.closing = true;
        self.step(Happened::Close);
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub(super) const fn stats(&self) -> Stats {
        self.world.stats
    }

    pub(super) fn holdings(&self) -> Holdings {
        let of_phase = match &self.phase {
            Phase::Ready(ready) => ready.holdings(),
            _ => Holdings { at_rest: true, ..Holdings::default() },
        };
        let Work { queries, calls } = &self.work;
        Holdings {
            commands: queries.ids().count() + calls.ids().count(),
            transports: self.world.transports(),
            ..of_phase
        }
    }

    const fn accepts_commands(&self) -> Result<(), CommandError> {
        match self.phase {
            Phase::Activating(_) | Phase::Asking(_) | Phase::Opening(_) | Phase::Ready(_) | Phase::Down(_) => Ok(()),
            Phase::Releasing(_) | Phase::Ending(_) | Phase::Closed => Err(CommandError::Closed),
        }
    }

    /// Ends a query for a reason that is not the host's.
    fn finish(&mut self, id: QueryId, kind: ErrorKind) {
        let stage = match (&self.phase, self.work.queries.get_mut(id)) {
            (Phase::Ready(_), Some(query)) => query.stage(),
            (Phase::Down(down), _) => down.error.stage.clone(),
            _ => self.world.stage.clone(),
        };
        let error = Error::new(stage, kind);
        match &mut self.phase {
            Phase::Ready(ready) => ready.finish(id, Err(error), &mut self.work, &mut self.world),
            _ => {
                for (query, running) in self.work.queries.remove(id) {
                    let outcome = Err(running.concerned(error.clone()));
                    self.world.event(Event::QueryDone { query, outcome });
                }
            }
        }
    }

    /// Ends a call for a reason that is not the host's.
    fn finish_call(&mut self, id: CallId, kind: ErrorKind) {
        let Some(call) = self.work.calls.get_mut(id) else { return };
        let stage = match &self.phase {
            Phase::Ready(_) => call.stage(),
            Phase::Down(down) => down.error.stage.clone(),
            _ => self.world.stage.clone(),
        };
        let error = Error::new(stage, kind);
        match &mut self.phase {
            Phase::Ready(ready) => ready.reply(id, Err(error), &mut self.work, &mut self.world),
            _ => {
                if let Some(call) = self.work.calls.remove(id) {
                    self.world.event(Event::Reply { call: id, outcome: Err(call.concerned(error)) });
                }
            }
        }
    }

    /// Lets the ready phase work, if it is the one.
    fn run(&mut self, work: impl FnOnce(&mut Ready, &mut Work, &mut World) -> Result<(), Error>) {
        let Phase::Ready(ready) = &mut self.phase else { return };
        let result = work(ready, &mut self.work, &mut self.world);
        if let Err(error) = result.and_then(|()| ready.proceed(&mut self.work, &mut self.world)) {
            self.fail(error);
        }
        self.resolve();
    }

    /// The transition: the phase is consumed, what comes out is the next one; a failure stays.
    fn step(&mut self, happened: Happened) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        let next = match phase {
            Phase::Activating(phase) => phase.handle(happened, &mut self.activator, &mut self.world),
            Phase::Asking(phase) => phase.handle(happened, &mut self.world),
            Phase::Opening(phase) => phase.handle(happened, &mut self.world),
            Phase::Ready(phase) => handle_ready(phase, happened, &mut self.work, &mut self.activator, &mut self.world),
            Phase::Down(phase) => Ok(phase.handle(&happened, &mut self.activator, &mut self.world)),
            Phase::Releasing(phase) => phase.handle(happened, &mut self.work, &mut self.world),
            Phase::Ending(phase) => Ok(phase.handle(&happened, &mut self.world)),
            Phase::Closed => Ok(Phase::Closed),
        };
        match next {
            Ok(next) => self.enter(next),
            Err(error) => self.fail(error),
        }
        self.resolve();
        self.end();
    }

    fn enter(&mut self, next: Phase) {
        self.phase = next;
        match &self.phase {
            Phase::Ready(_) => {
                self.established = true;
                if self.ready_since.is_none() {
                    self.ready_since = Some(self.world.now);
                    self.run(|ready, work, world| ready.enter(work, world));
                }
            }
            Phase::Down(_) => self.wake(),
            _ => {}
        }
    }

    /// Something happened on the transport of another process with objects, or of one that was given up.
    fn other_step(&mut self, transport: TransportId, happened: Happened) {
        match &mut self.phase {
            Phase::Ready(_) => self.run(|ready, work, world| ready.other(transport, happened, work, world)),
            Phase::Asking(asking) => asking.keep(transport, happened, &mut self.world),
            Phase::Releasing(releasing) if releasing.ready.has_other(transport) => {
                // What it hands out is given back; when it is gone there is nothing to give back.
                if releasing.ready.other(transport, happened, &mut self.work, &mut self.world).is_err() {
                    self.world.abort(transport);
                }
                self.step(Happened::Tick);
            }
            _ => {}
        }
        self.end();
    }

    /// Has the object resolver asked for processes that are not known.
    fn resolve(&mut self) {
        let Phase::Ready(ready) = &mut self.phase else { return };
        for oxid in ready.take_unresolved() {
            self.activator.resolve(oxid, &mut self.world);
        }
        self.tell();
    }

    /// Tells the ready phase what the activator said.
    fn tell(&mut self) {
        for told in self.activator.take_told() {
            self.run(|ready, work, world| match told {
                Told::Gone(oid) => ready.gone(oid),
                Told::Resolved(oxid, answer) => {
                    ready.resolved(oxid, answer, work, world);
                    Ok(())
                }
            });
        }
    }

    /// Something happened on the association with the activator, or time passed for it.
    fn activator_step(&mut self, happened: Happened) {
        let alive = |since| match &self.phase {
            Phase::Ready(ready) => ready.objects(since),
            _ => BTreeSet::new(),
        };
        let (activator, world) = (&mut self.activator, &mut self.world);
        match happened {
            Happened::Opened => activator.opened(world),
            Happened::Received(data) => activator.receive(data, alive, world),
            Happened::Closed(_) => activator.closed(world),
            Happened::Tick => activator.tick(alive, world),
            Happened::Close => {}
        }
        self.tell();
        self.end();
    }

    /// A command waits and there is no host: tries again, when it is time.
    fn wake(&mut self) {
        let Phase::Down(down) = &self.phase else { return };
        if down.due <= self.world.now && !self.work.is_empty() {
            let kept = self.activator.take(&mut self.world);
            self.phase = Phase::Activating(Activating::begin(kept, &mut self.world));
        }
    }

    /// A failure ends the session for good when it never was ready, when its user closes it, or when trying again would
    /// be wrong. Otherwise only what was under way.
    fn fail(&mut self, error: Error) {
        let ready_since = self.ready_since.take();
        if !self.established || self.closing || is_final(&error.kind) {
            self.world.abort_all();
            let ended = self.work.drain();
            self.end_work(ended, &error);
            self.phase = Phase::Ending(Ending { outcome: Err(error), linger: None });
            return;
        }
        self.world.abort_all_but(self.activator.transport());
        // What a command waits for now it can wait for a second time, but not for ever.
        let ended = if ready_since.is_some() { self.work.lost() } else { self.work.drain() };
        self.end_work(ended, &error);
        let lasted = ready_since.is_some_and(|since| self.world.now.saturating_since(since) >= STABLE);
        self.failures = if lasted { 0 } else { self.failures.saturating_add(1) };
        let due = self.world.now.saturating_add(back_off(self.failures));
        if ready_since.is_some() {
            self.world.stats.losses += 1;
            self.world.event(Event::Lost { error: error.clone() });
        }
        self.enter(Phase::Down(Down { error, due }));
    }

    /// Tells what became of commands that end with the session or with its loss.
    fn end_work(&mut self, ended: Ended, error: &Error) {
        // Where a command was tells more than where the session was, once there is something to tell apart.
        let early = matches!(error.stage, Stage::Connect(_) | Stage::Bind(_) | Stage::Activate);
        let at = |stage| Error::new(if early { error.stage.clone() } else { stage }, error.kind.clone());
        for (query, running) in ended.queries {
            let outcome = Err(running.concerned(at(running.stage())));
            self.world.event(Event::QueryDone { query, outcome });
        }
        for (call, running) in ended.calls {
            let outcome = Err(running.concerned(at(running.stage())));
            self.world.event(Event::Reply { call, outcome });
        }
    }

    /// Leaves `Ending` when nothing is left to wait for.
    fn end(&mut self) {
        if self.world.has_transports() || !matches!(self.phase, Phase::Ending(_)) {
            return;
        }
        if let Phase::Ending(ending) = std::mem::replace(&mut self.phase, Phase::Closed) {
            self.world.event(Event::Closed { outcome: ending.outcome });
        }
    }
}

impl Phase {
    const fn transport(&self) -> Option<TransportId> {
        match self {
            Self::Activating(phase) => Some(phase.transport()),
            Self::Asking(phase) => Some(phase.transport()),
            Self::Opening(phase) => Some(phase.transport()),
            Self::Ready(phase) => Some(phase.transport()),
            Self::Releasing(phase) => Some(phase.ready.transport()),
            Self::Down(_) | Self::Ending(_) | Self::Closed => None,
        }
    }
}

fn handle_ready(
    mut ready: Ready,
    happened: Happened,
    work: &mut Work,
    activator: &mut Activator,
    world: &mut World,
) -> Result<Phase, Error> {
    match happened {
        Happened::Opened => {}
        Happened::Received(data) => ready.receive(data, work, world)?,
        Happened::Closed(failure) => return Err(lost(failure, world)),
        Happened::Tick => {
            ready.tick(work, world)?;
            ready.proceed(work, world)?;
        }
        Happened::Close => {
            world.stage(Stage::Release);
            activator.close(world);
            let deadline = world.now.saturating_add(world.config.linger);
            return Releasing { ready, deadline }.advance(world);
        }
    }
    Ok(Phase::Ready(ready))
}

impl Down {
    fn handle(self, happened: &Happened, activator: &mut Activator, world: &mut World) -> Phase {
        if matches!(happened, Happened::Close) {
            activator.close(world);
            let linger = Some(world.now.saturating_add(world.config.linger));
            return Phase::Ending(Ending { outcome: Ok(()), linger });
        }
        Phase::Down(self)
    }
}

impl Releasing {
    fn handle(mut self, happened: Happened, work: &mut Work, world: &mut World) -> Result<Phase, Error> {
        match happened {
            Happened::Opened | Happened::Close => {}
            Happened::Received(data) => {
                self.ready.hear(data, world);
                // One thing at a time, as if each had come by itself.
                while self.ready.proceed_once(work, world)? {
                    match self.advance(world)? {
                        Phase::Releasing(on) => self = on,
                        over => return Ok(over),
                    }
                }
            }
            // The host has nothing of ours any more, or collects it by itself.
            Happened::Closed(_) => {
                self.ready.close(world);
                return Ok(Phase::Ending(Ending { outcome: Ok(()), linger: Some(self.deadline) }));
            }
            Happened::Tick if world.now >= self.deadline => return Ok(Ending::abort(world)),
            Happened::Tick => return self.advance(world),
        }
        Ok(Phase::Releasing(self))
    }

    /// Gives everything back at once, and what answers that are still due bring; then says goodbye.
    fn advance(mut self, world: &mut World) -> Result<Phase, Error> {
        self.ready.release_all(world)?;
        if self.ready.is_idle() {
            self.ready.close(world);
            return Ok(Phase::Ending(Ending { outcome: Ok(()), linger: Some(self.deadline) }));
        }
        Ok(Phase::Releasing(self))
    }
}

impl Ending {
    /// Drops what is open, without a goodbye.
    pub(super) fn abort(world: &mut World) -> Phase {
        world.abort_all();
        Phase::Ending(Self { outcome: Ok(()), linger: None })
    }

    fn handle(mut self, happened: &Happened, world: &mut World) -> Phase {
        if matches!(happened, Happened::Tick) && self.linger.is_some_and(|due| world.now >= due) {
            self.linger = None;
            world.abort_all();
        }
        Phase::Ending(self)
    }
}

pub(super) fn lost(failure: Option<TransportFailure>, world: &World) -> Error {
    let kind = failure.map_or(ErrorKind::Disconnected, ErrorKind::Transport);
    Error::new(world.stage.clone(), kind)
}

pub(super) fn expire(deadline: Instant, connected: bool, world: &World) -> Result<(), Error> {
    if world.now < deadline {
        return Ok(());
    }
    let kind = if connected { ErrorKind::TimedOut } else { ErrorKind::Transport(TransportFailure::TimedOut) };
    Err(Error::new(world.stage.clone(), kind))
}

pub(super) const fn fault(status: FaultStatus, verified: bool) -> ErrorKind {
    if verified { ErrorKind::Fault(status) } else { ErrorKind::UnverifiedFault(status) }
}

/// How long to wait after so many failures in a row: not at all, then from a second up to a minute.
fn back_off(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        n => Duration::from_secs(1 << (n - 1).min(6)).min(LONGEST_BACK_OFF),
    }
}

const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// A session that was ready for so long is established again at once.
const STABLE: Duration = Duration::from_secs(60);

/// Room that the output queue keeps when it is empty.
const LARGE_QUEUE: usize = 1024;
