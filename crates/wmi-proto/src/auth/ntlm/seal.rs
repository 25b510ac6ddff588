//! Signing and sealing of fragments ([MS-NLMP 3.4.2, 3.4.3, 3.4.4.2], [MS-RPCE 3.3.1.5.2.2]).

use core::fmt;
use core::ops::Range;

use hmac::{Hmac, Mac};
use md5::Md5;
use rc4::{Rc4, StreamCipher};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::auth::AuthLevel;
use crate::auth::ntlm::keys::{SessionKey, derive, hmac_md5, rc4};
use crate::secret::Secret;
use crate::wire::ntlm::MessageSignature;

/// Which end of the context this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The initiator.
    Client,
    /// The acceptor.
    Server,
}

/// A fragment whose signature is not what it must be. Nothing of it may be used, and the context is unusable from then
/// on because its key stream may be out of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Tampered {
    /// The signature is cut short, of an unknown version, or does not lie behind the stub.
    #[error("malformed signature")]
    Malformed,
    /// Another fragment was due: this one is a repetition, out of order, or something before it is lost. The number
    /// itself is not covered by anything, so this is what the fragment says, not what is known.
    #[error("fragment {found} where {expected} was due")]
    OutOfOrder {
        /// The sequence number that was due.
        expected: u32,
        /// The sequence number in the signature.
        found: u32,
    },
    /// The checksum does not match.
    #[error("bad checksum")]
    Checksum,
}

/// The keys of an established context and where both directions are.
///
/// A fragment is signed whole, header, stub, padding and sec_trailer, whether or not header signing was negotiated: what
/// is negotiated is for which parts a signature is asked, and NTLMv2 signs all parts that it is given, those too for which
/// it is not asked ([MS-NLMP 3.4.6.1, 3.4.8.1]).
pub struct SecurityContext {
    send: Direction,
    receive: Direction,
    /// KEY_EXCH was negotiated: checksums are encrypted too.
    key_exchange: bool,
    /// The first failure, which stays.
    failed: Option<Tampered>,
}

struct Direction {
    /// Keyed; cloned for each message.
    sign: Hmac<Md5>,
    seal_key: Secret<[u8; 16]>,
    seal: Rc4,
    seq_num: u32,
}

impl SecurityContext {
    /// The context at `side` that follows from `key`.
    #[must_use]
    pub fn new(key: &SessionKey, key_exchange: bool, side: Side) -> Self {
        let direction = |sign: &[u8], seal: &[u8]| {
            let seal_key = derive(key, seal);
            Direction {
                sign: hmac_md5(derive(key, sign).expose(), &[]),
                seal: rc4(seal_key.expose()),
                seal_key,
                seq_num: 0,
            }
        };
        let client = direction(CLIENT_SIGNING, CLIENT_SEALING);
        let server = direction(SERVER_SIGNING, SERVER_SEALING);
        let (send, receive) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        Self { send, receive, key_exchange, failed: None }
    }

    /// Signs, and at [`AuthLevel::Privacy`] encrypts, a whole fragment whose last sixteen octets are the place of the
    /// signature. `stub` is the stub and its padding within it.
    ///
    /// Fragments must leave in the order in which they were protected.
    pub fn protect(&mut self, level: AuthLevel, pdu: &mut [u8], stub: Range<usize>) {
        let Some((message, place)) = pdu.split_last_chunk_mut::<{ MessageSignature::LEN }>() else {
            return;
        };
        let seq_num = self.send.seq_num;
        let mut checksum = self.send.checksum(message);
        if level == AuthLevel::Privacy {
            self.send.seal.apply_keystream(message.get_mut(stub).unwrap_or_default());
        }
        if self.key_exchange {
            self.send.seal.apply_keystream(&mut checksum);
        }
        *place = MessageSignature { checksum, seq_num }.to_bytes();
        self.send.seq_num = seq_num.wrapping_add(1);
    }

    /// Decrypts in place, at [`AuthLevel::Privacy`], and verifies a whole fragment that ends in its signature.
    ///
    /// Fragments must be given in the order of their arrival, none left out.
    ///
    /// # Errors
    /// What is wrong with it; from then on every fragment is refused with the same error.
    pub fn unprotect(&mut self, level: AuthLevel, pdu: &mut [u8], stub: Range<usize>) -> Result<(), Tampered> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let outcome = self.verify(level, pdu, stub);
        self.failed = outcome.err();
        outcome
    }

    /// The signature of `message`, which is no fragment: SPNEGO's mechListMIC, before any fragment is protected. It has a
    /// sequence number like them, but the key stream starts over behind it ([MS-SPNG 3.2.5.1, 3.3.5.1]).
    pub fn sign(&mut self, message: &[u8]) -> [u8; MessageSignature::LEN] {
        let Direction { seq_num, .. } = self.send;
        let checksum = self.send.checksum_once(message, self.key_exchange);
        MessageSignature { checksum, seq_num }.to_bytes()
    }

    /// Verifies what the other end's `sign` made.
    ///
    /// # Errors
    /// What is wrong with it; from then on every fragment is refused with the same error.
    pub fn verify_signature(&mut self, message: &[u8], signature: &[u8]) -> Result<(), Tampered> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let expected = self.receive.seq_num;
        let checksum = self.receive.checksum_once(message, self.key_exchange);
        let outcome = match signature.try_into().ok().and_then(MessageSignature::from_bytes) {
            None => Err(Tampered::Malformed),
            Some(signature) if signature.seq_num != expected => {
                Err(Tampered::OutOfOrder { expected, found: signature.seq_num })
            }
            Some(signature) if checksum.ct_eq(&signature.checksum).into() => Ok(()),
            Some(_) => Err(Tampered::Checksum),
        };
        self.failed = outcome.err();
        outcome
    }

    /// Takes fragments again behind one whose checksum was wrong, as if it had been sent: for an observer, who wants to
    /// know which fragment was changed and acts on none. False when the failure was another, which tells nothing about
    /// what comes next.
    pub fn go_on(&mut self) -> bool {
        if self.failed == Some(Tampered::Checksum) {
            self.failed = None;
        }
        self.failed.is_none()
    }

    fn verify(&mut self, level: AuthLevel, pdu: &mut [u8], stub: Range<usize>) -> Result<(), Tampered> {
        let (message, signature) =
            pdu.split_last_chunk_mut::<{ MessageSignature::LEN }>().ok_or(Tampered::Malformed)?;
        let signature = MessageSignature::from_bytes(*signature).ok_or(Tampered::Malformed)?;
        let expected = self.receive.seq_num;
        if signature.seq_num != expected {
            return Err(Tampered::OutOfOrder { expected, found: signature.seq_num });
        }
        let stub = message.get_mut(stub).ok_or(Tampered::Malformed)?;
        if level == AuthLevel::Privacy {
            self.receive.seal.apply_keystream(stub);
        }
        let mut checksum = self.receive.checksum(message);
        if self.key_exchange {
            self.receive.seal.apply_keystream(&mut checksum);
        }
        self.receive.seq_num = expected.wrapping_add(1);
        if checksum.ct_eq(&signature.checksum).into() { Ok(()) } else { Err(Tampered::Checksum) }
    }
}

impl Direction {
    /// The checksum of a message that is no fragment: the number counts on, the key stream starts over.
    fn checksum_once(&mut self, message: &[u8], key_exchange: bool) -> [u8; 8] {
        let mut checksum = self.checksum(message);
        if key_exchange {
            self.seal.apply_keystream(&mut checksum);
            self.seal = rc4(self.seal_key.expose());
        }
        self.seq_num = self.seq_num.wrapping_add(1);
        checksum
    }

    /// The first half of HMAC_MD5 over sequence number and message ([MS-NLMP 3.4.4.2]).
    fn checksum(&self, message: &[u8]) -> [u8; 8] {
        let whole = self.sign.clone().chain_update(self.seq_num.to_le_bytes()).chain_update(message);
        let [checksum @ .., _, _, _, _, _, _, _, _] = <[u8; 16]>::from(whole.finalize().into_bytes());
        checksum
    }
}

impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityContext")
            .field("sent", &self.send.seq_num)
            .field("received", &self.receive.seq_num)
            .field("key_exchange", &self.key_exchange)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

const CLIENT_SIGNING: &[u8] = b"session key to client-to-server signing key magic constant\0";
const SERVER_SIGNING: &[u8] = b"session key to server-to-client signing key magic constant\0";
const CLIENT_SEALING: &[u8] = b"session key to client-to-server sealing key magic constant\0";
const SERVER_SEALING: &[u8] = b"session key to server-to-client sealing key magic constant\0";
