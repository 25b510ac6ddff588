use bytes::{Bytes, BytesMut};
use hex_literal::hex;
use rc4::StreamCipher;

use super::keys::{derive, hmac_md5_bytes, lm_v2, ntowf_v2, rc4, rc4k, respond};
use super::*;
use crate::auth::{AuthError, AuthLevel, Credentials, NtHash};
use crate::entropy::{Draw, Entropy, SeededEntropy};
use crate::secret::Secret;
use crate::time::FileTime;
use crate::wire::Wire;
use crate::wire::ntlm::{Authenticate, AvId, Challenge, ClientChallenge, NegotiateFlags, Ntlmv2Response, Version};
use crate::wire::rpc::{Body, PfcFlags, Protected, Protection, Request, Unsigned};
use crate::wire::text::utf16;

/// [MS-NLMP 4.2.1]
const SERVER_CHALLENGE: [u8; 8] = hex!("0123456789abcdef");
const CLIENT_CHALLENGE: [u8; 8] = [0xaa; 8];
const SESSION_KEY: [u8; 16] = [0x55; 16];
/// [MS-NLMP 4.2.4.1.3]; the text there shows the tail of a message, of which these are the octets of `temp`.
const TEMP: [u8; 68] = hex!(
    "0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000"
    "02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000"
);
/// [MS-NLMP 4.2.4.3]
const CHALLENGE: [u8; 104] = hex!(
    "4e544c4d53535000020000000c000c00 3800000033828ae20123456789abcdef"
    "00000000000000002400240044000000 060070170000000f5300650072007600"
    "6500720002000c0044006f006d006100 69006e0001000c005300650072007600"
    "6500720000000000"
);
const AUTHENTICATE: [u8; 232] = hex!(
    "4e544c4d535350000300000018001800 6c00000054005400840000000c000c00"
    "48000000080008005400000010001000 5c00000010001000d8000000358288e2"
    "0501280a0000000f44006f006d006100 69006e00550073006500720043004f00"
    "4d005000550054004500520086c35097 ac9cec102554764a57cccc19aaaaaaaa"
    "aaaaaaaa68cd0ab851e51c96aabc927b ebef6a1c010100000000000000000000"
    "00000000aaaaaaaaaaaaaaaa00000000 02000c0044006f006d00610069006e00"
    "01000c00530065007200760065007200 0000000000000000c5dad2544fc97990"
    "94ce1ce90bc9d03e"
);

fn spec_key() -> Secret<[u8; 16]> {
    ntowf_v2(&NtHash::of(&Secret::from("Password")), &utf16("User"), &utf16("Domain"))
}

#[test]
fn spec_ntowf_v2() {
    assert_eq!(*spec_key().expose(), hex!("0c868a403bfd7a93a3001ef22ef02e3f"));
}

#[test]
fn spec_responses() {
    let response = respond(&spec_key(), &SERVER_CHALLENGE, &TEMP);
    assert_eq!(response.proof, hex!("68cd0ab851e51c96aabc927bebef6a1c"));
    assert_eq!(*response.base_key.expose(), hex!("8de40ccadbc14a82f15cb0ad0de95ca3"));
    let lm = lm_v2(&spec_key(), &SERVER_CHALLENGE, &CLIENT_CHALLENGE);
    assert_eq!(lm, hex!("86c35097ac9cec102554764a57cccc19 aaaaaaaaaaaaaaaa"));
    assert_eq!(rc4k(&response.base_key, SESSION_KEY), hex!("c5dad2544fc9799094ce1ce90bc9d03e"));
}

#[test]
fn spec_messages_both_ways() {
    let challenge = Challenge::from_bytes(Bytes::from_static(&CHALLENGE)).unwrap();
    assert_eq!(challenge.server_challenge, SERVER_CHALLENGE);
    assert_eq!(challenge.target_name, utf16("Server"));
    assert_eq!(challenge.version, Some(Version { major: 6, minor: 0, build: 6000, revision: 15 }));
    let pairs = challenge.av_pairs().unwrap();
    assert_eq!(pairs.get(AvId::NB_DOMAIN_NAME).unwrap(), &utf16("Domain"));
    assert_eq!(pairs.get(AvId::NB_COMPUTER_NAME).unwrap(), &utf16("Server"));
    assert_eq!(challenge.to_bytes(), CHALLENGE.as_slice());

    let message = Authenticate::from_bytes(Bytes::from_static(&AUTHENTICATE)).unwrap();
    assert_eq!((message.user.as_ref(), message.mic), (utf16("User").as_slice(), None));
    assert_eq!(message.workstation, utf16("COMPUTER"));
    let response = Ntlmv2Response::from_bytes(message.nt_response.clone()).unwrap();
    assert_eq!(response.client_challenge, TEMP.as_slice());
    let temp = ClientChallenge::from_bytes(response.client_challenge).unwrap();
    assert_eq!((temp.timestamp, temp.challenge), (0, CLIENT_CHALLENGE));
    assert_eq!(temp.to_bytes(), TEMP.as_slice());
    assert_eq!(message.to_bytes(), AUTHENTICATE.as_slice());
}

#[test]
fn spec_log_on_is_accepted_and_yields_the_session_key() {
    let mut acceptor = NtlmAcceptor::captured(Bytes::new(), Bytes::from_static(&CHALLENGE));
    let message = Bytes::from_static(&AUTHENTICATE);
    let accepted = acceptor.accept(message.clone(), |domain, user| {
        assert_eq!((domain, user), ("Domain", "User"));
        Some(Secret::from("Password"))
    });
    assert_eq!(*accepted.unwrap().session_key.expose(), SESSION_KEY);
    let refused = acceptor.accept(message, |_, _| Some(Secret::from("password")));
    assert_eq!(refused.unwrap_err(), AcceptError::WrongPassword);
}

/// [MS-NLMP 4.2.4.4]
#[test]
fn spec_wrap_with_key_exchange() {
    let mut context = SecurityContext::new(&Secret::new(SESSION_KEY), true, Side::Client);
    let mut message = [utf16("Plaintext"), vec![0; 16]].concat();
    context.protect(AuthLevel::Privacy, &mut message, 0..18);
    assert_eq!(message[..18], hex!("54e50165bf1936dc996020c1811b0f06fb5f"));
    assert_eq!(message[18..], hex!("010000007fb38ec5c55d497600000000"));
    let mut server = SecurityContext::new(&Secret::new(SESSION_KEY), true, Side::Server);
    server.unprotect(AuthLevel::Privacy, &mut message, 0..18).unwrap();
    assert_eq!(message[..18], utf16("Plaintext"));
}

/// [MS-NLMP 4.2.3.4]: extended session security without key exchange, with a 56-bit sealing key that is not made here;
/// the checksum is.
#[test]
fn spec_checksum_without_key_exchange() {
    let key = hex!("eb93429a8bd952f8b89c55b87f475edc");
    let constant = b"session key to client-to-server signing key magic constant\0";
    let signing_key = derive(&Secret::new(key), constant);
    assert_eq!(*signing_key.expose(), hex!("60e799be5c72fc92922ae8ebe961fb8d"));
    let mut context = SecurityContext::new(&Secret::new(key), false, Side::Client);
    let mut message = [utf16("Plaintext"), vec![0; 16]].concat();
    context.protect(AuthLevel::Integrity, &mut message, 0..18);
    assert_eq!(message[..18], utf16("Plaintext"));
    assert_eq!(message[18..], hex!("01000000ff2aeb52f681793a00000000"));
    // The sealed data of the example, under its 56-bit key.
    let mut data: [u8; 18] = utf16("Plaintext").try_into().unwrap();
    rc4(&hex!("04dd7f014d8504d265a25cc86a3a7c06")).apply_keystream(&mut data);
    assert_eq!(data, hex!("a02372f6530273f3aa1eb90190ce5200c99d"));
}

/// Entropy that answers with the values of [MS-NLMP 4.2.1].
struct SpecEntropy;

impl Entropy for SpecEntropy {
    fn fill(&mut self, draw: Draw, dst: &mut [u8]) {
        match draw {
            Draw::NtlmClientChallenge => dst.copy_from_slice(&CLIENT_CHALLENGE),
            Draw::NtlmSessionKey => dst.copy_from_slice(&SESSION_KEY),
            Draw::NtlmServerChallenge => dst.copy_from_slice(&SERVER_CHALLENGE),
            _ => unreachable!("not drawn in a log-on"),
        }
    }
}

/// [MS-NLMP 4.2.2.1.2] NTOWFv1() of the examples' password.
#[test]
fn spec_nt_hash_takes_the_place_of_the_password() {
    let hash: NtHash = "a4f49c406510bdcab6824ee7c30fd852".parse().unwrap();
    assert_eq!(hash, NtHash::of(&Secret::from("Password")));
    assert_eq!(hash.expose(), &hex!("a4f49c406510bdcab6824ee7c30fd852"));
    // Of the log-on in 4.2.4.
    let mut acceptor = NtlmAcceptor::captured(Bytes::new(), Bytes::from_static(&CHALLENGE));
    let message = Bytes::from_static(&AUTHENTICATE);
    let accepted = acceptor.accept(message.clone(), |_, _| Some(hash.clone())).unwrap();
    assert_eq!(*accepted.session_key.expose(), SESSION_KEY);
    let other: NtHash = "A4F49C406510BDCAB6824EE7C30FD853".parse().unwrap();
    assert_eq!(acceptor.accept(message, |_, _| Some(other)).unwrap_err(), AcceptError::WrongPassword);

    let with_password = NtlmInitiator::new(&account(), "", AuthLevel::Privacy);
    let with_hash = NtlmInitiator::new(&Credentials::new("Domain\\User", hash), "", AuthLevel::Privacy);
    let [one, other] = [with_password, with_hash].map(|mut initiator| {
        let challenge = NtlmAcceptor::new(AcceptorOptions::default())
            .challenge(initiator.negotiate(), &mut SpecEntropy, FileTime(7))
            .unwrap();
        assert!(!format!("{initiator:?}").contains("244"), "a hash is printed: {initiator:?}");
        initiator.authenticate(challenge, &mut SpecEntropy, FileTime(9)).unwrap().0
    });
    assert_eq!(one, other);
}

#[test]
fn what_is_no_nt_hash_is_refused_and_not_repeated() {
    let digits = "a4f49c406510bdcab6824ee7c30fd852";
    for text in ["", &digits[1..], &format!("{digits}0"), &format!("{}+", &digits[1..]), &format!("{}é", &digits[2..])]
    {
        let error = text.parse::<NtHash>().unwrap_err();
        assert!(text.is_empty() || !error.to_string().contains(text));
    }
}

fn account() -> Credentials {
    Credentials::new("Domain\\User", Secret::from("Password"))
}

/// A log-on between both sides, with the initiator's messages.
fn log_on(level: AuthLevel, options: AcceptorOptions) -> (Bytes, SecurityContext, Acceptance) {
    let mut initiator = NtlmInitiator::new(&account(), "RPCSS/server", level);
    let mut acceptor = NtlmAcceptor::new(options);
    let challenge = acceptor.challenge(initiator.negotiate(), &mut SpecEntropy, FileTime(7)).unwrap();
    let (message, client) = initiator.authenticate(challenge, &mut SpecEntropy, FileTime(9)).unwrap();
    let accepted = acceptor.accept(message.clone(), |_, _| Some(Secret::from("Password"))).unwrap();
    (message, client, accepted)
}

fn client_challenge(message: &Bytes) -> (Authenticate, ClientChallenge) {
    let message = Authenticate::from_bytes(message.clone()).unwrap();
    let response = Ntlmv2Response::from_bytes(message.nt_response.clone()).unwrap();
    (message, ClientChallenge::from_bytes(response.client_challenge).unwrap())
}

#[test]
fn with_a_timestamp_there_is_a_mic_and_no_lm_response() {
    let (message, _, accepted) = log_on(AuthLevel::Privacy, AcceptorOptions::default());
    assert!(accepted.mic);
    assert_eq!(accepted.target_name, "RPCSS/server");
    let (message, challenge) = client_challenge(&message);
    assert_eq!(challenge.timestamp, 7);
    assert_eq!(challenge.av_pairs.flags(), 2);
    assert_eq!(challenge.av_pairs.get(AvId::CHANNEL_BINDINGS).unwrap().as_ref(), [0; 16]);
    assert_eq!(message.lm_response.as_ref(), [0; 24]);
    assert!(message.flags.contains(NegotiateFlags::SEAL | NegotiateFlags::SIGN | NegotiateFlags::KEY_EXCH));
    assert!(!message.flags.contains(NegotiateFlags::IDENTIFY));
}

#[test]
fn without_a_timestamp_there_is_an_lm_response_and_no_mic() {
    let options = AcceptorOptions { timestamp: false, ..AcceptorOptions::default() };
    let (message, _, accepted) = log_on(AuthLevel::Integrity, options.clone());
    assert!(!accepted.mic);
    let (message, challenge) = client_challenge(&message);
    assert_eq!((challenge.timestamp, challenge.av_pairs.flags()), (9, 0));
    assert_eq!(message.lm_response, lm_v2(&spec_key(), &SERVER_CHALLENGE, &CLIENT_CHALLENGE).as_slice());
    assert!(!message.flags.contains(NegotiateFlags::SEAL));

    let mut acceptor = NtlmAcceptor::new(AcceptorOptions { demand_mic: true, ..options });
    let mut initiator = NtlmInitiator::new(&account(), "", AuthLevel::Integrity);
    let challenge = acceptor.challenge(initiator.negotiate(), &mut SpecEntropy, FileTime(7)).unwrap();
    let (message, _) = initiator.authenticate(challenge, &mut SpecEntropy, FileTime(9)).unwrap();
    let refused = acceptor.accept(message, |_, _| Some(Secret::from("Password")));
    assert_eq!(refused.unwrap_err(), AcceptError::MicMissing);
}

#[test]
fn a_changed_message_breaks_the_mic() {
    let mut initiator = NtlmInitiator::new(&account(), "", AuthLevel::Privacy);
    let mut acceptor = NtlmAcceptor::new(AcceptorOptions::default());
    let challenge = acceptor.challenge(initiator.negotiate(), &mut SpecEntropy, FileTime(7)).unwrap();
    // IDENTIFY is a flag that nobody looks at.
    let mut changed = BytesMut::from(challenge.as_ref());
    changed[22] ^= 0x10;
    let (message, _) = initiator.authenticate(changed.freeze(), &mut SpecEntropy, FileTime(9)).unwrap();
    let refused = acceptor.accept(message, |_, _| Some(Secret::from("Password")));
    assert_eq!(refused.unwrap_err(), AcceptError::BadMic);
}

#[test]
fn a_challenge_that_grants_less_is_refused() {
    let withheld = [
        (NegotiateFlags::UNICODE, "Unicode"),
        (NegotiateFlags::EXTENDED_SESSIONSECURITY, "extended session security"),
        (NegotiateFlags::KEY_128, "128-bit keys"),
        (NegotiateFlags::SIGN, "signing"),
        (NegotiateFlags::SEAL, "sealing"),
    ];
    for (withheld, name) in withheld {
        let mut initiator = NtlmInitiator::new(&account(), "", AuthLevel::Privacy);
        let mut acceptor = NtlmAcceptor::new(AcceptorOptions { withheld, ..AcceptorOptions::default() });
        let challenge = acceptor.challenge(initiator.negotiate(), &mut SpecEntropy, FileTime(7)).unwrap();
        let refused = initiator.authenticate(challenge, &mut SpecEntropy, FileTime(9));
        assert_eq!(refused.unwrap_err(), AuthError::NotGranted(name));
    }
    // At integrity nobody asks for sealing.
    let options = AcceptorOptions { withheld: NegotiateFlags::SEAL, ..AcceptorOptions::default() };
    log_on(AuthLevel::Integrity, options);
}

#[test]
fn a_challenge_without_names_is_refused() {
    let mut challenge = Challenge::from_bytes(Bytes::from_static(&CHALLENGE)).unwrap();
    let mut initiator = NtlmInitiator::new(&account(), "", AuthLevel::Privacy);
    let mut pairs = challenge.av_pairs().unwrap();
    pairs.0.retain(|pair| pair.id != AvId::NB_DOMAIN_NAME);
    challenge.target_info = pairs.to_bytes();
    let refused = initiator.authenticate(challenge.to_bytes(), &mut SpecEntropy, FileTime(9));
    assert_eq!(refused.unwrap_err(), AuthError::Missing("computer and domain name"));
    challenge.target_info = Bytes::new();
    let refused = initiator.authenticate(challenge.to_bytes(), &mut SpecEntropy, FileTime(9));
    assert_eq!(refused.unwrap_err(), AuthError::Missing("target information"));
}

#[test]
fn a_user_name_with_a_domain_goes_without_a_domain_field() {
    let credentials = Credentials::new("monitor@acme.example", Secret::from("Password"));
    let mut initiator = NtlmInitiator::new(&credentials, "", AuthLevel::Privacy);
    let challenge = Bytes::from_static(&CHALLENGE);
    let (message, _) = initiator.authenticate(challenge, &mut SpecEntropy, FileTime(9)).unwrap();
    let message = Authenticate::from_bytes(message).unwrap();
    assert_eq!(message.user, utf16("monitor@acme.example"));
    assert!(message.domain.is_empty());
}

#[test]
fn a_dot_stands_for_the_name_of_the_host() {
    let credentials = Credentials::new(r".\Admin", Secret::from("Password"));
    let mut initiator = NtlmInitiator::new(&credentials, "", AuthLevel::Privacy);
    let options = AcceptorOptions { computer: "SRV-Ü".to_owned(), ..AcceptorOptions::default() };
    let mut acceptor = NtlmAcceptor::new(options);
    let challenge = acceptor.challenge(initiator.negotiate(), &mut SpecEntropy, FileTime(9)).unwrap();
    let (message, _) = initiator.authenticate(challenge, &mut SpecEntropy, FileTime(9)).unwrap();
    let accepted = acceptor.accept(message, |domain, user| {
        assert_eq!((domain, user), ("SRV-Ü", "Admin"));
        Some("Password")
    });
    assert_eq!(accepted.unwrap().domain, "SRV-Ü");
}

#[test]
fn user_names_are_compared_in_simple_upper_case() {
    let key = |user: &str| *ntowf_v2(&NtHash::of(&Secret::from("x")), &utf16(user), &utf16("Domain")).expose();
    assert_eq!(key("müller"), key("MÜLLER"));
    assert_eq!(key("weiß"), key("WEIß"));
    assert_ne!(key("weiß"), key("WEISS"));
    assert_ne!(key("yıldız"), key("YILDIZ"));
    assert_ne!(key("a\u{10428}"), key("a\u{10400}"));
}

fn fragment(level: AuthLevel, stub: &'static [u8]) -> Unsigned {
    let request = Request { alloc_hint: 0, context_id: 1, opnum: 3, object: None, stub: Bytes::from_static(stub) };
    Unsigned::new(PfcFlags::WHOLE, 5, &Body::Request(request), &Protection::ntlm(level.wire(), 0))
}

#[test]
fn every_flipped_bit_is_detected() {
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        for key_exchange in [true, false] {
            let context = |side| SecurityContext::new(&Secret::new(SESSION_KEY), key_exchange, side);
            let Unsigned { mut pdu, stub } = fragment(level, b"twenty octets of data");
            context(Side::Client).protect(level, &mut pdu, stub.clone());
            for bit in 0..pdu.len() * 8 {
                let mut flipped = pdu.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let outcome = context(Side::Server).unprotect(level, &mut flipped, stub.clone());
                assert!(outcome.is_err(), "bit {bit} at {level:?}");
            }
            let mut whole = pdu.clone();
            context(Side::Server).unprotect(level, &mut whole, stub.clone()).unwrap();
            assert_eq!(whole[stub][..21], *b"twenty octets of data");
        }
    }
}

#[test]
fn a_repeated_or_missing_fragment_is_told_from_a_bad_checksum_and_failure_stays() {
    let context = |side| SecurityContext::new(&Secret::new(SESSION_KEY), true, side);
    let (mut client, mut server) = (context(Side::Client), context(Side::Server));
    let mut fragments = [(); 3].map(|()| fragment(AuthLevel::Privacy, b"same"));
    for Unsigned { pdu, stub } in &mut fragments {
        client.protect(AuthLevel::Privacy, pdu, stub.clone());
    }
    let [first, _, third] = fragments;
    let mut once = first.clone();
    server.unprotect(AuthLevel::Privacy, &mut once.pdu, once.stub).unwrap();
    let mut again = first.clone();
    let replayed = server.unprotect(AuthLevel::Privacy, &mut again.pdu, again.stub).unwrap_err();
    assert_eq!(replayed, Tampered::OutOfOrder { expected: 1, found: 0 });

    let mut server = context(Side::Server);
    let mut late = third.clone();
    let skipped = server.unprotect(AuthLevel::Privacy, &mut late.pdu, late.stub).unwrap_err();
    assert_eq!(skipped, Tampered::OutOfOrder { expected: 0, found: 2 });
    let mut first = first;
    assert_eq!(server.unprotect(AuthLevel::Privacy, &mut first.pdu, first.stub), Err(skipped));
}

#[test]
fn both_sides_of_every_log_on_agree() {
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        for withheld in [NegotiateFlags(0), NegotiateFlags::KEY_EXCH] {
            let options = AcceptorOptions { withheld, ..AcceptorOptions::default() };
            let (_, mut client, mut accepted) = log_on(level, options);
            for round in 0..3 {
                let Unsigned { mut pdu, stub } = fragment(level, b"there");
                client.protect(level, &mut pdu, stub.clone());
                assert_eq!(Protected::locate(&pdu).unwrap().unwrap().stub, stub);
                accepted.context.unprotect(level, &mut pdu, stub).unwrap();
                let Unsigned { mut pdu, stub } = fragment(level, b"and back");
                accepted.context.protect(level, &mut pdu, stub.clone());
                client.unprotect(level, &mut pdu, stub.clone()).unwrap();
                assert_eq!(&pdu[stub][..8], b"and back", "round {round}");
            }
        }
    }
}

#[test]
fn no_secret_in_any_debug() {
    let (message, context, accepted) = log_on(AuthLevel::Privacy, AcceptorOptions::default());
    let initiator = NtlmInitiator::new(&account(), "", AuthLevel::Privacy);
    let acceptor = NtlmAcceptor::new(AcceptorOptions::default());
    let shown = format!("{context:?} {accepted:?} {initiator:?} {acceptor:?}");
    assert!(!shown.contains("Password"), "{shown}");
    assert!(!shown.contains("85, 85"), "{shown}");
    assert!(!message.is_empty());
    fn assert_send<T: Send>() {}
    assert_send::<(SecurityContext, NtlmInitiator, NtlmAcceptor)>();
}

#[test]
fn seeded_log_ons_repeat() {
    let message = |seed| {
        let mut initiator = NtlmInitiator::new(&account(), "", AuthLevel::Privacy);
        let challenge = Bytes::from_static(&CHALLENGE);
        initiator.authenticate(challenge, &mut SeededEntropy::new(seed), FileTime(9)).unwrap().0
    };
    assert_eq!(message(1), message(1));
    assert_ne!(message(1), message(2));
}

#[test]
fn hmac_md5_of_rfc_2202() {
    assert_eq!(hmac_md5_bytes(&[0x0b; 16], &[b"Hi ", b"There"]), hex!("9294727a3638bb1c13f48ef8158bfc9d"));
}
