//! The calls of a session, from their command to their reply.

use std::collections::BTreeMap;

use crate::client::queries::{MAX_IDENTIFIER, MAX_NAMESPACE, MAX_PATH, fits};
use crate::client::{CallId, CommandError, Error, ExecMethod, GetObject, Stage};
use crate::limits::Limits;
use crate::path::ObjectPath;
use crate::time::Instant;
use crate::wire::dcom::MInterfacePointer;
use crate::wire::wmi::WbemContext;
use crate::wmi::{Call, Demand, normalize};

#[derive(Default)]
pub(super) struct Calls {
    running: BTreeMap<CallId, RunningCall>,
    next: u32,
}

pub(super) struct RunningCall {
    pub(super) machine: Call,
    /// The namespace as the wire and the table of namespaces spell it.
    pub(super) resource: String,
    /// The namespace as the caller wrote it.
    pub(super) namespace: String,
    /// The class that the path names.
    class: Option<String>,
    deadline: Instant,
}

impl RunningCall {
    pub(super) fn stage(&self) -> Stage {
        match self.machine.step() {
            None => Stage::Login { namespace: self.namespace.clone() },
            Some(step) => step.into(),
        }
    }

    /// `error` with what this call is about.
    pub(super) fn concerned(&self, error: Error) -> Error {
        error.about(&self.namespace, self.class.as_deref())
    }
}

impl Calls {
    pub(super) fn get(&mut self, call: GetObject, now: Instant, limits: &Limits) -> Result<CallId, CommandError> {
        let class = self.check(&call.path, &call.namespace, limits)?.class_name().map(str::to_owned);
        let machine = Call::new(Demand::get(call.path, call.amended), pointer(call.context.as_ref()));
        Ok(self.insert(machine, call.namespace, class, now.saturating_add(call.timeout)))
    }

    pub(super) fn exec(&mut self, call: ExecMethod, now: Instant, limits: &Limits) -> Result<CallId, CommandError> {
        let path = self.check(&call.path, &call.namespace, limits)?;
        is_text(&call.method, "its method has no name")?;
        fits("the method's name", &call.method, MAX_IDENTIFIER)?;
        let class = path.class_name().ok_or(CommandError::BadCall("a namespace has no methods"))?.to_owned();
        let described_by = path.without_keys().to_string();
        let demand = Demand::exec(call.path, described_by, call.method, call.parameters);
        let machine = Call::new(demand, pointer(call.context.as_ref()));
        Ok(self.insert(machine, call.namespace, Some(class), now.saturating_add(call.timeout)))
    }

    /// The path of a call, when it can be made.
    fn check(&self, path: &str, namespace: &str, limits: &Limits) -> Result<ObjectPath, CommandError> {
        if self.running.len() >= limits.max_calls {
            return Err(CommandError::TooMany);
        }
        is_text(namespace, "its namespace is empty")?;
        fits("the namespace", namespace, MAX_NAMESPACE)?;
        fits("the path", path, MAX_PATH)?;
        let path: ObjectPath = path.parse()?;
        fits("the class's name", path.class_name().unwrap_or_default(), MAX_IDENTIFIER)?;
        Ok(path)
    }

    fn insert(&mut self, machine: Call, namespace: String, class: Option<String>, deadline: Instant) -> CallId {
        let id = CallId(self.next);
        self.next = self.next.wrapping_add(1);
        let resource = normalize(&namespace);
        self.running.insert(id, RunningCall { machine, resource, namespace, class, deadline });
        id
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> Option<&mut RunningCall> {
        self.running.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<RunningCall> {
        self.running.remove(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = CallId> + '_ {
        self.running.keys().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (CallId, &RunningCall)> + '_ {
        self.running.iter().map(|(id, running)| (*id, running))
    }

    /// The calls that wait for the methods of the class at `path`.
    pub(super) fn described_by(&self, resource: &str, path: &str) -> Vec<CallId> {
        let waits = |call: &RunningCall| {
            call.machine.is_waiting()
                && call.resource.eq_ignore_ascii_case(resource)
                && call.machine.wanted_class().is_some_and(|class| class.eq_ignore_ascii_case(path))
        };
        self.iter().filter(|(_, call)| waits(call)).map(|(id, _)| id).collect()
    }

    pub(super) fn expired(&self, now: Instant) -> Vec<CallId> {
        self.iter().filter(|(_, running)| running.deadline <= now).map(|(id, _)| id).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.running.values().map(|running| running.deadline).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// The host is lost: takes out what was under way. What was not sent, or can do no harm when it is done twice, waits
    /// again, once.
    pub(super) fn lost(&mut self) -> BTreeMap<CallId, RunningCall> {
        let mut ended = std::mem::take(&mut self.running);
        let kept: Vec<CallId> =
            ended.iter_mut().filter_map(|(id, call)| call.machine.begin_anew().then_some(*id)).collect();
        self.running = kept.into_iter().filter_map(|id| ended.remove_entry(&id)).collect();
        ended
    }

    /// All of them.
    pub(super) fn drain(&mut self) -> BTreeMap<CallId, RunningCall> {
        std::mem::take(&mut self.running)
    }
}

fn pointer(context: Option<&WbemContext>) -> Option<MInterfacePointer> {
    context.map(MInterfacePointer::from_wbem_context)
}

/// Text that a BSTR or a path cannot be.
fn is_text(text: &str, empty: &'static str) -> Result<(), CommandError> {
    if text.contains('\0') {
        return Err(CommandError::BadCall("it contains a NUL"));
    }
    if text.trim().is_empty() { Err(CommandError::BadCall(empty)) } else { Ok(()) }
}
