//! One query: ExecQuery, the enumerator that is read, batches, the end.

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::VecDeque;

use crate::dcom;
use crate::entropy::Draw;
use crate::time::Instant;
use crate::wire::cim::ClassCache;
use crate::wire::dcom::exporter::NoParameters;
use crate::wire::dcom::rem_unknown::RemQueryInterfaceRequest;
use crate::wire::dcom::{MInterfacePointer, RemQueryInterface, StdObjRef};
use crate::wire::guid::IID_IWBEM_FETCH_SMART_ENUM;
use crate::wire::wmi::enumerator::NextRequest;
use crate::wire::wmi::services::ExecQueryRequest;
use crate::wire::wmi::{CloneEnumerator, ExecQuery, GetSmartEnum, Reset, Skip};
use crate::wire::{Guid, HResult, Operation as _, Reader};
use crate::wmi::batch::BatchSize;
use crate::wmi::changeover::{Index, Prefix};
use crate::wmi::classes::Classes;
use crate::wmi::source::{Read, Row, Source};
use crate::wmi::{Context, Effect, End, Failure, NotTaken, ObjectCall, Operation, Plan, Step, Way, Wish};

/// The machine of one query.
pub(crate) struct Cursor {
    plan: Plan,
    state: State,
    /// What is to be done, in order; the first one is under way when a call is.
    wishes: VecDeque<Wish>,
    /// Nothing is left to fetch.
    at_end: bool,
    batch: BatchSize,
    changeover: Changeover,
    /// Objects that came and that nobody wanted yet.
    ahead: VecDeque<Row>,
    /// How the enumeration ended, for when these are taken.
    ending: Option<Result<(), Failure>>,
    /// How many objects the last fetch asked for.
    wanted: Option<NonZeroU32>,
    /// Answers in a row that said «go on» and brought nothing.
    idle_answers: u32,
    /// Whether the last answer brought nothing, so that the next one may take its time too.
    was_idle: bool,
    held: Vec<Guid>,
    classes: ClassCache,
    rows: u64,
    notice: Option<HResult>,
    /// Whether it was begun anew already.
    anew: bool,
}

/// How far a query is with going over from Next to a smart enumerator; [`Prefix`] says why it is done so. One that prefers
/// the smart enumerator goes over before its first row.
enum Changeover {
    /// It does not, or it did.
    Settled,
    /// Next is read; these rows came.
    Before(Prefix),
    /// The smart enumerator is asked for, or for its first rows.
    Under(Prefix),
    /// Next is read to its end, because the first rows of the smart enumerator, which are kept, may have come already.
    Unclear { smart: Source, kept: Vec<Row> },
    /// Next came to its end. Whether the smart enumerator did tells what the rows are that were kept.
    Last(Vec<Row>),
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

impl Cursor {
    pub(crate) fn new(plan: Plan) -> Self {
        let changeover = match plan.way {
            Way::Both => Changeover::Before(Prefix::default()),
            Way::SmartOrNext => Changeover::Under(Prefix::default()),
            Way::Next | Way::Smart => Changeover::Settled,
        };
        Self {
            batch: BatchSize::new(plan.batch, &plan.limits),
            changeover,
            plan,
            state: State::Waiting,
            wishes: VecDeque::new(),
            at_end: false,
            ahead: VecDeque::new(),
            ending: None,
            wanted: None,
            idle_answers: 0,
            was_idle: false,
            held: Vec::new(),
            classes: ClassCache::default(),
            rows: 0,
            notice: None,
            anew: false,
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

    /// The session is lost: waits for the next one, once, when nothing was answered yet. Says whether it does.
    pub(crate) fn begin_anew(&mut self) -> bool {
        let unanswered = matches!(self.state, State::Waiting | State::Executing);
        if unanswered && !std::mem::replace(&mut self.anew, true) {
            self.state = State::Waiting;
            return true;
        }
        false
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
            self.end(Err(failure), cx);
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
        self.fall_back(enumerator, cx)
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
        match self.plan.way {
            Way::Smart | Way::SmartOrNext => self.ask_for_smart(enumerator, cx),
            Way::Next | Way::Both => self.open(Source::Next(enumerator), cx),
        }
    }

    fn ask_for_smart(&mut self, enumerator: Guid, cx: &mut Context<'_>) {
        let request =
            RemQueryInterfaceRequest { ipid: enumerator, refs: PUBLIC_REFS, iids: vec![IID_IWBEM_FETCH_SMART_ENUM] };
        let stub = dcom::stub::<RemQueryInterface>(cx.this, &request);
        let call = ObjectCall { object: None, opnum: RemQueryInterface::OPNUM, stub };
        cx.effects.push(Effect::Call(Operation::QueryInterface, call));
        self.state = State::AskingInterface { enumerator };
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
        if self.fall_back(enumerator, cx) { Ok(()) } else { Err(Failure::Status(refusal)) }
    }

    fn got_smart(&mut self, enumerator: Guid, stub: Reader, cx: &mut Context<'_>) -> Result<(), Failure> {
        let response = dcom::answer::<GetSmartEnum>(stub)?;
        if !response.status.is_success() {
            let goes_on = self.fall_back(enumerator, cx);
            return if goes_on { Ok(()) } else { Err(Failure::Status(response.status)) };
        }
        let ipid = self.adopt(response.pointer.as_ref(), cx)?;
        let mut proxy = [0; 16];
        cx.entropy.fill(Draw::SmartEnumProxy, &mut proxy);
        let proxy = Guid::from_bytes(proxy);
        let classes = Classes::new(&self.plan.limits);
        self.open(Source::Smart { ipid, proxy, classes, enumerator }, cx);
        Ok(())
    }

    /// The host offers no smart enumerator that brings anything: goes on with Next, for good, unless the query insists.
    fn fall_back(&mut self, enumerator: Guid, cx: &mut Context<'_>) -> bool {
        if !matches!(self.changeover, Changeover::Under(_)) {
            return false;
        }
        self.changeover = Changeover::Settled;
        self.open(Source::Next(enumerator), cx);
        true
    }

    fn open(&mut self, source: Source, cx: &mut Context<'_>) {
        self.state = State::Open(source);
        self.pull(cx);
    }

    /// Does what is to be done next when nothing is under way.
    pub(crate) fn pull(&mut self, cx: &mut Context<'_>) {
        self.hand_out(cx);
        if !self.ahead.is_empty() {
            return;
        }
        if let Some(outcome) = self.ending.take() {
            return self.over(outcome, cx);
        }
        let ahead = || self.wanted.filter(|_| self.plan.prefetch).map(Wish::Fetch);
        let Some(wish) = self.wishes.front().copied().or_else(ahead) else { return };
        let source = match std::mem::replace(&mut self.state, State::Done) {
            State::Open(source) => source,
            state => {
                self.state = state;
                return;
            }
        };
        match wish {
            Wish::Fetch(_) if self.at_end => self.end(Ok(()), cx),
            Wish::Fetch(wanted) => self.fetch(source, wanted, cx),
            Wish::Reset => self.act::<Reset>(Operation::Reset, source, &NoParameters, cx),
            // It does not say how far it came, so that it cannot be repeated: it has all the time that there is.
            Wish::Skip(count) => {
                let timeout = milliseconds(self.plan.deadline.saturating_since(cx.now));
                self.act::<Skip>(Operation::Skip, source, &NextRequest { timeout, count: count.get() }, cx);
            }
            Wish::Clone(_) => self.act::<CloneEnumerator>(Operation::Clone, source, &NoParameters, cx),
        }
    }

    fn fetch(&mut self, source: Source, wanted: NonZeroU32, cx: &mut Context<'_>) {
        let mut count = self.batch.count(wanted);
        match &mut self.changeover {
            Changeover::Before(prefix) if prefix.is_enough() => {
                self.changeover = Changeover::Under(std::mem::take(prefix));
                return self.ask_for_smart(source.enumerator(), cx);
            }
            Changeover::Under(prefix) => count = count.min(prefix.most()),
            Changeover::Last(_) => count = 1,
            Changeover::Before(_) | Changeover::Unclear { .. } | Changeover::Settled => {}
        }
        let left = self.plan.deadline.saturating_since(cx.now).min(SLICE);
        let timeout = milliseconds(left);
        let operation = if self.was_idle { Operation::NextAgain } else { Operation::Next };
        cx.effects.push(Effect::Call(operation, source.next(timeout, count, cx.this)));
        // Half the time, because clocks and timers of hosts are coarse.
        self.state = State::Fetching { source, count, patient: cx.now.saturating_add(left / 2) };
    }

    /// Gives the rows that came to who wants them.
    fn hand_out(&mut self, cx: &mut Context<'_>) {
        let Some(Wish::Fetch(wanted)) = self.wishes.front().copied() else { return };
        if self.ahead.is_empty() {
            return;
        }
        self.wishes.pop_front();
        self.wanted = Some(wanted);
        let rest = usize::try_from(wanted.get()).ok().filter(|wanted| *wanted < self.ahead.len());
        let rest = rest.map(|wanted| self.ahead.split_off(wanted)).unwrap_or_default();
        let rows = Vec::from(std::mem::replace(&mut self.ahead, rest));
        self.rows = self.rows.saturating_add(rows.len() as u64);
        cx.effects.push(Effect::Rows(rows));
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
                (self.at_end, self.idle_answers, self.was_idle) = (false, 0, false);
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

    /// Nothing more comes. That is told when the rows that came are taken; what the host holds is given back at once.
    fn end(&mut self, outcome: Result<(), Failure>, cx: &mut Context<'_>) {
        self.state = State::Done;
        if self.ahead.is_empty() {
            return self.over(outcome, cx);
        }
        self.ending = Some(outcome);
        cx.effects.push(Effect::Release);
    }

    fn over(&mut self, outcome: Result<(), Failure>, cx: &mut Context<'_>) {
        cx.effects.push(Effect::Done(outcome.map(|()| End { rows: self.rows, notice: self.notice })));
    }

    fn fetched(
        &mut self,
        mut source: Source,
        count: u32,
        in_haste: bool,
        stub: Reader,
        cx: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let octets = stub.remaining();
        let Read { mut rows, status, too_many_classes } = source.read(stub, &mut self.classes)?;
        let asked = usize::try_from(count).unwrap_or(usize::MAX);
        let more_than_asked = rows.len() > asked;
        rows.truncate(asked);
        let empty = rows.is_empty();
        if empty && IS_TOO_MUCH.contains(&status) && self.batch.halve(count) {
            // A Next that failed moved no index ([MS-WMI 3.1.4.4.2]): nothing is lost by asking for less.
            self.open(source, cx);
            return Ok(());
        }
        let verdict = self.check(status).and(match (more_than_asked, too_many_classes) {
            (true, _) => Err(Failure::Misbehaved("the host sent more objects than were asked for")),
            (_, true) => Err(Failure::Misbehaved("the host sent more classes than one query keeps")),
            _ => Ok(()),
        });
        let mut is_end = status == HResult::WBEM_S_FALSE;
        match std::mem::replace(&mut self.changeover, Changeover::Settled) {
            Changeover::Before(mut prefix) => {
                prefix.note(&rows);
                self.changeover = Changeover::Before(prefix);
            }
            Changeover::Under(prefix) if empty && !is_end => {
                self.changeover = Changeover::Under(prefix);
                if !status.is_success() && self.fall_back(source.enumerator(), cx) {
                    return Ok(());
                }
            }
            Changeover::Under(prefix) if !is_end && prefix.judge(&rows) == Index::Unclear => {
                verdict?;
                let next = Source::Next(source.enumerator());
                self.changeover = Changeover::Unclear { smart: source, kept: rows };
                self.open(next, cx);
                return Ok(());
            }
            Changeover::Last(_) if !empty => (rows, is_end) = (Vec::new(), true),
            Changeover::Last(kept) if is_end => rows = kept,
            changeover @ (Changeover::Last(_) | Changeover::Unclear { .. }) => self.changeover = changeover,
            Changeover::Under(_) | Changeover::Settled => {}
        }
        // Objects first, status second: a short last batch comes with WBEM_S_FALSE, and an error may follow rows.
        if !empty {
            self.batch.came(rows.len(), octets);
        }
        self.ahead = rows.into();
        self.hand_out(cx);
        verdict?;
        if is_end {
            return self.exhausted(source, empty, cx);
        }
        // A host that brings nothing, does not wait and does not end would keep us busy until the deadline.
        let timed_out = status == HResult::WBEM_S_TIMEDOUT;
        self.was_idle = empty;
        self.idle_answers = if empty && (in_haste || !timed_out) { self.idle_answers + 1 } else { 0 };
        if self.idle_answers > if timed_out { MAX_HASTY_ANSWERS } else { MAX_IDLE_ANSWERS } {
            return Err(Failure::Misbehaved("the host keeps answering without objects and without an end"));
        }
        self.open(source, cx);
        Ok(())
    }

    /// The enumerator that is read has nothing more.
    fn exhausted(&mut self, source: Source, empty: bool, cx: &mut Context<'_>) -> Result<(), Failure> {
        if let Changeover::Unclear { smart, kept } = std::mem::replace(&mut self.changeover, Changeover::Settled) {
            self.changeover = Changeover::Last(kept);
            self.open(smart, cx);
            return Ok(());
        }
        if !self.plan.is_rewindable() {
            self.end(Ok(()), cx);
            return Ok(());
        }
        if empty {
            self.wishes.pop_front();
        }
        self.at_end = true;
        cx.effects.push(Effect::AtEnd);
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
    cx.effects.push(Effect::Call(operation, ObjectCall::on::<O>(ipid, request, cx.this)));
}

fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// How many public references to ask for; what COM hands out by itself.
const PUBLIC_REFS: u32 = 5;

/// What a host says that cannot hold so many objects at once ([MS-WMI 2.2.11] WBEM_E_QUOTA_VIOLATION and
/// WBEM_E_OUT_OF_MEMORY, [MS-ERREF 2.1.1] E_OUTOFMEMORY).
const IS_TOO_MUCH: [HResult; 3] = [HResult(0x8004_106C), HResult(0x8004_1006), HResult(0x8007_000E)];

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
