//! What happens to a host while clients hold on to it: restarts, objects and ping sets that are forgotten, goodbyes.

use std::time::Duration;

use bytes::Bytes;
use wmi_proto::wire::rpc::{Body, Pdu};
use wmi_proto::wire::wmi::enumerator::NextResponse;
use wmi_proto::wire::wmi::smart_enum::SmartNextResponse;
use wmi_proto::wire::wmi::{
    CloneEnumerator, ExecQuery, GetObject, GetSmartEnum, Next, NtlmLogin, Reset, Skip, SmartNext,
};
use wmi_proto::wire::{FaultStatus, HResult, Operation};
use wmi_proto::{Instant, Password, Role};

use crate::Host;
use crate::connection::Call;
use crate::dispatch::{Outcome, operate};
use crate::machine::Machine;
use crate::services::{path_response, refused};

/// What a host says to calls of objects that it no longer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gone {
    /// A fault RPC_E_DISCONNECTED.
    #[default]
    Disconnected,
    /// A fault CO_E_OBJNOTREG.
    NotRegistered,
    /// A fault CO_E_SERVER_STOPPING.
    ServerStopping,
    /// WBEM_E_SHUTTING_DOWN as the result of the call, where it is one of WMI's.
    ShuttingDown,
}

impl Gone {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Disconnected, Self::NotRegistered, Self::ServerStopping, Self::ShuttingDown];
}

/// How WMI's service ends and begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Restart {
    /// What is said to calls of the objects that were.
    pub gone: Gone,
    /// Where the new process listens, if that is elsewhere.
    pub port: Option<u16>,
    /// For how long it cannot be activated.
    pub downtime: Duration,
}

/// What a test can have happen to a host at any moment.
impl Host {
    /// WMI's service ends and begins anew: all objects die, and connections stay.
    pub fn restart_wmi(&mut self, restart: Restart, now: Instant) {
        self.machine.advance(now);
        self.machine.restart(restart.port);
        self.machine.gone = restart.gone;
        self.machine.activates_from = now.saturating_add(restart.downtime);
    }

    /// The machine starts again: all connections are reset and nothing of what was is known. It does not listen for
    /// `downtime`, and then its objects do at `port`, if that is another one.
    pub fn reboot(&mut self, downtime: Duration, port: Option<u16>, now: Instant) {
        self.machine.advance(now);
        let connections = [Role::Activator, Role::ObjectServer].map(|role| self.connections_at(role));
        for conn in connections.into_iter().flatten() {
            self.machine.reset(conn);
            self.forget(conn);
        }
        self.machine.restart(port);
        self.forget_ping_sets(now);
        self.machine.gone = Gone::default();
        self.machine.listens_from = now.saturating_add(downtime);
    }

    /// The objects for which `which` says so die, whoever holds them.
    pub fn forget_objects(&mut self, which: impl Fn(u64) -> bool) {
        for oid in self.objects().into_iter().filter(|oid| which(*oid)) {
            self.machine.reclaim(oid);
        }
    }

    /// The host forgets its ping sets. What they held lives no longer than it is called.
    pub fn forget_ping_sets(&mut self, now: Instant) {
        self.machine.advance(now);
        let abandoned = self.machine.ping_sets.forget();
        self.machine.abandon(abandoned);
    }

    /// Asks the clients at a listener to close their connections ([C706 12.6.4.13] shutdown).
    pub fn ask_to_close(&mut self, role: Role) {
        for conn in self.connections_at(role) {
            self.machine.transmit(conn, Pdu::new(0, Body::Shutdown).encode().freeze());
        }
    }

    /// The account has another password from now on.
    pub fn change_password(&mut self, password: Password) {
        self.machine.config.password = password;
    }

    /// The next `count` calls of objects are refused before they are looked at, as by a server that is too busy.
    pub fn refuse_calls(&mut self, count: u32) {
        self.machine.refusals = count;
    }
}

impl Machine {
    /// All objects die, and their process is another one.
    fn restart(&mut self, port: Option<u16>) {
        for oid in self.exporter.oids() {
            self.reclaim(oid);
        }
        if let Some(port) = port {
            self.config.object_port = port;
            self.config.second_port = port.wrapping_add(1);
        }
        self.start_processes();
    }
}

/// What is said to a call of an object that is not there.
pub(crate) fn gone(call: &Call, machine: &mut Machine) -> Outcome {
    match machine.gone {
        Gone::Disconnected => Outcome::Fault(FaultStatus::RPC_E_DISCONNECTED),
        Gone::NotRegistered => Outcome::Fault(FaultStatus::CO_E_OBJNOTREG),
        Gone::ServerStopping => Outcome::Fault(FaultStatus(HResult::CO_E_SERVER_STOPPING.0)),
        Gone::ShuttingDown => shutting_down(call, machine).unwrap_or(Outcome::Fault(FaultStatus::RPC_E_DISCONNECTED)),
    }
}

/// The interface is the one of the presentation context: the object that would know it is gone.
fn shutting_down(call: &Call, machine: &mut Machine) -> Option<Outcome> {
    let status = HResult::WBEM_E_SHUTTING_DOWN;
    answer::<NtlmLogin>(call, machine, |_| refused(status))
        .or_else(|| answer::<ExecQuery>(call, machine, |_| refused(status)))
        .or_else(|| answer::<GetObject>(call, machine, |request| path_response(&request, Err(status))))
        .or_else(|| answer::<GetSmartEnum>(call, machine, |_| refused(status)))
        .or_else(|| answer::<CloneEnumerator>(call, machine, |_| refused(status)))
        .or_else(|| answer::<Next>(call, machine, |request| NextResponse::new(request.count, Vec::new(), status)))
        .or_else(|| {
            let buffer = Bytes::new();
            answer::<SmartNext>(call, machine, |_| SmartNextResponse { returned: 0, buffer, status })
        })
        .or_else(|| answer::<Reset>(call, machine, |_| status))
        .or_else(|| answer::<Skip>(call, machine, |_| status))
}

/// Answers a call of `O` without doing what it asks for; `None` of another one.
pub(crate) fn answer<O: Operation>(
    call: &Call,
    machine: &mut Machine,
    response: impl FnOnce(O::Request) -> O::Response,
) -> Option<Outcome> {
    let is_it = call.interface.uuid == O::INTERFACE.uuid && call.opnum == O::OPNUM;
    is_it.then(|| operate::<O>(call, machine, |request, _| response(request)))
}
