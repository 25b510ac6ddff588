//! The acceptor side of one security context of a connection.

use bytes::{Bytes, BytesMut};
use wmi_proto::internals::{AcceptorOptions, Answer, NegotiateAcceptor, SecurityContext};
use wmi_proto::wire::ntlm::NegotiateFlags;
use wmi_proto::wire::rpc::{AuthTrailer, AuthType, AuthnLevel, Body, PfcFlags, Protected, Protection, Unsigned};
use wmi_proto::{AuthLevel, Password};

use crate::machine::Machine;
use crate::{Fault, HostConfig};

/// A log-on that is under way, done or failed, and the level and mechanism that it was asked for.
pub(crate) struct Security {
    auth_type: AuthType,
    level: AuthLevel,
    context_id: u32,
    phase: Phase,
}

enum Phase {
    /// More is to come of the client.
    Accepting(Box<NegotiateAcceptor>),
    Established(Box<SecurityContext>),
    /// The log-on failed, which nobody is told before the first request when the last token was not to be answered.
    Failed,
}

/// Why a request is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody has logged on in that context.
    NoLogon,
    /// The signature is wrong.
    Tampered,
}

impl Security {
    /// A log-on by NTLM, or by SPNEGO that ends in NTLM. `None` when it is another mechanism, or when the level would
    /// leave requests unprotected.
    pub(crate) fn new(auth: &AuthTrailer, machine: &Machine) -> Option<Self> {
        let level = match auth.auth_level {
            AuthnLevel::PKT_PRIVACY => AuthLevel::Privacy,
            AuthnLevel::PKT_INTEGRITY => AuthLevel::Integrity,
            _ => return None,
        };
        let phase = Phase::Accepting(Box::new(NegotiateAcceptor::new(options(machine))));
        Some(Self { auth_type: auth.auth_type, level, context_id: auth.context_id, phase })
    }

    /// One leg: the token that answers the client's, if there is one. `None` when the log-on is over and failed.
    pub(crate) fn step(&mut self, auth: &AuthTrailer, machine: &mut Machine) -> Option<Bytes> {
        let Phase::Accepting(acceptor) = &mut self.phase else { return None };
        if auth.auth_type != self.auth_type || (auth.auth_type == AuthType::WINNT && !is_ntlm(&auth.value)) {
            self.phase = Phase::Failed;
            return None;
        }
        let config = machine.config.clone();
        let wall = machine.wall();
        let lookup = |domain: &str, user: &str| password_of(domain, user, &config);
        match acceptor.step(auth.value.clone(), machine.entropy(), wall, lookup) {
            Ok(Answer::Continue(token)) => Some(token),
            Ok(Answer::Done(acceptance, token)) => {
                machine.stats.logons += 1;
                machine.stats.negotiated += u64::from(self.auth_type == AuthType::GSS_NEGOTIATE);
                self.phase = Phase::Established(Box::new(acceptance.context));
                Some(token)
            }
            Err(_) => {
                machine.stats.failed_logons += 1;
                self.phase = Phase::Failed;
                None
            }
        }
    }

    /// Verifies a request in place and decrypts it.
    pub(crate) fn open(&mut self, pdu: &mut BytesMut, protected: &Protected) -> Result<AuthnLevel, Refusal> {
        let Phase::Established(context) = &mut self.phase else {
            return Err(Refusal::NoLogon);
        };
        if (protected.auth_type, protected.auth_level) != (self.auth_type, self.level.wire()) {
            return Err(Refusal::Tampered);
        }
        match context.unprotect(self.level, pdu, protected.stub.clone()) {
            Ok(()) => Ok(protected.auth_level),
            Err(_) => Err(Refusal::Tampered),
        }
    }

    /// How fragments are laid out when stubs are padded to `align` octets.
    pub(crate) const fn protection(&self, align: u8) -> Protection {
        Protection { auth_type: self.auth_type, align, ..Protection::ntlm(self.level.wire(), self.context_id) }
    }

    /// Writes and protects a fragment.
    pub(crate) fn protect(&mut self, flags: PfcFlags, call_id: u32, body: &Body, align: u8) -> BytesMut {
        let Unsigned { mut pdu, stub } = Unsigned::new(flags, call_id, body, &self.protection(align));
        if let Phase::Established(context) = &mut self.phase {
            context.protect(self.level, &mut pdu, stub);
        }
        pdu
    }
}

fn is_ntlm(token: &[u8]) -> bool {
    token.starts_with(b"NTLMSSP\0")
}

fn options(machine: &Machine) -> AcceptorOptions {
    let HostConfig { name, domain, .. } = &machine.config;
    // A host that is in no domain says that its domain is itself.
    let domain = if domain.is_empty() { name } else { domain };
    let dns_domain = format!("{}.example", domain.to_ascii_lowercase());
    AcceptorOptions {
        computer: name.clone(),
        domain: domain.clone(),
        dns_computer: format!("{}.{dns_domain}", name.to_ascii_lowercase()),
        dns_domain,
        timestamp: !machine.has(Fault::NoTimestamp),
        demand_mic: machine.has(Fault::DemandMic),
        withheld: if machine.has(Fault::NoKeyExch) { NegotiateFlags::KEY_EXCH } else { NegotiateFlags(0) },
    }
}

/// The password, when the names are those of the one account: `DOMAIN\user`, `user@DOMAIN`, or `user` alone.
fn password_of(domain: &str, user: &str, config: &HostConfig) -> Option<Password> {
    let (user, domain) = match user.split_once('@') {
        Some((user, suffix)) if domain.is_empty() => (user, suffix),
        _ => (user, domain),
    };
    let known = ["", ".", &config.domain, &config.name].iter().any(|known| known.eq_ignore_ascii_case(domain));
    (known && user.eq_ignore_ascii_case(&config.user)).then(|| config.password.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_known_by_its_usual_names_only() {
        let config = HostConfig::new(0);
        for (domain, user) in [("ACME", "monitor"), ("acme", "Monitor"), ("", "monitor@ACME"), ("", "monitor")] {
            assert!(password_of(domain, user, &config).is_some(), "{domain}\\{user}");
        }
        for (domain, user) in [("OTHER", "monitor"), ("ACME", "admin"), ("", "monitor@other"), ("ACME", "monitor@ACME")]
        {
            assert!(password_of(domain, user, &config).is_none(), "{domain}\\{user}");
        }
    }
}
