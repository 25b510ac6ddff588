//! The NTLM log-ons of a captured client: who, with which random numbers, and the keys that follow from the password.

use bytes::{Bytes, BytesMut};
use wmi_proto::internals::{AcceptError, NtlmAcceptor, NtlmInitiator, SecurityContext};
use wmi_proto::wire::Wire;
use wmi_proto::wire::ntlm::{Authenticate, AvId, Challenge, ClientChallenge, Ntlmv2Response};
use wmi_proto::wire::rpc::{AuthType, AuthnLevel, CommonHeader, Pdu, PduType, Protected};
use wmi_proto::wire::spnego::{MechType, NegotiationToken, mech_type_list};
use wmi_proto::wire::text::utf16_lossy;
use wmi_proto::{AuthLevel, Credentials, Draw, FileTime, Mechanism, Secret};

use crate::Account;
use crate::replay::Refusal;
use crate::replay::transcript::{Half, Stream, Transcript};

/// One log-on, and everything that is needed to do it again.
pub(crate) struct LogOn {
    credentials: Credentials,
    /// MsvAvTargetName.
    pub(crate) principal: String,
    level: AuthLevel,
    mechanism: Mechanism,
    /// The server's mechListMIC, if it came so far.
    mech_list_mic: Option<Bytes>,
    challenge: Bytes,
    /// ChallengeFromClient.
    pub(crate) random: [u8; 8],
    /// ExportedSessionKey, where keys were exchanged.
    pub(crate) session_key: Secret<[u8; 16]>,
    /// TimeStamp of the response.
    pub(crate) timestamp: u64,
    /// Whether the time is the client's own.
    pub(crate) own_time: bool,
}

/// The two messages of a log-on that tell everything.
struct Captured {
    level: AuthLevel,
    mechanism: Mechanism,
    mech_list_mic: Option<Bytes>,
    challenge: Bytes,
    octets: Bytes,
    message: Authenticate,
    response: ClientChallenge,
    proof: [u8; 16],
}

/// The log-ons of all streams, and the account as the client spelled it.
///
/// One log-on that the password proves is enough: another that it does not prove was changed since.
pub(crate) fn read(transcript: &Transcript, account: &Account) -> Result<(Vec<Option<LogOn>>, Credentials), Refusal> {
    let captured: Vec<Option<Captured>> = transcript.streams.iter().map(Captured::of).collect();
    let spelled = |captured: &Captured| Credentials {
        domain: utf16_lossy(&captured.message.domain),
        user: utf16_lossy(&captured.message.user),
        password: account.password.clone(),
    };
    let mut credentials = None;
    let mut refusal = None;
    for (captured, stream) in captured.iter().zip(&transcript.streams) {
        let Some(captured) = captured else { continue };
        let candidate = spelled(captured);
        if !account.is(&candidate.user) {
            let other = Refusal::AnotherAccount { domain: candidate.domain, user: candidate.user };
            refusal.get_or_insert(other);
        } else if captured.is_proven(&candidate) {
            credentials = Some(candidate);
            break;
        } else {
            refusal.get_or_insert(Refusal::WrongPassword { stream: stream.number });
        }
    }
    let credentials = match (credentials, refusal) {
        (Some(credentials), _) => credentials,
        (None, Some(refusal)) => return Err(refusal),
        (None, None) => {
            Credentials { domain: String::new(), user: account.name.clone(), password: account.password.clone() }
        }
    };
    let log_on = |captured: Option<Captured>| Some(captured?.log_on(&credentials));
    Ok((captured.into_iter().map(log_on).collect(), credentials))
}

impl Captured {
    fn of(stream: &Stream) -> Option<Self> {
        let ack = token(&stream.heard, PduType::BIND_ACK)?;
        let (last, mic) = match ack.mechanism {
            Mechanism::Negotiate => {
                let answer = token(&stream.heard, PduType::ALTER_CONTEXT_RESP);
                (token(&stream.said, PduType::ALTER_CONTEXT)?, answer.and_then(|answer| answer.mech_list_mic))
            }
            _ => (token(&stream.said, PduType::AUTH3)?, None),
        };
        // Said three times; one damaged octet does not matter.
        let bind = token(&stream.said, PduType::BIND).map(|token| token.level);
        let level = AuthLevel::from_wire(if bind == Some(last.level) { last.level } else { ack.level })?;
        let octets = last.message;
        let message = Authenticate::from_bytes(octets.clone()).ok()?;
        let response = Ntlmv2Response::from_bytes(message.nt_response.clone()).ok()?;
        let proof = response.proof;
        let response = ClientChallenge::from_bytes(response.client_challenge).ok()?;
        let (mechanism, challenge) = (ack.mechanism, ack.message);
        Some(Self { level, mechanism, mech_list_mic: mic, challenge, octets, message, response, proof })
    }

    /// Whether the password proves the log-on: what this client says with it, or what another client said.
    fn is_proven(&self, credentials: &Credentials) -> bool {
        let message = self.again(credentials).message(&[0; 16]);
        let same = message.is_some_and(|message| {
            Ntlmv2Response::from_bytes(message.nt_response).is_ok_and(|response| response.proof == self.proof)
        });
        same || self.is_accepted(credentials)
    }

    /// Whether a host that knows the password takes the proof. What comes behind it is for the comparison.
    fn is_accepted(&self, credentials: &Credentials) -> bool {
        let mut acceptor = NtlmAcceptor::captured(Bytes::new(), self.challenge.clone());
        let verdict = acceptor.accept(self.octets.clone(), |_, _| Some(credentials.password.clone()));
        matches!(verdict, Ok(_) | Err(AcceptError::NoSessionKey | AcceptError::BadMic | AcceptError::MicMissing))
    }

    /// The same log-on, whose session key is not known yet.
    fn again(&self, credentials: &Credentials) -> LogOn {
        let server_time = Challenge::from_bytes(self.challenge.clone())
            .and_then(|challenge| challenge.av_pairs())
            .is_ok_and(|pairs| pairs.timestamp().is_some());
        LogOn {
            credentials: credentials.clone(),
            principal: self.response.av_pairs.get(AvId::TARGET_NAME).map(|name| utf16_lossy(name)).unwrap_or_default(),
            level: self.level,
            mechanism: self.mechanism,
            mech_list_mic: self.mech_list_mic.clone(),
            challenge: self.challenge.clone(),
            random: self.response.challenge,
            session_key: Secret::new([0; 16]),
            timestamp: self.response.timestamp,
            own_time: !server_time,
        }
    }

    fn log_on(self, credentials: &Credentials) -> LogOn {
        let mut log_on = self.again(credentials);
        // RC4 undoes itself: what encrypts a session key decrypts an encrypted one.
        if let Ok(encrypted) = <[u8; 16]>::try_from(self.message.encrypted_session_key.as_ref())
            && let Some(message) = log_on.message(&encrypted)
            && let Ok(key) = <[u8; 16]>::try_from(message.encrypted_session_key.as_ref())
        {
            log_on.session_key = Secret::new(key);
        }
        log_on
    }
}

impl LogOn {
    pub(crate) const fn level(&self) -> AuthLevel {
        self.level
    }

    pub(crate) const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The client's end of the context when the first call is made.
    pub(crate) fn context(&self) -> Option<SecurityContext> {
        let (_, mut context) = self.again(self.session_key.expose())?;
        if self.mechanism == Mechanism::Negotiate {
            // What this client offers.
            let offered = mech_type_list(&[MechType::ntlmssp()]);
            context.sign(&offered);
            if let Some(mic) = &self.mech_list_mic {
                // When it is wrong, nothing of the server verifies, and it was the same in the captured session.
                let _ = context.verify_signature(&offered, mic);
            }
        }
        Some(context)
    }

    /// AUTHENTICATE_MESSAGE as this client makes it.
    fn message(&self, key: &[u8; 16]) -> Option<Authenticate> {
        Authenticate::from_bytes(self.again(key)?.0).ok()
    }

    fn again(&self, key: &[u8; 16]) -> Option<(Bytes, SecurityContext)> {
        let (random, key) = (self.random, *key);
        let mut entropy = move |draw: Draw, dst: &mut [u8]| {
            let value: &[u8] = if draw == Draw::NtlmClientChallenge { &random } else { &key };
            dst.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
        };
        let mut initiator = NtlmInitiator::new(&self.credentials, &self.principal, self.level);
        initiator.authenticate(self.challenge.clone(), &mut entropy, FileTime(self.timestamp)).ok()
    }

    /// What the client protected, PDU by PDU, in clear; as captured where it cannot be told.
    pub(crate) fn opened(&self, pdus: impl Iterator<Item = Bytes>) -> Vec<Bytes> {
        let Some(mut context) = self.context() else { return pdus.collect() };
        let open = |pdu: Bytes| {
            let mut opened = BytesMut::from(&pdu[..]);
            match Protected::locate(&opened) {
                // Sealing again unseals: the key stream is the same. Whether the signature is right is another matter,
                // which the comparison with what the client says now tells.
                Ok(Some(place)) if is_request(&opened) => {
                    context.protect(self.level, &mut opened, place.stub);
                    opened.freeze()
                }
                _ => pdu,
            }
        };
        pdus.map(open).collect()
    }

    /// What the server protected, PDU by PDU, in clear, up to the first that does not verify.
    pub(crate) fn verified(&self, half: &Half) -> Vec<Bytes> {
        let Some(mut context) = self.context() else { return Vec::new() };
        let mut opened = Vec::new();
        for pdu in &half.pdus {
            let mut pdu = BytesMut::from(half.octets.get(pdu.clone()).unwrap_or_default());
            match (CommonHeader::peek(&pdu), Protected::locate(&pdu)) {
                (Ok(Some(header)), Ok(Some(place)))
                    if matches!(header.ptype, PduType::RESPONSE | PduType::FAULT)
                        && context.unprotect(self.level, &mut pdu, place.stub.clone()).is_err() =>
                {
                    break;
                }
                _ => opened.push(pdu.freeze()),
            }
        }
        opened
    }
}

fn is_request(pdu: &[u8]) -> bool {
    matches!(CommonHeader::peek(pdu), Ok(Some(header)) if header.ptype == PduType::REQUEST)
}

/// A token of a log-on.
pub(crate) struct Token {
    pub(crate) mechanism: Mechanism,
    pub(crate) level: AuthnLevel,
    /// The message of NTLM, without what SPNEGO has around it; empty when there is none.
    message: Bytes,
    mech_list_mic: Option<Bytes>,
}

/// The token in the first PDU of this type.
pub(crate) fn token(half: &Half, ptype: PduType) -> Option<Token> {
    (0..half.pdus.len()).filter_map(|index| Pdu::decode(half.pdu(index)?).ok()).find_map(|pdu| {
        let auth = pdu.auth.filter(|_| pdu.body.ptype() == ptype)?;
        let (mechanism, message, mech_list_mic) = match auth.auth_type {
            AuthType::GSS_NEGOTIATE => {
                let (message, mic) = match NegotiationToken::from_bytes(auth.value) {
                    Ok(NegotiationToken::Init(init)) => (init.mech_token, init.mech_list_mic),
                    Ok(NegotiationToken::Resp(resp)) => (resp.response_token, resp.mech_list_mic),
                    Err(_) => (None, None),
                };
                (Mechanism::Negotiate, message.unwrap_or_default(), mic)
            }
            _ => (Mechanism::Ntlm, auth.value, None),
        };
        Some(Token { mechanism, level: auth.auth_level, message, mech_list_mic })
    })
}
