//! One query: ExecQuery, the choice of an enumerator, batches, the end.

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::VecDeque;

use crate::dcom;
use crate::entropy::Draw;
use crate::time::Instant;
use crate::wire::cim::{CimObject, ClassCache};
use crate::wire::dcom::exporter::NoParameters;
use crate::wire::dcom::rem_unknown::RemQueryInterfaceRequest;
use crate::wire::dcom::{MInterfacePointer, RemQueryInterface, StdObjRef};
use crate::wire::guid::IID_IWBEM_FETCH_SMART_ENUM;
use crate::wire::wmi::enumerator::NextRequest;
use crate::wire::wmi::services::ExecQueryRequest;
use crate::wire::wmi::smart_enum::SmartNextRequest;
use crate::wire::wmi::{CloneEnumerator, DataPacket, ExecQuery, GetSmartEnum, Next, Reset, Skip, SmartNext};
use crate::wire::{Guid, HResult, Operation as _, Reader, Wire, WireError};
use crate::wmi::classes::Classes;
use crate::wmi::{Context, Effect, End, Failure, NotTaken, ObjectCall, Operation, Plan, Step, Wish};

/// The machine of one query.
pub(crate) struct Cursor {
    plan: Plan,
    state: State,
    /// What is to be done, in order; the first one is under way when a call is.
    wishes: VecDeque<Wish>,
    /// Nothing is left to fetch.
    at_end: bool,
    /// How many objects the next call asks for.
    batch: u32,
    /// Answers in a row that said «go on» and brought nothing.
    idle_answers: u32,
    held: Vec<Guid>,
    classes: ClassCache,
    rows: u64,
    notice: Option<HResult>,
}

enum State {
    /// For the namespace.
    Waiting,
    /// For the query of which it is a copy.
    Unmade,
    Executing,
    AskingInterface {
        enumerator: Guid,
    },
    GettingSmart {
        enumerator: Guid,
    },
    Open(Source),
    Fetching {
        source: Source,
        /// How many objects were asked for.
        count: u32,
        /// When a host that waits as it was told may say that there is nothing yet, roughly.
        patient: Instant,
    },
    /// Reset, Skip or Clone, the first wish.
    Moving(Source),
    Done,
}

enum Source {
    Next(Guid),
    Smart {
        ipid: Guid,
        proxy: Guid,
        classes: Classes,
        /// The enumerator that it was made of.
        enumerator: Guid,
    },
}

impl Source {
    /// The IEnumWbemClassObject. The smart enumerator reads the same current index ([MS-WMI 3.1.4.7.1]); Windows' own
    /// client resets the one and goes on with the other.
    const fn enumerator(&self) -> Guid {
        match self {
            Self::Next(enumerator) | Self::Smart { enumerator, .. } => *enumerator,
        }
    }
}

impl Cursor {
    pub(crate) fn new(plan: Plan) -> Self {
        let batch = plan.batch.map_or(FIRST_BATCH, NonZeroU32::get);
        Self {
            plan,
            state: State::Waiting,
            wishes: VecDeque::new(),
            at_end: false,
            batch,
            idle_answers: 0,
            held: Vec::new(),
            classes: ClassCache::default(),
            rows: 0,
            notice: None,
        }
    }

    /// A cursor that will be a copy of this one, with a deadline of its own.
    pub(crate) fn unmade_copy(&self, deadline: Instant) -> Self {
        Self { state: State::Unmade, ..Self::new(Plan { deadline, ..self.plan.clone() }) }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.plan.deadline
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    pub(crate) fn step(&self) -> Step {
        match self.state {
            State::Waiting | State::Unmade | State::Executing => Step::Query,
            State::AskingInterface { .. } | State::GettingSmart { .. } => Step::SmartEnum,
            State::Open(_) | State::Fetching { .. } | State::Moving(_) | State::Done => Step::Fetch,
        }
    }

    /// The interface pointers that this query got, for giving them back.
    pub(crate) fn take_held(&mut self) -> Vec<Guid> {
        std::mem::take(&mut self.held)
    }

    /// The namespace is open: sends ExecQuery.
    pub(crate) fn begin(&mut self, services: Guid, cx: &mut Context<'_>) {
        let request = ExecQueryRequest {
            flags: self.plan.flags,
            context: self.plan.context.clone(),
            ..ExecQueryRequest::wql(&self.plan.wql)
        };
        call::<ExecQuery>(Operation::ExecQuery, services, &request, cx);
        self.state = State::Executing;
    }

    /// Notes what is to be done; `pull` carries it out.
    pub(crate) fn wish(&mut self, wish: Wish) -> Result<(), NotTaken> {
        if let Wish::Fetch(_) = wish {
            if self.wishes.iter().any(|wish| matches!(wish, Wish::Fetch(_))) {
                return Err(NotTaken::Fetching);
            }
        } else if !self.plan.is_rewindable() {
            return Err(NotTaken::ForwardOnly);
        } else if self.wishes.len() >= MAX_WISHES {
            return Err(NotTaken::TooMany);
        }
        self.wishes.push_back(wish);
        Ok(())
    }

    /// The copies that were not made.
    pub(crate) fn unmade(&self) -> impl Iterator<Item = u32> + '_ {
        self.wishes.iter().filter_map(|wish| if let Wish::Clone(copy) = wish { Some(*copy) } else { None })
    }

    /// The copy is made: takes its enumerator over.
    pub(crate) fn made(&mut self, std: StdObjRef, cx: &mut Context<'_>) {
        self.hold(std, cx);
        self.choose(std.ipid, cx);
    }

    /// The host refused the call in flight. When that was a Clone, only the copy is lost.
    pub(crate) fn lost_copy(&mut self) -> Option<u32> {
        let Some(Wish::Clone(copy)) = self.wishes.front().copied() else { return None };
        match std::mem::replace(&mut self.state, State::Done) {
            State::Moving(source) => {
                self.state = State::Open(source);
                self.wishes.pop_front();
                Some(copy)
            }
            state => {
                self.state = state;
                None
            }
        }
    }

    /// The answer to the call in flight. After `Done` nothing is answered any more.
    pub(crate) fn answer(&mut self, stub: Reader, cx: &mut Context<'_>) {
        let result = match std::mem::replace(&mut self.state, State::Done) {
            State::Executing => self.executed(stub, cx),
            State::AskingInterface { enumerator } => self.asked(enumerator, stub, cx),
            State::GettingSmart { enumerator } => self.got_smart(enumerator, stub, cx),
            State::Fetching { source, count, patient } => {
                let in_haste = cx.now < patient;
                self.fetched(source, count, in_haste, stub, cx)
            }
            State::Moving(source) => self.moved(source, stub, cx),
            state @ (State::Waiting | State::Unmade | State::Open(_) | State::Done) => {
                self.state = state;
                Ok(())
            }
        };
        if let Err(failure) = result {
            self.state = State::Done;
            cx.effects.push(Effect::Done(Err(failure)));
        }
    }

    /// The host refused the call in flight, for a reason other than the query's, or it could not be `made` at all. Says
    /// whether the cursor can go on.
    pub(crate) fn refused(&mut self, made: bool, cx: &mut Context<'_>) -> bool {
        let enumerator = match &self.state {
            State::AskingInterface { enumerator } | State::GettingSmart { enumerator } => *enumerator,
            // Rows of a Next that was made may be lost: another enumerator would go on behind them.
            State::Fetching { source: Source::Smart { enumerator, .. }, .. } if !made => *enumerator,
            _ => return false,
        };
        if self.plan.fall_back {
            self.open(Source::Next(enumerator), cx);
        }
        self.plan.fall_back
    }

    fn executed(&mut self, stub: Reader, cx: &mut Context<'_>) -> Result<(), Failure> {
        let response = dcom::answer::<ExecQuery>(stub)?;
        self.check(response.status)?;
        let enumerator = self.adopt(response.pointer.as_ref(), cx)?;
        self.choose(enumerator, cx);
        Ok(())
    }

    /// Goes on with the enumerator that is wanted.
    fn choose(&mut self, enumerator: Guid, cx: &mut Context<'_>) {
        if self.plan.smart {
            let request = RemQueryInterfaceRequest {
                ipid: enumerator,
                refs: PUBLIC_REFS,
                iids: vec![IID_IWBEM_FETCH_SMART_ENUM],
            };
            let stub = dcom::stub::<RemQueryInterface>(cx.this, &request);
            let call = ObjectCall { object: None, opnum: RemQueryInterface::OPNUM, stub };
            cx.effects.push(Effect::Call(Operation::QueryInterface, call));
            self.state = State::AskingInterface { enumerator };
        } else {
            self.open(Source::Next(enumerator), cx);
        }
    }

    fn asked(&mut self, enumerator: Guid, stub: Reader, cx: &mut Context<'_>) -> Result<(), Failure> {
        let response = dcom::answer::<RemQueryInterface>(stub)?;
        let refusal = if response.status.is_success() {
            match response.results.first() {
                Some(item) if item.result.is_success() => {
                    self.hold(item.std, cx);
                    call::<GetSmartEnum>(Operation::GetSmartEnum, item.std.ipid, &NoParameters, cx);
                    self.state = State::GettingSmart { enumerator };
                    return Ok(());
                }
                Some(item) => item.result,
                None => return Err(Failure::Misbehaved("RemQueryInterface answered without a result")),
            }
        } else {
            response.status
        };
        self.fall_back(enumerator, refusal, cx)
    }

    fn got_smart(&mut self, enumerator: Guid, stub: Reader, cx: &mut Context<'_>) -> Result<(), Failure> {
        let response = dcom::answer::<GetSmartEnum>(stub)?;
        if !response.status.is_success() {
            return self.fall_back(enumerator, response.status, cx);
        }
        let ipid = self.adopt(response.pointer.as_ref(), cx)?;
        let mut proxy = [0; 16];
        cx.entropy.fill(Draw::SmartEnumProxy, &mut proxy);
        let proxy = Guid::from_bytes(proxy);
        let classes = Classes::new(&self.plan.limits);
        self.open(Source::Smart { ipid, proxy, classes, enumerator }, cx);
        Ok(())
    }

    fn fall_back(&mut self, enumerator: Guid, refusal: HResult, cx: &mut Context<'_>) -> Result<(), Failure> {
        if !self.plan.fall_back {
            return Err(Failure::Status(refusal));
        }
        self.open(Source::Next(enumerator), cx);
        Ok(())
    }

    fn open(&mut self, source: Source, cx: &mut Context<'_>) {
        self.state = State::Open(source);
        self.pull(cx);
    }

    /// Does what is to be done next when nothing is under way.
    pub(crate) fn pull(&mut self, cx: &mut Context<'_>) {
        let Some(wish) = self.wishes.front().copied() else { return };
        let source = match std::mem::replace(&mut self.state, State::Done) {
            State::Open(source) => source,
            state => {
                self.state = state;
                return;
            }
        };
        let left = self.plan.deadline.saturating_since(cx.now);
        let wanted = match wish {
            Wish::Fetch(wanted) => wanted,
            Wish::Reset => return self.act::<Reset>(Operation::Reset, source, &NoParameters, cx),
            // It does not say how far it came, so that it cannot be repeated: it has all the time that there is.
            Wish::Skip(count) => {
                let request = NextRequest { timeout: milliseconds(left), count: count.get() };
                return self.act::<Skip>(Operation::Skip, source, &request, cx);
            }
            Wish::Clone(_) => return self.act::<CloneEnumerator>(Operation::Clone, source, &NoParameters, cx),
        };
        if self.at_end {
            return self.end(cx);
        }
        let count = self.batch.min(wanted.get()).min(self.plan.limits.max_batch).max(1);
        let left = left.min(SLICE);
        let timeout = milliseconds(left);
        match &source {
            Source::Next(ipid) => call::<Next>(Operation::Next, *ipid, &NextRequest { timeout, count }, cx),
            Source::Smart { ipid, proxy, .. } => {
                let request = SmartNextRequest { proxy_guid: *proxy, timeout, count };
                call::<SmartNext>(Operation::Next, *ipid, &request, cx);
            }
        }
        // Half the time, because clocks and timers of hosts are coarse.
        self.state = State::Fetching { source, count, patient: cx.now.saturating_add(left / 2) };
    }

    fn act<O: crate::wire::Operation>(
        &mut self,
        operation: Operation,
        source: Source,
        request: &O::Request,
        cx: &mut Context<'_>,
    ) {
        call::<O>(operation, source.enumerator(), request, cx);
        self.state = State::Moving(source);
    }

    /// The answer to Reset, Skip or Clone.
    fn moved(&mut self, source: Source, stub: Reader, cx: &mut Context<'_>) -> Result<(), Failure> {
        match self.wishes.pop_front() {
            Some(Wish::Reset) => {
                self.check(dcom::answer::<Reset>(stub)?)?;
                (self.at_end, self.idle_answers) = (false, 0);
                cx.effects.push(Effect::Reset);
            }
            Some(Wish::Skip(_)) => {
                let status = dcom::answer::<Skip>(stub)?;
                self.check(status)?;
                if status == HResult::WBEM_S_TIMEDOUT {
                    return Err(Failure::Misbehaved("the host gave a skip up; how far it came is not known"));
                }
                cx.effects.push(Effect::Skipped);
                if status == HResult::WBEM_S_FALSE {
                    self.at_end = true;
                    cx.effects.push(Effect::AtEnd);
                }
            }
            Some(Wish::Clone(copy)) => {
                let outcome = dcom::answer::<CloneEnumerator>(stub).map_err(Failure::from).and_then(|response| {
                    self.check(response.status)?;
                    let pointer = response.pointer.ok_or(Failure::Misbehaved("success without an object"))?;
                    Ok(pointer.std()?)
                });
                cx.effects.push(Effect::Cloned(copy, outcome));
            }
            Some(Wish::Fetch(_)) | None => {}
        }
        self.open(source, cx);
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) {
        self.state = State::Done;
        cx.effects.push(Effect::Done(Ok(End { rows: self.rows, notice: self.notice })));
    }

    fn fetched(
        &mut self,
        mut source: Source,
        count: u32,
        in_haste: bool,
        stub: Reader,
        cx: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let (mut rows, status, too_many_classes) = match &mut source {
            Source::Next(_) => {
                let response = dcom::answer::<Next>(stub)?;
                let decode = |pointer| object(pointer, &mut self.classes);
                (response.objects.iter().map(decode).collect::<Vec<_>>(), response.status, false)
            }
            Source::Smart { classes, .. } => {
                let response = dcom::answer::<SmartNext>(stub)?;
                let objects = if response.buffer.is_empty() {
                    Vec::new()
                } else {
                    DataPacket::from_bytes(response.buffer)?.objects
                };
                let decode = |item| classes.object(item, &mut self.classes);
                let rows = objects.into_iter().map(decode).collect();
                (rows, response.status, classes.is_full())
            }
        };
        let asked = usize::try_from(count).unwrap_or(usize::MAX);
        let more_than_asked = rows.len() > asked;
        rows.truncate(asked);
        // Objects first, status second: a short last batch comes with WBEM_S_FALSE, and an error may follow rows.
        let empty = rows.is_empty();
        if !empty {
            self.rows = self.rows.saturating_add(rows.len() as u64);
            self.wishes.pop_front();
            if self.plan.batch.is_none() {
                self.batch = self.batch.saturating_mul(GROWTH).min(LARGEST_BATCH);
            }
            cx.effects.push(Effect::Rows(rows));
        }
        self.check(status)?;
        if more_than_asked {
            return Err(Failure::Misbehaved("the host sent more objects than were asked for"));
        }
        if too_many_classes {
            return Err(Failure::Misbehaved("the host sent more classes than one query keeps"));
        }
        if status == HResult::WBEM_S_FALSE {
            if !self.plan.is_rewindable() {
                self.end(cx);
                return Ok(());
            }
            if empty {
                self.wishes.pop_front();
            }
            self.at_end = true;
            cx.effects.push(Effect::AtEnd);
            self.open(source, cx);
            return Ok(());
        }
        // A host that brings nothing, does not wait and does not end would keep us busy until the deadline.
        let timed_out = status == HResult::WBEM_S_TIMEDOUT;
        self.idle_answers = if empty && (in_haste || !timed_out) { self.idle_answers + 1 } else { 0 };
        if self.idle_answers > if timed_out { MAX_HASTY_ANSWERS } else { MAX_IDLE_ANSWERS } {
            return Err(Failure::Misbehaved("the host keeps answering without objects and without an end"));
        }
        self.open(source, cx);
        Ok(())
    }

    fn check(&mut self, status: HResult) -> Result<(), Failure> {
        if !status.is_success() {
            return Err(Failure::Status(status));
        }
        if ![HResult::S_OK, HResult::WBEM_S_FALSE, HResult::WBEM_S_TIMEDOUT].contains(&status) {
            self.notice = Some(status);
        }
        Ok(())
    }

    fn adopt(&mut self, pointer: Option<&MInterfacePointer>, cx: &mut Context<'_>) -> Result<Guid, Failure> {
        let pointer = pointer.ok_or(Failure::Misbehaved("success without an object"))?;
        let std = pointer.std()?;
        self.hold(std, cx);
        Ok(std.ipid)
    }

    fn hold(&mut self, std: StdObjRef, cx: &mut Context<'_>) {
        self.held.push(std.ipid);
        cx.effects.push(Effect::Adopt(std));
    }
}

fn call<O: crate::wire::Operation>(operation: Operation, ipid: Guid, request: &O::Request, cx: &mut Context<'_>) {
    let stub = dcom::stub::<O>(cx.this, request);
    let call = ObjectCall { object: Some((O::INTERFACE, ipid)), opnum: O::OPNUM, stub };
    cx.effects.push(Effect::Call(operation, call));
}

fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// An object marshalled by value ([MS-WMI 2.2.4]).
fn object(pointer: &MInterfacePointer, classes: &mut ClassCache) -> Result<CimObject, WireError> {
    CimObject::decode_unit_with(classes, pointer.wbem_object()?)
}

/// How many public references to ask for; what COM hands out by itself.
const PUBLIC_REFS: u32 = 5;

/// The first batch is small, so that the first row of a slow provider is not held back.
const FIRST_BATCH: u32 = 16;

/// The factor from one batch to the next.
const GROWTH: u32 = 4;

/// The largest batch that is asked for by itself.
const LARGEST_BATCH: u32 = 1024;

/// How much one query can be told to do before anything of it is done.
const MAX_WISHES: usize = 64;

/// How long the host may hold back a batch that is not full.
const SLICE: Duration = Duration::from_secs(1);

/// How often in a row a host may say S_OK and bring nothing.
const MAX_IDLE_ANSWERS: u32 = 16;

/// How often in a row a host may say WBEM_S_TIMEDOUT without having waited: far more than one with a timer of its own
/// needs, far less than a fast one could until the deadline.
const MAX_HASTY_ANSWERS: u32 = 1000;

#[cfg(test)]
mod tests;
