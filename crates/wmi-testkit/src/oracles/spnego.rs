//! Oracles for SPNEGO: its tokens, and both ends of a negotiation with a peer that sends anything.

use bytes::Bytes;
use wmi_proto::internals::{AcceptError, AcceptorOptions, Answer, Initiator, NegotiateAcceptor, Step};
use wmi_proto::wire::Wire;
use wmi_proto::wire::spnego::{MechType, NegTokenInit, NegotiationToken, mech_type_list};
use wmi_proto::{AuthLevel, Credentials, FileTime, Mechanism, Password, SeededEntropy};

/// `data` as a token, and as what either end is sent in each of its states.
pub fn every_role(data: &[u8]) {
    token(data);
    initiator(data);
    acceptor(data);
}

/// `data` as a token: when it is one, it is the only way to write it.
pub fn token(data: &[u8]) {
    let Ok(token) = NegotiationToken::from_bytes(Bytes::copy_from_slice(data)) else { return };
    assert_eq!(token.to_bytes(), data, "{token:?}");
    if let NegotiationToken::Init(NegTokenInit { mech_types, .. }) = &token {
        let list = mech_type_list(mech_types);
        assert!(mech_types.is_empty() || data.windows(list.len()).any(|part| part == list), "{list:x}");
        assert!(
            mech_types
                .iter()
                .all(|mech| mech.to_string().contains('.') && MechType::new(mech.content().clone()).is_some())
        );
    }
}

/// `data` as the challenge and as the last token of a host: only what the host really says completes a log-on.
pub fn initiator(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    match client().step(data.clone(), &mut SeededEntropy::new(1), WALL) {
        Ok(Step::Continue(answer, _)) => {
            assert!(matches!(NegotiationToken::from_bytes(answer), Ok(NegotiationToken::Resp(_))));
        }
        Ok(step) => panic!("a log-on is complete without a proof: {step:?}"),
        Err(_) => {}
    }
    let (_, client, last) = ordinary();
    if let Ok(step) = client.step(data.clone(), &mut SeededEntropy::new(1), WALL) {
        assert!(matches!(step, Step::Done(_)) && data == last, "{data:x}");
    }
}

/// `data` as the first, second and last token of a client: nobody but who knows the password gets in.
pub fn acceptor(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    let mut fresh = NegotiateAcceptor::new(AcceptorOptions::default());
    let first = accept(&mut fresh, data.clone());
    assert!(!matches!(first, Ok(Answer::Done(..))));
    // In whatever state that left it.
    assert!(!matches!(accept(&mut fresh, data.clone()), Ok(Answer::Done(..))));
    let (authenticate, ..) = ordinary();
    let mut challenged = NegotiateAcceptor::new(AcceptorOptions::default());
    assert!(matches!(accept(&mut challenged, client().first()), Ok(Answer::Continue(_))));
    if let Ok(answer) = accept(&mut challenged, data.clone()) {
        let parts = |token: Bytes| match NegotiationToken::from_bytes(token) {
            Ok(NegotiationToken::Resp(resp)) => (resp.response_token, resp.mech_list_mic),
            other => panic!("{other:?}"),
        };
        assert!(matches!(answer, Answer::Done(..)));
        assert_eq!(parts(data), parts(authenticate));
    }
}

/// The tokens of an ordinary negotiation, in order.
#[must_use]
pub fn tokens() -> [Bytes; 4] {
    let mut host = NegotiateAcceptor::new(AcceptorOptions::default());
    let Ok(Answer::Continue(challenge)) = accept(&mut host, client().first()) else { panic!("no challenge") };
    let (authenticate, _, last) = ordinary();
    [client().first(), challenge, authenticate, last]
}

/// The client's answer to the challenge of an ordinary host, the client behind it, and what the host says to it.
fn ordinary() -> (Bytes, Initiator, Bytes) {
    let mut host = NegotiateAcceptor::new(AcceptorOptions::default());
    let Ok(Answer::Continue(challenge)) = accept(&mut host, client().first()) else { panic!("no challenge") };
    let step = client().step(challenge, &mut SeededEntropy::new(1), WALL);
    let Ok(Step::Continue(authenticate, client)) = step else { panic!("{step:?}") };
    let Ok(Answer::Done(_, last)) = accept(&mut host, authenticate.clone()) else { panic!("the log-on failed") };
    (authenticate, client, last)
}

fn client() -> Initiator {
    let credentials = Credentials::new("ACME\\monitor", "secret");
    Initiator::new(Mechanism::Negotiate, &credentials, "RPCSS/host", AuthLevel::Privacy)
}

fn accept(host: &mut NegotiateAcceptor, token: Bytes) -> Result<Answer, AcceptError> {
    host.step(token, &mut SeededEntropy::new(2), WALL, |_, _| Some(Password::from("secret")))
}

const WALL: FileTime = FileTime(1);
