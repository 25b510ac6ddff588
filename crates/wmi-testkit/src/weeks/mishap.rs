//! What can go wrong in a week: on the wire, on the host, and with what the host remembers.

use std::time::Duration;

use wmi_proto::{Role, TransportFailure};
use wmi_sim::{Gone, Restart};

use super::dice::Dice;
use crate::Pair;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    /// A connection is cut; the client learns it later.
    Cut(Role, Option<TransportFailure>, Duration),
    /// Nothing gets through on a connection for a while.
    Stall(Role, Duration),
    /// A port is closed from now on until the week goes on undisturbed, and what was connected is cut.
    Refuse(Role),
    /// The same for all ports.
    Blackout,
    RestartWmi(Restart),
    Reboot(Duration, Option<u16>),
    /// Objects are forgotten, each with this chance in 8.
    ForgetObjects(u64),
    ForgetPingSets,
    AskToClose(Role),
    RefuseCalls(u32),
}

impl Mishap {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let second = Duration::from_secs(1);
        let role = dice.pick(&[Role::Activator, Role::ObjectServer, Role::ObjectServer]);
        let port = dice.once_in(2).then(|| 50_000 + 2 * dice.below(1000) as u16);
        match dice.below(12) {
            0..=2 => {
                let failures = [None, Some(TransportFailure::Reset), Some(TransportFailure::TimedOut)];
                let later = if dice.once_in(2) { Duration::ZERO } else { dice.span(second / 100, second * 300) };
                Self::Cut(role, dice.pick(&failures), later)
            }
            3 => Self::Stall(role, dice.span(second, second * 600)),
            4 => Self::Refuse(role),
            5 => Self::Blackout,
            6 => {
                let downtime = if dice.once_in(2) { Duration::ZERO } else { dice.span(second, second * 120) };
                Self::RestartWmi(Restart { gone: dice.pick(&Gone::ALL), port, downtime })
            }
            7 => Self::Reboot(dice.span(second, second * 600), port),
            8 => Self::ForgetObjects(1 + dice.below(8)),
            9 => Self::ForgetPingSets,
            10 => Self::AskToClose(role),
            _ => Self::RefuseCalls(1 + dice.below(5) as u32),
        }
    }

    /// Whether the host may have lost objects that the client still believes in.
    pub(super) const fn makes_forget(&self) -> bool {
        !matches!(self, Self::AskToClose(_) | Self::RefuseCalls(_) | Self::Cut(..))
    }

    /// For how long it disturbs by itself.
    pub(super) const fn lasts(&self) -> Duration {
        match self {
            Self::Cut(_, _, time) | Self::Stall(_, time) | Self::Reboot(time, _) => *time,
            Self::RestartWmi(restart) => restart.downtime,
            _ => Duration::ZERO,
        }
    }

    pub(super) fn befall(&self, pair: &mut Pair, dice: &mut Dice) {
        match *self {
            Self::Cut(role, failure, later) => pair.cut(role, failure, later),
            Self::Stall(role, time) => pair.stall(role, time),
            Self::Refuse(role) => {
                pair.refuse = Some(role);
                pair.cut(role, Some(TransportFailure::Reset), Duration::ZERO);
            }
            Self::Blackout => {
                pair.unreachable = true;
                for role in [Role::Activator, Role::ObjectServer] {
                    pair.cut(role, Some(TransportFailure::Reset), Duration::ZERO);
                }
            }
            Self::RestartWmi(restart) => pair.at_host(|host, now| host.restart_wmi(restart, now)),
            Self::Reboot(downtime, port) => pair.at_host(|host, now| host.reboot(downtime, port, now)),
            Self::ForgetObjects(chance) => {
                let salt = dice.next();
                pair.at_host(|host, _| host.forget_objects(|oid| (oid ^ salt) % 8 < chance));
            }
            Self::ForgetPingSets => pair.at_host(|host, now| host.forget_ping_sets(now)),
            Self::AskToClose(role) => pair.at_host(|host, _| host.ask_to_close(role)),
            Self::RefuseCalls(count) => pair.at_host(|host, _| host.refuse_calls(count)),
        }
    }

    /// Undoes what does not end by itself.
    pub(super) fn end_all(pair: &mut Pair) {
        pair.refuse = None;
        pair.unreachable = false;
        pair.at_host(|host, _| host.refuse_calls(0));
    }
}
