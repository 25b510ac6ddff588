//! The acceptor side of one security context of a connection.

use bytes::{Bytes, BytesMut};
use wmi_proto::internals::{AcceptorOptions, NtlmAcceptor, SecurityContext};
use wmi_proto::wire::ntlm::NegotiateFlags;
use wmi_proto::wire::rpc::{AuthnLevel, Body, PfcFlags, Protected, Protection, Unsigned};
use wmi_proto::{AuthLevel, Password};

use crate::machine::Machine;
use crate::{Fault, HostConfig};

/// A log-on that is under way, done or failed, and the level that it was asked for.
pub(crate) struct Security {
    level: AuthLevel,
    context_id: u32,
    phase: Phase,
}

enum Phase {
    /// The challenge is out.
    Challenged(Box<NtlmAcceptor>),
    Established(Box<SecurityContext>),
    /// The log-on failed, which nobody is told before the first request.
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
    /// The first leg: a challenge for whoever sent `negotiate`. `None` when that is no negotiate message, or when the
    /// level would leave requests unprotected.
    pub(crate) fn challenge(
        level: AuthnLevel,
        context_id: u32,
        negotiate: &Bytes,
        machine: &mut Machine,
    ) -> Option<(Self, Bytes)> {
        let level = match level {
            AuthnLevel::PKT_PRIVACY => AuthLevel::Privacy,
            AuthnLevel::PKT_INTEGRITY => AuthLevel::Integrity,
            _ => return None,
        };
        let mut acceptor = NtlmAcceptor::new(options(machine));
        let wall = machine.wall();
        let challenge = acceptor.challenge(negotiate.clone(), machine.entropy(), wall).ok()?;
        Some((Self { level, context_id, phase: Phase::Challenged(Box::new(acceptor)) }, challenge))
    }

    /// The last leg. Whether it was right shows with the first request only.
    pub(crate) fn authenticate(&mut self, token: &Bytes, machine: &mut Machine) {
        let Phase::Challenged(acceptor) = &mut self.phase else {
            return;
        };
        let accepted = acceptor.accept(token.clone(), |domain, user| password_of(domain, user, &machine.config));
        self.phase = match accepted {
            Ok(acceptance) => {
                machine.stats.logons += 1;
                Phase::Established(Box::new(acceptance.context))
            }
            Err(_) => {
                machine.stats.failed_logons += 1;
                Phase::Failed
            }
        };
    }

    /// Verifies a request in place and decrypts it.
    pub(crate) fn open(&mut self, pdu: &mut BytesMut, protected: &Protected) -> Result<AuthnLevel, Refusal> {
        let Phase::Established(context) = &mut self.phase else {
            return Err(Refusal::NoLogon);
        };
        if protected.auth_level.0 != self.level.code() {
            return Err(Refusal::Tampered);
        }
        match context.unprotect(self.level, pdu, protected.stub.clone()) {
            Ok(()) => Ok(protected.auth_level),
            Err(_) => Err(Refusal::Tampered),
        }
    }

    /// How fragments are laid out when stubs are padded to `align` octets.
    pub(crate) const fn protection(&self, align: u8) -> Protection {
        Protection { align, ..Protection::ntlm(AuthnLevel(self.level.code()), self.context_id) }
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
