//! Log-ons that were refused: they are not repeated for a while, because too many lock an account.

use std::time::{Duration, Instant};

use wmi_proto::{AccountKind, Credentials, Error};

use super::hosts::Login;
use crate::host::HostPort;

/// How long the first refusal holds log-ons. Each further one holds them for twice as long.
const FIRST: Duration = Duration::from_secs(300);

/// How long a refusal holds log-ons at most.
const LONGEST: Duration = Duration::from_secs(3600);

/// Hosts that may refuse an account of a domain before it is held everywhere.
pub(crate) const HOSTS: usize = 3;

/// A refusal counts for so long behind its hold when nothing is tried.
const MEMORY: Duration = Duration::from_secs(24 * 3600);

/// Refusals that are remembered.
const MOST: usize = 4096;

/// Who was refused, where, and until when nothing is to be tried.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<Refusal>);

#[derive(Debug)]
struct Refusal {
    /// `None`: everywhere.
    host: Option<HostPort>,
    credentials: Credentials,
    until: Instant,
    hold: Duration,
    /// Whether others have accepted the account since: then it is the host, and not the account.
    is_alone: bool,
    error: Error,
}

impl Refusals {
    /// Why `login` is not to be tried now.
    pub(crate) fn hold(&self, login: &Login, now: Instant) -> Option<String> {
        let held = self.0.iter().filter(|refusal| refusal.until > now && refusal.concerns(login));
        let refusal = held.max_by_key(|refusal| refusal.until)?;
        // A part of a second is one, so that it is over when it says so.
        let left = refusal.until.saturating_duration_since(now).as_millis().div_ceil(1000);
        let whose = if refusal.host.is_none() { ", as by other hosts" } else { "" };
        Some(format!("{}; the account was refused{whose}, no new attempt for {left} s", refusal.error))
    }

    /// How many hosts have refused the account of `login`, which is one of a domain, while none has accepted it.
    pub(crate) fn hosts(&self, login: &Login) -> usize {
        let counts = |refusal: &&Refusal| refusal.host.is_some() && !refusal.is_alone;
        self.0.iter().filter(counts).filter(|refusal| login.is_account(&refusal.credentials)).count()
    }

    /// The host of `login` did not accept it.
    pub(crate) fn refused(&mut self, login: &Login, error: &Error, now: Instant) {
        self.0.retain(|refusal| refusal.until + MEMORY > now);
        self.add(Some(&login.host), login, error, now);
        if login.is_of_domain() && self.hosts(login) >= HOSTS {
            self.add(None, login, error, now);
        }
    }

    /// The host of `login` accepted it: the password is right.
    pub(crate) fn accepted(&mut self, login: &Login) {
        self.0.retain(|refusal| !refusal.concerns(login));
        if login.is_of_domain() {
            let others = self.0.iter_mut().filter(|refusal| login.is_account(&refusal.credentials));
            others.for_each(|refusal| refusal.is_alone = true);
        }
    }

    fn add(&mut self, host: Option<&HostPort>, login: &Login, error: &Error, now: Instant) {
        let known = self.0.iter().position(|refusal| refusal.host.as_ref() == host && refusal.concerns(login));
        let before = known.map(|at| self.0.swap_remove(at));
        let is_alone = before.as_ref().is_some_and(|before| before.is_alone);
        let (hold, until) = match before {
            // Attempts that were under way when the first was refused are one repetition.
            Some(before) if before.until > now => (before.hold, before.until),
            before => {
                let hold = before.map_or(FIRST, |before| before.hold.saturating_mul(2).min(LONGEST));
                (hold, now + hold)
            }
        };
        if self.0.len() >= MOST
            && let Some((oldest, _)) = self.0.iter().enumerate().min_by_key(|(_, refusal)| refusal.until)
        {
            self.0.swap_remove(oldest);
        }
        let (host, credentials) = (host.cloned(), login.credentials.clone());
        self.0.push(Refusal { host, credentials, until, hold, is_alone, error: error.clone() });
    }
}

impl Refusal {
    fn concerns(&self, login: &Login) -> bool {
        match &self.host {
            Some(host) => *host == login.host && login.is_account(&self.credentials),
            None => login.is_of_domain() && login.is_account(&self.credentials),
        }
    }
}

impl Login {
    /// Whether it is an account that other hosts know, too.
    pub(crate) fn is_of_domain(&self) -> bool {
        AccountKind::of(&self.credentials, &self.host.host) == AccountKind::Domain
    }

    /// Whether `other` is the same account with the same password, for who checks it.
    pub(crate) fn is_account(&self, other: &Credentials) -> bool {
        let own = &self.credentials;
        own.domain.eq_ignore_ascii_case(&other.domain)
            && own.user.eq_ignore_ascii_case(&other.user)
            && own.password == other.password
    }
}

#[cfg(test)]
mod tests {
    use wmi_proto::wire::status::BindNakReason;
    use wmi_proto::wire::{FaultStatus, HResult};
    use wmi_proto::{AuthError, ErrorKind, Role, Stage};

    use super::*;

    fn login(host: &str, account: &str, password: &str) -> Login {
        Login { host: host.parse().expect("a host"), credentials: Credentials::new(account, password) }
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(Stage::Bind(Role::Activator), kind)
    }

    fn denied() -> Error {
        error(ErrorKind::UnverifiedFault(FaultStatus(5)))
    }

    #[test]
    fn each_refusal_holds_for_twice_as_long_as_the_one_before_up_to_an_hour() {
        let (mut refusals, mut now) = (Refusals::default(), Instant::now());
        let own = login("a", r".\monitor", "x");
        for minutes in [5, 10, 20, 40, 60, 60] {
            refusals.refused(&own, &denied(), now);
            let hold = Duration::from_secs(minutes * 60);
            let told = refusals.hold(&own, now + hold - Duration::from_millis(1500)).expect("held");
            assert!(told.ends_with("the account was refused, no new attempt for 2 s"), "{told}");
            assert_eq!(refusals.hold(&own, now + hold), None);
            now += hold;
        }
        refusals.accepted(&own);
        refusals.refused(&own, &denied(), now);
        assert_eq!(refusals.hold(&own, now + FIRST), None, "a success ends it");
    }

    #[test]
    fn a_changed_password_counts_at_once() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        for host in ["a", "b", "c"] {
            refusals.refused(&login(host, r"ACME\monitor", "old"), &denied(), now);
        }
        assert!(refusals.hold(&login("a", r"ACME\monitor", "old"), now).is_some());
        assert_eq!(refusals.hold(&login("a", r"ACME\monitor", "new"), now), None);
    }

    #[test]
    fn three_hosts_that_refuse_an_account_of_a_domain_hold_it_everywhere() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        let at = |host: &str| login(host, r"ACME\monitor", "x");
        for host in ["a", "b"] {
            refusals.refused(&at(host), &denied(), now);
        }
        assert_eq!(refusals.hold(&at("d"), now), None);
        refusals.refused(&login("c", r"acme\Monitor", "x"), &denied(), now);
        let told = refusals.hold(&at("d"), now).expect("held everywhere");
        assert!(told.contains("the account was refused, as by other hosts, no new attempt for 300 s"), "{told}");
        // One host more is one repetition.
        let then = now + FIRST;
        assert_eq!(refusals.hold(&at("d"), then), None);
        refusals.refused(&at("d"), &denied(), then);
        assert!(refusals.hold(&at("e"), then + 2 * FIRST - Duration::from_secs(1)).is_some());
        // The password is right: those that refuse it do so for a reason of their own, and are held each by itself.
        refusals.accepted(&at("e"));
        assert_eq!(refusals.hold(&at("e"), then), None);
        assert!(refusals.hold(&at("d"), then).is_some());
        for host in ["a", "b", "c", "d"] {
            refusals.refused(&at(host), &denied(), then + FIRST);
        }
        assert_eq!(refusals.hold(&at("e"), then + FIRST), None);
    }

    #[test]
    fn accounts_of_the_hosts_themselves_are_held_where_they_were_refused() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        for host in ["a", "b", "c"] {
            refusals.refused(&login(host, r".\monitor", "x"), &denied(), now);
        }
        assert_eq!(refusals.hold(&login("d", r".\monitor", "x"), now), None);
        refusals.accepted(&login("a", r".\monitor", "x"));
        assert!(refusals.hold(&login("b", r".\monitor", "x"), now).is_some());
    }

    #[test]
    fn what_is_remembered_is_bounded_in_number_and_time() {
        let (mut refusals, now) = (Refusals::default(), Instant::now());
        for number in 0..MOST + 10 {
            refusals.refused(&login(&format!("host{number}"), r".\monitor", "x"), &denied(), now);
        }
        assert_eq!(refusals.0.len(), MOST);
        refusals.refused(&login("last", r".\monitor", "x"), &denied(), now + FIRST + MEMORY);
        assert_eq!(refusals.0.len(), 1);
    }

    #[test]
    fn a_refusal_is_what_the_host_says_of_the_account() {
        let refused =
            [ErrorKind::UnverifiedFault(FaultStatus(5)), ErrorKind::BindRefused(BindNakReason::INVALID_CHECKSUM)];
        let others = [
            // Before anything was proved.
            ErrorKind::BindRefused(BindNakReason::REASON_NOT_SPECIFIED),
            ErrorKind::BindRefused(BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED),
            ErrorKind::Auth(AuthError::NotGranted("sealing")),
            ErrorKind::BindRefused(BindNakReason::LOCAL_LIMIT_EXCEEDED),
            // A right is missing: who says so has accepted the account.
            ErrorKind::Fault(FaultStatus(5)),
            ErrorKind::Status(HResult::E_ACCESSDENIED),
            ErrorKind::Tampered("x"),
            ErrorKind::Misbehaved("x"),
            ErrorKind::TimedOut,
        ];
        assert!(refused.into_iter().map(error).all(|error| error.refuses_log_on()));
        assert!(!others.into_iter().map(error).any(|error| error.refuses_log_on()));
    }
}
