//! The NTLM security contexts of a captured association: keys from a password, signatures verified, stubs unsealed.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use wmi_proto::internals::{AcceptError, Acceptance, NtlmAcceptor, SecurityContext, Side};
use wmi_proto::wire::ntlm::{Authenticate, NegotiateFlags};
use wmi_proto::wire::rpc::{AuthTrailer, AuthType, PduType, Protected};
use wmi_proto::wire::text::utf16_lossy;
use wmi_proto::wire::{Wire, WireError};
use wmi_proto::{AuthLevel, Password};

use crate::Account;

/// Security contexts of one association that are kept; a log-on beyond is not looked at.
const MOST_CONTEXTS: usize = 1024;

/// The contexts of one association by auth_context_id.
#[derive(Default)]
pub(crate) struct Security {
    contexts: BTreeMap<u32, Context>,
    /// A log-on gave keys.
    keyed: bool,
}

#[derive(Default)]
struct Context {
    negotiate: Bytes,
    challenge: Bytes,
    /// What verifies fragments from the client, and from the server; `None` without keys, or behind a hole, where the
    /// state of the cipher is not known.
    receivers: [Option<Receiver>; 2],
    /// Something of the server went by behind its challenge before there were keys: they would not fit.
    answered: bool,
}

struct Receiver {
    keys: SecurityContext,
    /// The fragment before had a wrong signature: either it was changed, and the next is good again, or it was never
    /// sent, and the keys are out of step.
    doubtful: bool,
}

/// Who sent a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Server,
}

/// A log-on that was tried: domain and name, and how it went.
pub(crate) type Tried = ([String; 2], Result<(), AcceptError>);

impl Security {
    /// Looks at the token of a bind, an answer to it, or an auth3. Only NTLM without SPNEGO is understood.
    pub(crate) fn token(&mut self, auth: &AuthTrailer, account: Option<&Account>) -> Option<Tried> {
        if auth.auth_type != AuthType::WINNT {
            return None;
        }
        if self.contexts.len() >= MOST_CONTEXTS && !self.contexts.contains_key(&auth.context_id) {
            return None;
        }
        let context = self.contexts.entry(auth.context_id).or_default();
        match auth.value.get(8) {
            Some(1) => *context = Context { negotiate: auth.value.clone(), ..Context::default() },
            Some(2) => (context.challenge, context.answered) = (auth.value.clone(), false),
            Some(3) => {
                let tried = context.authenticated(auth.value.clone(), account?);
                self.keyed |= matches!(tried, Some((_, Ok(()))));
                return tried;
            }
            _ => {}
        }
        None
    }

    /// Whether a log-on on this association gave keys, even if they no longer fit.
    pub(crate) const fn has_keys(&self) -> bool {
        self.keyed
    }

    /// Verifies and unseals a fragment of a call in place. `None` without a key for it.
    pub(crate) fn open(&mut self, sender: Sender, fragment: &mut BytesMut, place: &Protected) -> Option<bool> {
        let level = AuthLevel::from_wire(place.auth_level)?;
        let context = self.contexts.get_mut(&place.context_id)?;
        context.answered |= sender == Sender::Server;
        let [client, server] = &mut context.receivers;
        let receiver = if sender == Sender::Client { client } else { server };
        let Receiver { keys, doubtful } = receiver.as_mut()?;
        let verified = keys.unprotect(level, fragment, place.stub.clone()).is_ok();
        let lost = !verified && (*doubtful || !keys.go_on());
        let told = (verified || !*doubtful).then_some(verified);
        *doubtful = !verified;
        if lost {
            *receiver = None;
        }
        told
    }

    /// Fragments of `sender` are missing.
    pub(crate) fn lose(&mut self, sender: Sender) {
        for context in self.contexts.values_mut() {
            context.answered |= sender == Sender::Server;
            let [client, server] = &mut context.receivers;
            *(if sender == Sender::Client { client } else { server }) = None;
        }
    }
}

impl Context {
    fn authenticated(&mut self, message: Bytes, account: &Account) -> Option<Tried> {
        if self.negotiate.is_empty() || self.challenge.is_empty() {
            return None;
        }
        let names = |message: &Bytes| -> Result<[String; 2], WireError> {
            let decoded = Authenticate::from_bytes(message.clone())?;
            Ok([utf16_lossy(&decoded.domain), utf16_lossy(&decoded.user)])
        };
        let captured = match names(&message) {
            Ok(captured) => captured,
            Err(error) => return Some((Default::default(), Err(error.into()))),
        };
        let mut acceptor = NtlmAcceptor::captured(self.negotiate.clone(), self.challenge.clone());
        let lookup = |_: &str, user: &str| account.is(user).then(|| account.password.clone());
        let outcome = acceptor.accept(message, lookup).map(|accepted| {
            let [client, server] = receivers(&accepted);
            self.receivers = [client, server.filter(|_| !self.answered)];
        });
        Some((captured, outcome))
    }
}

/// The server's end reads what the client sends, and the other way round.
fn receivers(accepted: &Acceptance) -> [Option<Receiver>; 2] {
    let key_exchange = accepted.flags.contains(NegotiateFlags::KEY_EXCH);
    let keys = |side| SecurityContext::new(&accepted.session_key, key_exchange, side);
    [Side::Server, Side::Client].map(|side| Some(Receiver { keys: keys(side), doubtful: false }))
}

/// Whether PDUs of this type carry a token of a log-on.
pub(crate) const fn has_token(ptype: PduType) -> bool {
    matches!(
        ptype,
        PduType::BIND | PduType::BIND_ACK | PduType::ALTER_CONTEXT | PduType::ALTER_CONTEXT_RESP | PduType::AUTH3
    )
}

impl Account {
    /// The account of this name, with its password or NT hash: `DOMAIN\name`, `name@domain` or `name`. Only the name
    /// counts, since clients spell the domain in several ways; the proof in the log-on tells whether it is the account.
    #[must_use]
    pub fn new(name: &str, password: impl Into<Password>) -> Self {
        let name = name.split_once('\\').map_or(name, |(_, name)| name);
        let name = name.split_once('@').map_or(name, |(name, _)| name);
        Self { name: name.to_lowercase(), password: password.into() }
    }

    pub(crate) fn is(&self, captured: &str) -> bool {
        let captured = captured.split_once('@').map_or(captured, |(name, _)| name);
        captured.to_lowercase() == self.name
    }
}
