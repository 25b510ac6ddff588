//! The NTLM security contexts of a captured association: keys from a password, signatures verified, stubs unsealed.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use wmi_proto::internals::{AcceptError, Acceptance, NtlmAcceptor, SecurityContext, Side};
use wmi_proto::wire::ntlm::{Authenticate, NegotiateFlags};
use wmi_proto::wire::rpc::{AuthTrailer, AuthType, PduType, Protected};
use wmi_proto::wire::spnego::{NegotiationToken, mech_type_list};
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
    /// The mechanisms that were offered in SPNEGO, as a mechListMIC covers them.
    offered: Option<Bytes>,
    negotiate: Bytes,
    challenge: Bytes,
    /// Whose log-on it is.
    account: [String; 2],
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
    /// Looks at the token of a bind or alter_context, an answer to it, or an auth3: NTLM by itself or inside of SPNEGO.
    pub(crate) fn token(&mut self, auth: &AuthTrailer, account: Option<&Account>) -> Option<Tried> {
        if !matches!(auth.auth_type, AuthType::WINNT | AuthType::GSS_NEGOTIATE) {
            return None;
        }
        if self.contexts.len() >= MOST_CONTEXTS && !self.contexts.contains_key(&auth.context_id) {
            return None;
        }
        let context = self.contexts.entry(auth.context_id).or_default();
        // Windows sends NTLM without a frame under the number of SPNEGO, too.
        let (message, mic) = match NegotiationToken::from_bytes(auth.value.clone()) {
            _ if is_ntlm(&auth.value) => (Some(auth.value.clone()), None),
            Ok(NegotiationToken::Init(init)) => {
                *context = Context { offered: Some(mech_type_list(&init.mech_types)), ..Context::default() };
                (init.mech_token, None)
            }
            Ok(NegotiationToken::Resp(resp)) => (resp.response_token, resp.mech_list_mic),
            Err(_) => return None,
        };
        let message = message.filter(|message| is_ntlm(message));
        match (message.as_ref().and_then(|message| message.get(8).copied()), message) {
            (Some(1), Some(message)) => {
                let offered = context.offered.take_if(|_| auth.auth_type == AuthType::GSS_NEGOTIATE);
                *context = Context { offered, negotiate: message, ..Context::default() };
            }
            (Some(2), Some(message)) => (context.challenge, context.answered) = (message, false),
            (Some(3), Some(message)) => {
                let mut tried = context.authenticated(message, account?)?;
                self.keyed |= tried.1.is_ok();
                if let (true, Some(mic)) = (tried.1.is_ok(), mic) {
                    tried.1 = context.mech_list_mic(Sender::Client, &mic);
                }
                return Some(tried);
            }
            _ => {
                // The host's last token. That the MIC is right is no news.
                let outcome = context.mech_list_mic(Sender::Server, &mic?);
                return outcome.is_err().then(|| (context.account.clone(), outcome));
            }
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
        self.account.clone_from(&captured);
        let mut acceptor = NtlmAcceptor::captured(self.negotiate.clone(), self.challenge.clone());
        let lookup = |_: &str, user: &str| account.is(user).then(|| account.password.clone());
        let outcome = acceptor.accept(message, lookup).map(|accepted| {
            let [client, server] = receivers(&accepted);
            self.receivers = [client, server.filter(|_| !self.answered)];
        });
        Some((captured, outcome))
    }
}

impl Context {
    /// A mechListMIC goes by: it has a number like any fragment, and behind it the key stream starts over.
    fn mech_list_mic(&mut self, sender: Sender, mic: &[u8]) -> Result<(), AcceptError> {
        self.answered |= sender == Sender::Server;
        let [client, server] = &mut self.receivers;
        let receiver = if sender == Sender::Client { client } else { server };
        let Some(Receiver { keys, .. }) = receiver else { return Ok(()) };
        let verified = keys.verify_signature(self.offered.as_ref().map_or(&[], |list| list), mic).is_ok();
        if !verified && !keys.go_on() {
            *receiver = None;
        }
        // What was offered may have gone by before the capture began.
        if verified || self.offered.is_none() { Ok(()) } else { Err(AcceptError::BadMechListMic) }
    }
}

fn is_ntlm(token: &[u8]) -> bool {
    token.starts_with(b"NTLMSSP\0")
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
