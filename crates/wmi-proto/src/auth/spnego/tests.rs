//! Both ends of a negotiation against each other, and every token cut at every octet.

use super::*;
use crate::auth::{AcceptError, Acceptance, AcceptorOptions, AuthLevel, Credentials, Mechanism, Password, Tampered};
use crate::entropy::SeededEntropy;

const WALL: FileTime = FileTime(0x01dd_7bd4_b6aa_2a00);

fn initiator() -> Initiator {
    let credentials = Credentials::new("ACME\\monitor", "secret");
    Initiator::new(Mechanism::Negotiate, &credentials, "RPCSS/host", AuthLevel::Privacy)
}

fn acceptor() -> NegotiateAcceptor {
    NegotiateAcceptor::new(AcceptorOptions::default())
}

fn accept(acceptor: &mut NegotiateAcceptor, token: &Bytes) -> Result<Answer, AcceptError> {
    acceptor.step(token.clone(), &mut SeededEntropy::new(2), WALL, |_, _| Some(Password::from("secret")))
}

fn goes_on(answer: Result<Answer, AcceptError>) -> Bytes {
    match answer {
        Ok(Answer::Continue(token)) => token,
        other => panic!("{other:?}"),
    }
}

fn done(answer: Result<Answer, AcceptError>) -> (Box<Acceptance>, Bytes) {
    match answer {
        Ok(Answer::Done(acceptance, token)) => (acceptance, token),
        other => panic!("{other:?}"),
    }
}

fn step(initiator: Initiator, token: &Bytes) -> Result<Step, AuthError> {
    initiator.step(token.clone(), &mut SeededEntropy::new(1), WALL)
}

fn next(initiator: Initiator, token: &Bytes) -> (Bytes, Initiator) {
    match step(initiator, token) {
        Ok(Step::Continue(token, initiator)) => (token, initiator),
        other => panic!("{other:?}"),
    }
}

fn resp(token: &Bytes) -> NegTokenResp {
    match NegotiationToken::from_bytes(token.clone()) {
        Ok(NegotiationToken::Resp(resp)) => resp,
        other => panic!("{other:?}"),
    }
}

/// The token after the first one and the initiator that awaits the last, the acceptor, and what it answers.
fn answered() -> (Bytes, Initiator, NegotiateAcceptor, Box<Acceptance>, Bytes) {
    let (initiator, mut acceptor) = (initiator(), acceptor());
    let challenge = goes_on(accept(&mut acceptor, &initiator.first()));
    let (authenticate, initiator) = next(initiator, &challenge);
    let (acceptance, last) = done(accept(&mut acceptor, &authenticate));
    (authenticate, initiator, acceptor, acceptance, last)
}

#[test]
fn both_ends_agree_and_their_keys_fit() {
    let (authenticate, initiator, mut acceptor, mut acceptance, last) = answered();
    assert!(acceptance.mic);
    assert_eq!(resp(&last).state, Some(NegState::ACCEPT_COMPLETED));
    let Ok(Step::Done(mut client)) = step(initiator, &last) else { panic!("not done") };
    // Numbers count on behind the mechListMIC, and the key stream starts over: 1 in both directions.
    let pass = |sender: &mut SecurityContext, receiver: &mut SecurityContext| {
        let mut fragment = vec![7; 48];
        sender.protect(AuthLevel::Privacy, &mut fragment, 8..24);
        assert_eq!(fragment[44..], [1, 0, 0, 0]);
        assert_eq!(receiver.unprotect(AuthLevel::Privacy, &mut fragment, 8..24), Ok(()));
        assert_eq!(fragment[..32], [7; 32]);
    };
    pass(&mut client, &mut acceptance.context);
    pass(&mut acceptance.context, &mut client);
    assert_eq!(accept(&mut acceptor, &authenticate).unwrap_err(), AcceptError::OutOfOrder);
}

#[test]
fn every_token_cut_anywhere_is_refused() {
    let first = initiator().first();
    for end in 0..first.len() {
        assert!(accept(&mut acceptor(), &first.slice(..end)).is_err(), "{end} octets of the first token");
    }
    let challenge = goes_on(accept(&mut acceptor(), &first));
    for end in 0..challenge.len() {
        assert!(step(initiator(), &challenge.slice(..end)).is_err(), "{end} octets of the challenge");
    }
    let (authenticate, _, _, _, last) = answered();
    for end in 0..authenticate.len() {
        let mut acceptor = acceptor();
        goes_on(accept(&mut acceptor, &first));
        assert!(accept(&mut acceptor, &authenticate.slice(..end)).is_err(), "{end} octets of the answer");
    }
    for end in 0..last.len() {
        let (_, initiator, ..) = answered();
        assert!(step(initiator, &last.slice(..end)).is_err(), "{end} octets of the last token");
    }
}

#[test]
fn any_bit_of_the_last_token_counts() {
    let (.., last) = answered();
    for bit in 0..last.len() * 8 {
        let mut flipped = last.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (_, initiator, ..) = answered();
        assert!(step(initiator, &flipped.into()).is_err(), "bit {bit}");
    }
}

#[test]
fn a_client_that_hopes_for_kerberos_is_asked_for_a_mic() {
    let NegotiationToken::Init(init) = NegotiationToken::from_bytes(initiator().first()).expect("a token") else {
        panic!("not a NegTokenInit")
    };
    let mech_types = vec![MechType::ms_kerberos(), MechType::kerberos(), MechType::ntlmssp()];
    let offer = NegTokenInit {
        mech_types: mech_types.clone(),
        mech_token: Some(Bytes::from_static(b"a ticket")),
        ..NegTokenInit::default()
    };
    let run = |mic: &dyn Fn(&mut SecurityContext) -> Option<[u8; 16]>| {
        let mut acceptor = acceptor();
        let asked = goes_on(accept(&mut acceptor, &NegotiationToken::Init(offer.clone()).to_bytes()));
        let expected = NegTokenResp {
            state: Some(NegState::REQUEST_MIC),
            supported_mech: Some(MechType::ntlmssp()),
            ..NegTokenResp::default()
        };
        assert_eq!(resp(&asked), expected);
        let negotiate = NegTokenResp { response_token: init.mech_token.clone(), ..NegTokenResp::default() };
        let challenge = goes_on(accept(&mut acceptor, &NegotiationToken::Resp(negotiate).to_bytes()));
        let credentials = Credentials::new("ACME\\monitor", "secret");
        let mut ntlm = NtlmInitiator::new(&credentials, "RPCSS/host", AuthLevel::Privacy);
        let challenge = resp(&challenge).response_token.expect("a challenge");
        let (message, mut context) = ntlm.authenticate(challenge, &mut SeededEntropy::new(1), WALL).expect("an answer");
        let mech_list_mic = mic(&mut context).map(|mic| Bytes::copy_from_slice(&mic));
        let answer = NegTokenResp { response_token: Some(message), mech_list_mic, ..NegTokenResp::default() };
        (context, accept(&mut acceptor, &NegotiationToken::Resp(answer).to_bytes()))
    };
    let list = mech_type_list(&mech_types);
    let (mut context, answer) = run(&|context| Some(context.sign(&list)));
    let (_, last) = done(answer);
    let mic = resp(&last).mech_list_mic.expect("a MIC");
    assert_eq!(context.verify_signature(&list, &mic), Ok(()));
    assert_eq!(run(&|_| None).1.unwrap_err(), AcceptError::MechListMicMissing);
    let ntlm_only = mech_type_list(&[MechType::ntlmssp()]);
    assert_eq!(run(&|context| Some(context.sign(&ntlm_only))).1.unwrap_err(), AcceptError::BadMechListMic);
}

#[test]
fn ntlm_by_itself_needs_no_frame() {
    let credentials = Credentials::new("ACME\\monitor", "secret");
    let raw = || Initiator::new(Mechanism::Ntlm, &credentials, "", AuthLevel::Integrity);
    let mut acceptor = acceptor();
    let challenge = goes_on(accept(&mut acceptor, &raw().first()));
    let Ok(Step::Last(message, _)) = step(raw(), &challenge) else { panic!("not the last token") };
    assert!(done(accept(&mut acceptor, &message)).1.is_empty());
}

#[test]
fn what_an_acceptor_refuses() {
    let kerberos = NegTokenInit { mech_types: vec![MechType::kerberos()], ..NegTokenInit::default() };
    let nothing = NegTokenInit::default();
    for offer in [kerberos, nothing] {
        let token = NegotiationToken::Init(offer).to_bytes();
        assert_eq!(accept(&mut acceptor(), &token).unwrap_err(), AcceptError::NoNtlm);
    }
    let early = NegotiationToken::Resp(NegTokenResp::default()).to_bytes();
    assert_eq!(accept(&mut acceptor(), &early).unwrap_err(), AcceptError::OutOfOrder);
    let mut acceptor = acceptor();
    let first = initiator().first();
    goes_on(accept(&mut acceptor, &first));
    assert_eq!(accept(&mut acceptor, &first).unwrap_err(), AcceptError::OutOfOrder);
    assert_eq!(accept(&mut acceptor, &first).unwrap_err(), AcceptError::OutOfOrder, "it is over");
}

#[test]
fn an_initiator_is_not_spoken_to_first() {
    assert_eq!(step(initiator(), &initiator().first()).unwrap_err(), AuthError::OutOfPlace("NegTokenInit"));
    let (_, initiator, ..) = answered();
    assert!(initiator.first().is_empty());
}

#[test]
fn a_signature_that_failed_stays_failed() {
    let (_, _, _, mut acceptance, _) = answered();
    let context = &mut acceptance.context;
    assert_eq!(context.verify_signature(b"list", &[1, 0, 0]), Err(Tampered::Malformed));
    let mut fragment = vec![0; 32];
    assert_eq!(context.unprotect(AuthLevel::Integrity, &mut fragment, 0..16), Err(Tampered::Malformed));
}
