//! Oracles for NTLM: its messages, and both ends of a log-on with a peer that sends anything.

use crate::oracles::dcom::survives;
use bytes::Bytes;
use wmi_proto::internals::{AcceptorOptions, NtlmAcceptor, NtlmInitiator};
use wmi_proto::wire::ntlm::{Authenticate, AvPairs, Challenge, ClientChallenge, Negotiate, Ntlmv2Response};
use wmi_proto::{AuthLevel, Credentials, FileTime, Secret, SeededEntropy};

/// `data` as each of the messages.
pub fn messages(data: &[u8]) {
    survives::<Negotiate>(&Bytes::copy_from_slice(data));
    survives::<Authenticate>(&Bytes::copy_from_slice(data));
    survives::<Ntlmv2Response>(&Bytes::copy_from_slice(data));
    survives::<ClientChallenge>(&Bytes::copy_from_slice(data));
    if let Some(challenge) = survives::<Challenge>(&Bytes::copy_from_slice(data)) {
        survives::<AvPairs>(&challenge.target_info);
    }
}

/// `data` as each of the messages, and as what either end of a log-on is sent.
pub fn every_role(data: &[u8]) {
    messages(data);
    initiator(data);
    acceptor(data);
}

/// `data` as a challenge: refused, or answered with a message that decodes.
pub fn initiator(data: &[u8]) {
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        let credentials = Credentials::new("ACME\\monitor", Secret::from("secret"));
        let mut initiator = NtlmInitiator::new(&credentials, "RPCSS/host", level);
        let challenge = Bytes::copy_from_slice(data);
        if let Ok((answer, _)) = initiator.authenticate(challenge, &mut SeededEntropy::new(1), FileTime(1)) {
            assert!(survives::<Authenticate>(&answer).is_some());
        }
    }
}

/// `data` as a negotiate message and as an answer to a challenge. Nobody guesses the password.
pub fn acceptor(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    let mut acceptor = NtlmAcceptor::new(AcceptorOptions::default());
    let entropy = &mut SeededEntropy::new(1);
    if acceptor.challenge(data.clone(), entropy, FileTime(1)).is_err() {
        let credentials = Credentials::new("ACME\\monitor", Secret::from("secret"));
        let negotiate = NtlmInitiator::new(&credentials, "", AuthLevel::Privacy).negotiate();
        acceptor.challenge(negotiate, entropy, FileTime(1)).expect("our own negotiate message is good");
    }
    assert!(acceptor.accept(data, |_, _| Some(Secret::from("secret"))).is_err());
}
