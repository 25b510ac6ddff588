//! Witnesses for RPC and NTLM: real traffic decodes and encodes back, and every signature in it verifies.

mod capture;
#[path = "../../../tests/witness.rs"]
mod witness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::{Bytes, BytesMut};
use capture::{Connection, connections};
use witness::Verdict;
use wmi_proto::internals::{AcceptError, NtlmAcceptor, SecurityContext, Side};
use wmi_proto::wire::Wire;
use wmi_proto::wire::ntlm::{
    Authenticate, Challenge, ClientChallenge, MessageSignature, Negotiate, NegotiateFlags, Ntlmv2Response,
};
use wmi_proto::wire::rpc::{
    AuthType, AuthnLevel, Body, CommonHeader, Pdu, PduType, PfcFlags, Protected, VerificationBody, VerificationTrailer,
};
use wmi_proto::wire::spnego::{NegotiationToken, mech_type_list};
use wmi_proto::{AuthLevel, Secret};

type Witness = Box<dyn Fn(&Path) -> Verdict>;

/// The captures with NTLM whose password is known, and how many NTLM log-ons in them, by itself or inside of
/// SPNEGO, succeed and fail.
const KNOWN: [(&str, &str, [usize; 2]); 5] = [
    ("ntlm_scapy_svcctl/dcerpc_privacy_ntlm.pcapng", "Password123!", [1, 0]),
    ("foreign_lab/impacket_privacy_next.pcapng", "Tr0ub4dor&3", [18, 0]),
    ("foreign_lab/impacket_integrity_next.pcapng", "Tr0ub4dor&3", [22, 0]),
    ("foreign_lab/aiowmi_integrity_smart.pcapng", "Tr0ub4dor&3", [8, 1]),
    ("foreign_lab/pyspnego_mic.pcapng", "Tr0ub4dor&3", [2, 0]),
];

fn main() -> ExitCode {
    let mut witnesses: Vec<(String, Witness)> = vec![
        ("captured set-up PDUs".to_owned(), Box::new(set_up_pdus)),
        ("captured NTLM messages".to_owned(), Box::new(ntlm_messages)),
        ("captured SPNEGO tokens".to_owned(), Box::new(spnego_tokens)),
        ("numbers of Windows behind a mechListMIC".to_owned(), Box::new(numbers_behind_a_mech_list_mic)),
        ("fragments of all captures".to_owned(), Box::new(all_fragments)),
        ("verification trailers".to_owned(), Box::new(verification_trailers)),
    ];
    for (file, password, log_ons) in KNOWN {
        let verify = move |folder: &Path| signatures(&folder.join(file), password, log_ons);
        witnesses.push((format!("signatures of {file}"), Box::new(verify)));
    }
    witness::run(witnesses)
}

/// All bind, alter_context, answer and auth3 PDUs of `*/pdus`.
fn set_up_pdus(folder: &Path) -> Verdict {
    let mut seen = BTreeMap::<String, usize>::new();
    for file in files(folder, "pdu")? {
        let octets = read(&file)?;
        let pdu = Pdu::decode(octets.clone()).map_err(|e| format!("{}: {e}", file.display()))?;
        same(&pdu, &octets).map_err(|e| format!("{}: {e}", file.display()))?;
        *seen.entry(pdu.body.ptype().to_string()).or_default() += 1;
    }
    let total: usize = seen.values().sum();
    if total == 120 { Ok(format!("{seen:?}")) } else { Err(format!("{total} PDUs where 120 are known: {seen:?}")) }
}

/// The SPNEGO tokens of all captures, whatever is inside them.
fn spnego_tokens(folder: &Path) -> Verdict {
    let (mut inits, mut states, mut mics, mut ntlm) = (0, BTreeMap::<String, usize>::new(), 0, 0);
    for file in files(folder, "pcap")?.into_iter().chain(files(folder, "pcapng")?) {
        for connection in connections(&file)? {
            for fragment in connection.client.into_iter().chain(connection.server) {
                if !matches!(CommonHeader::peek(&fragment), Ok(Some(h)) if has_token(h.ptype)) {
                    continue;
                }
                let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
                let pdu = Pdu::decode(fragment).map_err(|e| wrong(&e))?;
                let Some(auth) = pdu.auth.filter(|auth| auth.auth_type == AuthType::GSS_NEGOTIATE) else { continue };
                let token = NegotiationToken::from_bytes(auth.value.clone()).map_err(|e| wrong(&e))?;
                if token.to_bytes() != auth.value {
                    return Err(wrong(&format_args!("not encoded back: {token:?}\n  {:x}", auth.value)));
                }
                let (inner, extensions) = match &token {
                    NegotiationToken::Init(init) => {
                        inits += 1;
                        (init.mech_token.as_ref(), &init.extensions)
                    }
                    NegotiationToken::Resp(resp) => {
                        let state = resp.state.map_or_else(|| "none".to_owned(), |state| state.to_string());
                        *states.entry(state).or_default() += 1;
                        mics += usize::from(resp.mech_list_mic.is_some());
                        (resp.response_token.as_ref(), &resp.extensions)
                    }
                };
                if !extensions.is_empty() {
                    return Err(wrong(&format_args!("unknown fields: {token:?}")));
                }
                if let Some(message) = inner.filter(|inner| inner.starts_with(b"NTLMSSP\0")) {
                    recode_ntlm(message).map_err(|e| wrong(&e))?;
                    ntlm += 1;
                }
            }
        }
    }
    let seen = format!("{inits} NegTokenInit, NegTokenResp by state {states:?}, {mics} MICs, {ntlm} with NTLM");
    if inits > 20 && states.len() == 4 && mics > 10 && ntlm >= 9 { Ok(seen) } else { Err(seen) }
}

/// A Windows client and a Windows host that negotiated NTLM by SPNEGO: the mechListMICs have number 0, and what is signed
/// behind them begins with 1. (The password is not known.)
fn numbers_behind_a_mech_list_mic(folder: &Path) -> Verdict {
    let number = |signature: &[u8]| MessageSignature::from_bytes(signature.try_into().ok()?).map(|s| s.seq_num);
    let mut numbers = Vec::new();
    for connection in connections(&folder.join("dcom_suricata_ctxids.pcap"))? {
        for fragments in [connection.client, connection.server] {
            let mut found = Vec::new();
            for fragment in fragments {
                let pdu = Pdu::decode(fragment).map_err(|e| e.to_string())?;
                let Some(auth) = pdu.auth.filter(|auth| auth.auth_type == AuthType::GSS_NEGOTIATE) else { continue };
                if !has_token(pdu.body.ptype()) {
                    found.push(number(&auth.value));
                } else if let Ok(NegotiationToken::Resp(resp)) = NegotiationToken::from_bytes(auth.value)
                    && let Some(mic) = resp.mech_list_mic
                {
                    found.push(number(&mic));
                }
            }
            found.truncate(2);
            numbers.extend((!found.is_empty()).then_some(found));
        }
    }
    let as_expected = numbers.iter().all(|numbers| *numbers == [Some(0), Some(1)]);
    if numbers.len() == 4 && as_expected {
        Ok(format!("{} times 0 and 1", numbers.len()))
    } else {
        Err(format!("{numbers:?}"))
    }
}

/// The NTLM messages in raw NTLM tokens.
fn ntlm_messages(folder: &Path) -> Verdict {
    let mut seen = [0; 3];
    let mut tokens = Vec::new();
    for file in files(folder, "pdu")? {
        let pdu = Pdu::decode(read(&file)?).map_err(|e| format!("{}: {e}", file.display()))?;
        tokens.extend(pdu.auth.map(|auth| (file, auth)));
    }
    for (file, _, _) in KNOWN {
        for connection in connections(&folder.join(file))? {
            for fragment in connection.client.into_iter().chain(connection.server) {
                if !matches!(CommonHeader::peek(&fragment), Ok(Some(h)) if has_token(h.ptype)) {
                    continue;
                }
                let pdu = Pdu::decode(fragment).map_err(|e| format!("{file}: {e}"))?;
                tokens.extend(pdu.auth.map(|auth| (PathBuf::from(file), auth)));
            }
        }
    }
    for (file, auth) in tokens {
        if auth.auth_type != AuthType::WINNT {
            continue;
        }
        let wrong = |e: String| format!("{}: {e}", file.display());
        let (kind, again) = recode_ntlm(&auth.value).map_err(wrong)?;
        let mut want = BytesMut::from(auth.value.as_ref());
        if kind == 1 {
            // The offset of an empty field means nothing: some write zero, some where it would be.
            for field in [16, 24] {
                if want[field..field + 2] == [0, 0] {
                    want[field + 4..field + 8].fill(0);
                }
            }
        }
        // pyspnego writes the responses before the names; the order is free.
        let reordered = kind == 3 && again.len() == want.len() && file.ends_with("pyspnego_mic.pcapng");
        let right = if reordered { recode_ntlm(&again).is_ok_and(|(_, twice)| twice == again) } else { again == want };
        if !right {
            return Err(wrong(format!("message {kind} is not encoded back:\n  {:x}\n  {again:x}", auth.value)));
        }
        seen[kind - 1] += 1;
    }
    if seen.iter().all(|n| *n > 0) {
        Ok(format!("negotiate, challenge, authenticate: {seen:?}"))
    } else {
        Err(format!("some messages were never seen: {seen:?}"))
    }
}

fn recode_ntlm(token: &Bytes) -> Result<(usize, Bytes), String> {
    let error = |e| format!("{e}");
    Ok(match token.get(8) {
        Some(1) => (1, Negotiate::from_bytes(token.clone()).map_err(error)?.to_bytes()),
        Some(2) => {
            let mut challenge = Challenge::from_bytes(token.clone()).map_err(error)?;
            challenge.target_info = challenge.av_pairs().map_err(error)?.to_bytes();
            (2, challenge.to_bytes())
        }
        Some(3) => {
            let mut message = Authenticate::from_bytes(token.clone()).map_err(error)?;
            let mut response = Ntlmv2Response::from_bytes(message.nt_response).map_err(error)?;
            response.client_challenge =
                ClientChallenge::from_bytes(response.client_challenge).map_err(error)?.to_bytes();
            message.nt_response = response.to_bytes();
            (3, message.to_bytes())
        }
        _ => return Err("not an NTLM message".to_owned()),
    })
}

const fn has_token(ptype: PduType) -> bool {
    matches!(
        ptype,
        PduType::BIND | PduType::BIND_ACK | PduType::ALTER_CONTEXT | PduType::ALTER_CONTEXT_RESP | PduType::AUTH3
    )
}

/// Every fragment of every connection that starts with a bind, sealed ones as they are.
fn all_fragments(folder: &Path) -> Verdict {
    let mut seen = BTreeMap::<String, usize>::new();
    let mut excess = 0;
    for file in files(folder, "pcap")?.into_iter().chain(files(folder, "pcapng")?) {
        for connection in connections(&file)? {
            for octets in connection.client.into_iter().chain(connection.server) {
                let decoded = Pdu::decode(octets.clone());
                let pdu = decoded.map_err(|e| format!("{}: {e}: {octets:x}", file.display()))?;
                // impacket writes two context elements after a count of one in the third leg of SPNEGO.
                if matches!(pdu.body, Body::AlterContext(_)) && pdu.encode().len() + 44 == octets.len() {
                    excess += 1;
                    continue;
                }
                same(&pdu, &octets).map_err(|e| format!("{}: {e}", file.display()))?;
                *seen.entry(pdu.body.ptype().to_string()).or_default() += 1;
            }
        }
    }
    let total: usize = seen.values().sum();
    let seen = format!("{seen:?}, and {excess} alter_context with octets that belong to nothing");
    if total > 1000 && excess <= 10 { Ok(seen) } else { Err(seen) }
}

/// Whether `pdu` encodes back to `octets`, but for octets that mean nothing and hold what was in the sender's memory:
/// auth3's pad, the padding behind sec_addr, a sec_trailer's padding, and rpc_vers_minor.
fn same(pdu: &Pdu, octets: &Bytes) -> Result<(), String> {
    let mut want = BytesMut::from(octets.as_ref());
    let header = CommonHeader::peek(octets).ok().flatten().ok_or("no header")?;
    let at = header.trailer_offset();
    want[5] = 0;
    match &pdu.body {
        Body::Auth3 => want[16..at.ok_or("auth3 without token")?].fill(0),
        Body::BindAck(ack) | Body::AlterContextResp(ack) => {
            let end = 26 + ack.secondary_address.len();
            want[end..end.next_multiple_of(4)].fill(0);
        }
        _ => {}
    }
    if let (Some(at), Some(auth)) = (at, &pdu.auth) {
        want[at - usize::from(auth.pad_length)..at].fill(0);
        want[at + 3] = 0;
    }
    let again = pdu.encode();
    if again == want { Ok(()) } else { Err(format!("not encoded back:\n  {octets:x}\n  {:x}", again.freeze())) }
}

/// The trailers in requests that can be read say what the headers say.
fn verification_trailers(folder: &Path) -> Verdict {
    let mut seen = BTreeMap::<&str, usize>::new();
    for file in files(folder, "pcap")?.into_iter().chain(files(folder, "pcapng")?) {
        for connection in connections(&file)? {
            let mut contexts = BTreeMap::new();
            for octets in connection.client {
                let pdu = Pdu::decode(octets).map_err(|e| format!("{}: {e}", file.display()))?;
                match &pdu.body {
                    Body::Bind(bind) | Body::AlterContext(bind) => {
                        contexts.extend(bind.contexts.iter().map(|c| (c.id, c.abstract_syntax)));
                    }
                    Body::Request(request) if pdu.flags.contains(PfcFlags::WHOLE) => {
                        let Some((_, trailer)) = VerificationTrailer::split(&request.stub) else { continue };
                        for command in &trailer.commands {
                            let right = match command.body {
                                VerificationBody::Bitmask(bits) => bits == 1,
                                VerificationBody::PContext { interface, .. } => {
                                    contexts.get(&request.context_id) == Some(&interface)
                                }
                                VerificationBody::Header2 { ptype, call_id, context_id, opnum, .. } => {
                                    (ptype, call_id) == (PduType::REQUEST, pdu.call_id)
                                        && (context_id, opnum) == (request.context_id, request.opnum)
                                }
                                _ => false,
                            };
                            if !right {
                                return Err(format!("{}: {command:?} in {request:?}", file.display()));
                            }
                            *seen.entry(name(&command.body)).or_default() += 1;
                        }
                        let written = trailer.to_bytes();
                        if !request.stub.ends_with(&written) {
                            return Err(format!("{}: {trailer:?} is not encoded back", file.display()));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    // No capture has a header2 that can be read.
    if seen.len() >= 2 { Ok(format!("{seen:?}")) } else { Err(format!("too few commands were seen: {seen:?}")) }
}

const fn name(body: &VerificationBody) -> &'static str {
    match body {
        VerificationBody::Bitmask(_) => "bitmask",
        VerificationBody::PContext { .. } => "pcontext",
        VerificationBody::Header2 { .. } => "header2",
        _ => "unknown",
    }
}

/// Plays both ends of every NTLM log-on in `file`: MIC and proof are right, every signature verifies, and protecting the
/// plain octets again gives the captured ones.
fn signatures(file: &Path, password: &str, log_ons: [usize; 2]) -> Verdict {
    let (mut found, mut mics, mut mech_list_mics, mut verified) = ([0; 2], 0, 0, [0; 2]);
    for connection in connections(file)? {
        for log_on in log_on_tokens(&connection)? {
            let mut acceptor = NtlmAcceptor::captured(log_on.negotiate, log_on.challenge);
            let accepted = match acceptor.accept(log_on.authenticate, |_, _| Some(Secret::from(password))) {
                Ok(accepted) => accepted,
                Err(AcceptError::WrongPassword) => {
                    found[1] += 1;
                    continue;
                }
                Err(e) => return Err(format!("log-on of context {}: {e}", log_on.context_id)),
            };
            found[0] += 1;
            mics += usize::from(accepted.mic);
            let key_exchange = accepted.flags.contains(NegotiateFlags::KEY_EXCH);
            let pair = || {
                let end = |side| SecurityContext::new(&accepted.session_key, key_exchange, side);
                (end(Side::Client), end(Side::Server))
            };
            let ((mut client, _), (_, mut server)) = (pair(), pair());
            let ((mut again, _), (_, mut again_server)) = (pair(), pair());
            if let Some((list, [from_client, from_server])) = &log_on.mech_list {
                let wrong = |e| format!("mechListMIC: {e}");
                server.verify_signature(list, from_client).map_err(wrong)?;
                client.verify_signature(list, from_server).map_err(wrong)?;
                if again.sign(list) != **from_client || again_server.sign(list) != **from_server {
                    return Err("a mechListMIC is not made again".to_owned());
                }
                mech_list_mics += 2;
            }
            for fragment in &connection.client {
                verified[0] += verify(fragment, log_on.context_id, &mut server, &mut again)?;
            }
            for fragment in &connection.server {
                verified[1] += verify(fragment, log_on.context_id, &mut client, &mut again_server)?;
            }
        }
    }
    let seen = format!(
        "log-ons {found:?}, {mics} MICs, {mech_list_mics} mechListMICs, {verified:?} fragments from client and server"
    );
    if found == log_ons && verified.iter().all(|n| *n > 0) { Ok(seen) } else { Err(seen) }
}

/// 1 when `fragment` is protected under `context_id` and verifies, 0 when it has nothing to do with it.
fn verify(
    fragment: &Bytes,
    context_id: u32,
    receiver: &mut SecurityContext,
    sender: &mut SecurityContext,
) -> Result<usize, String> {
    let header = CommonHeader::peek(fragment).map_err(|e| e.to_string())?.ok_or("short fragment")?;
    let located = Protected::locate(fragment).map_err(|e| e.to_string())?;
    let Some(place) = located.filter(|p| p.context_id == context_id && !has_token(header.ptype)) else {
        return Ok(0);
    };
    let level = AuthLevel::from_wire(place.auth_level).ok_or(format!("level {}", place.auth_level))?;
    let mut pdu = BytesMut::from(fragment.as_ref());
    receiver
        .unprotect(level, &mut pdu, place.stub.clone())
        .map_err(|e| format!("{} of call {}: {e}", header.ptype, header.call_id))?;
    pdu[place.value].fill(0);
    sender.protect(level, &mut pdu, place.stub);
    if pdu == fragment { Ok(1) } else { Err(format!("call {} is not protected back", header.call_id)) }
}

#[derive(Default)]
struct LogOn {
    context_id: u32,
    negotiate: Bytes,
    challenge: Bytes,
    authenticate: Bytes,
    /// The mechanisms that were offered in SPNEGO, and the mechListMICs of client and server.
    mech_list: Option<(Bytes, [Bytes; 2])>,
}

/// The NTLM log-ons of a connection, by itself or inside of SPNEGO.
fn log_on_tokens(connection: &Connection) -> Result<Vec<LogOn>, String> {
    let mut log_ons = BTreeMap::<u32, LogOn>::new();
    let from =
        |fragments: &'_ [Bytes], side: usize| fragments.iter().cloned().map(move |f| (side, f)).collect::<Vec<_>>();
    for (side, fragment) in from(&connection.client, 0).into_iter().chain(from(&connection.server, 1)) {
        let pdu = Pdu::decode(fragment).map_err(|e| e.to_string())?;
        let Some(auth) = pdu.auth else { continue };
        if auth.auth_level < AuthnLevel::PKT_INTEGRITY || !has_token(pdu.body.ptype()) {
            continue;
        }
        let log_on = log_ons.entry(auth.context_id).or_default();
        log_on.context_id = auth.context_id;
        let inner = match auth.auth_type {
            AuthType::WINNT => Some(auth.value),
            AuthType::GSS_NEGOTIATE => match NegotiationToken::from_bytes(auth.value).map_err(|e| e.to_string())? {
                NegotiationToken::Init(init) => {
                    log_on.mech_list = Some((mech_type_list(&init.mech_types), Default::default()));
                    init.mech_token
                }
                NegotiationToken::Resp(resp) => {
                    if let (Some((_, mics)), Some(mic)) = (&mut log_on.mech_list, resp.mech_list_mic) {
                        mics[side] = mic;
                    }
                    resp.response_token
                }
            },
            _ => None,
        };
        let Some(message) = inner.filter(|inner| inner.starts_with(b"NTLMSSP\0")) else { continue };
        match message.get(8) {
            Some(1) => log_on.negotiate = message,
            Some(2) => log_on.challenge = message,
            _ => log_on.authenticate = message,
        }
    }
    let complete = |log_on: &LogOn| {
        [&log_on.negotiate, &log_on.challenge, &log_on.authenticate].iter().all(|message| !message.is_empty())
    };
    Ok(log_ons.into_values().filter(complete).collect())
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(file: &Path) -> Result<Bytes, String> {
    std::fs::read(file).map(Bytes::from).map_err(|e| format!("{}: {e}", file.display()))
}
