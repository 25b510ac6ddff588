//! Captures whose password is known: every signature verifies, sealed stubs are read, and the rows are those that the
//! foreign host recorded.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use wmi_capture::{Account, Capture, Event, State};
use wmi_proto::cim::CimObject;
use wmi_proto::wire::rpc::{AuthType, AuthnLevel};
use wmi_proto::{NtHash, Secret};

use crate::compare::same_rows;
use crate::{Verdict, events, messages};

const LAB: (&str, &str) = (r"ACME\monitor", "Tr0ub4dor&3");
const SCAPY: (&str, &str) = ("Administrator", "Password123!");
/// The NT hashes of both passwords, as impacket computes them.
const HASHES: [&str; 2] = ["24d9c99595080b241b3b4eb0cba8d8f4", "2b576acbe6bcfda7294d6bd18041b8fe"];

/// The passwords that are known, by the beginning of the files' names.
pub(crate) const ACCOUNTS: [(&str, (&str, &str)); 2] = [("foreign_lab/", LAB), ("ntlm_scapy_svcctl/", SCAPY)];

/// What is expected of a capture: messages that verify, those of them that were sealed, log-ons that succeed and fail.
type Expected = (&'static str, usize, usize, [usize; 2]);

const LAB_FILES: [Expected; 4] = [
    ("foreign_lab/impacket_integrity_next.pcapng", 154, 0, [22, 0]),
    ("foreign_lab/impacket_privacy_next.pcapng", 66, 6, [18, 0]),
    ("foreign_lab/aiowmi_integrity_smart.pcapng", 170, 8, [8, 1]),
    // One log-on by NTLM itself, one inside of SPNEGO.
    ("foreign_lab/pyspnego_mic.pcapng", 8, 0, [2, 0]),
];

pub(crate) fn scapy(folder: &Path) -> Verdict {
    opened(folder, SCAPY, &("ntlm_scapy_svcctl/dcerpc_privacy_ntlm.pcapng", 7, 7, [1, 0]))
}

pub(crate) fn lab(folder: &Path) -> Verdict {
    let verdicts: Result<Vec<_>, _> = LAB_FILES.iter().map(|expected| opened(folder, LAB, expected)).collect();
    Ok(verdicts?.join("\n  "))
}

/// Every message under a log-on that succeeded is verified, and none stays sealed.
fn opened(folder: &Path, account: (&str, &str), (name, verified, unsealed, log_ons): &Expected) -> Verdict {
    let events = events(&folder.join(name), Some(account))?;
    let mut found = (0, 0, [0; 2]);
    let mut refused = Vec::new();
    for event in &events {
        match event {
            Event::LogOn { at, outcome, .. } => {
                found.2[usize::from(outcome.is_err())] += 1;
                if outcome.is_err() {
                    refused.push(at.stream);
                }
            }
            Event::Message(message) => {
                let ntlm = matches!(message.auth_type, AuthType::WINNT | AuthType::GSS_NEGOTIATE);
                let signed = ntlm && message.auth_level >= AuthnLevel::PKT_INTEGRITY;
                let call = matches!(message.kind(), "request" | "response" | "fault");
                // Nobody has the keys of a log-on with another password.
                if !signed || !call || refused.contains(&message.at.stream) {
                    continue;
                }
                if message.verified != Some(true) || message.state == State::Sealed || message.error.is_some() {
                    return Err(format!("{name}: frame {}: {:?}", message.at.frame, message.verified));
                }
                found.0 += 1;
                found.1 += usize::from(message.state == State::Unsealed);
            }
            other => return Err(format!("{name}: {other:?}")),
        }
    }
    let (messages, sealed, outcomes) = found;
    let seen = format!("{name}: {messages} messages verify, {sealed} were sealed, log-ons {outcomes:?}");
    if found == (*verified, *unsealed, *log_ons) { Ok(seen) } else { Err(seen) }
}

/// With another password, or for another account, the same messages are there, sealed as they were.
pub(crate) fn wrong_password(folder: &Path) -> Verdict {
    let (name, ..) = LAB_FILES[1];
    let mut count = 0;
    for account in [(LAB.0, "wrong"), ("somebody", LAB.1)] {
        let events = events(&folder.join(name), Some(account))?;
        let opened = messages(&events).filter(|m| m.verified.is_some() || m.state == State::Unsealed).count();
        let accepted = events.iter().filter(|event| matches!(event, Event::LogOn { outcome: Ok(()), .. })).count();
        let sealed = messages(&events).filter(|m| m.state == State::Sealed).count();
        if (opened, accepted, sealed) != (0, 0, 6) {
            return Err(format!("{account:?}: {opened} opened, {accepted} accepted, {sealed} sealed"));
        }
        count += messages(&events).count();
    }
    Ok(format!("{count} messages"))
}

/// The NT hash in place of the password opens the same.
pub(crate) fn nt_hash(folder: &Path) -> Verdict {
    let scapy = ("ntlm_scapy_svcctl/dcerpc_privacy_ntlm.pcapng", 7, 7, [1, 0]);
    let accounts = [(LAB, HASHES[0], LAB_FILES[1]), (SCAPY, HASHES[1], scapy)];
    let mut count = 0;
    for ((user, password), hash, (name, ..)) in accounts {
        let with_password = events(&folder.join(name), Some((user, password)))?;
        let hash: NtHash = hash.parse().map_err(|_| "no hash")?;
        let file = std::fs::File::open(folder.join(name)).map_err(|e| format!("{name}: {e}"))?;
        let with_hash: Vec<Event> = Capture::open(file, Some(Account::new(user, hash))).collect();
        if with_hash != with_password {
            return Err(format!("{name}: another outcome"));
        }
        count += messages(&with_hash).filter(|message| message.verified == Some(true)).count();
    }
    Ok(format!("{count} messages verify"))
}

/// Where header signing was agreed: in the bind (and then for the signatures that `LAB` and `SCAPY` verify), or by an
/// alter_context in mid connection, from its answer on.
pub(crate) fn header_signing(folder: &Path) -> Verdict {
    let cases = [
        ("ntlm_scapy_svcctl/dcerpc_privacy_ntlm.pcapng", "bind"),
        ("foreign_lab/pyspnego_mic.pcapng", "bind"),
        ("mordor_empire_wmi_ws5.pcap", "alter_context"),
        ("pcapattack_LM_WMI.pcap", "alter_context"),
        ("foreign_lab/impacket_privacy_next.pcapng", "never"),
    ];
    let mut counts = Vec::new();
    for (name, by) in cases {
        let events = events(&folder.join(name), None)?;
        let streams: BTreeSet<_> = messages(&events).map(|m| m.at.stream).collect();
        let of = |stream| messages(&events).filter(move |m| m.at.stream == stream);
        let mut found = "never";
        for stream in streams {
            let Some(first) = of(stream).position(|m| m.header_signing) else { continue };
            let answer = of(stream).nth(first).map(wmi_capture::Message::kind);
            if of(stream).skip(first).any(|m| !m.header_signing) {
                return Err(format!("{name}: agreed in stream {stream} and forgotten"));
            }
            found = match answer {
                Some("bind_ack") => "bind",
                Some("alter_context_resp") => "alter_context",
                other => return Err(format!("{name}: agreed by {other:?}")),
            };
        }
        if found != by {
            return Err(format!("{name}: {found} in place of {by}"));
        }
        let signed = messages(&events).filter(|m| m.header_signing && m.kind() == "request").count();
        counts.push(format!("{name}: {by}, {signed} requests"));
    }
    Ok(counts.join("\n  "))
}

/// Every CIM type but embedded objects, NULLs, zeros, extremes, defaults, two classes, instances without class part.
pub(crate) fn smart_rows(folder: &Path) -> Verdict {
    let expected = lab_rows(folder, &[("Lab_Mixed", 4), ("Lab_Reading", 40), ("Lab_Thing", 5), ("Lab_Child", 4)])?;
    same_rows(&objects(folder, LAB_FILES[2].0)?, &expected)
}

/// Many batches, two classes in one result, and a column list.
pub(crate) fn next_rows(folder: &Path) -> Verdict {
    let mut expected = lab_rows(folder, &[("Lab_Reading", 300), ("Lab_Thing", 5)])?;
    for mut row in lab_rows(folder, &[("Lab_Reading", 5)])? {
        let columns = row.as_object_mut().ok_or("a row is not an object")?;
        columns.retain(|name, _| ["__CLASS", "Sensor", "Raw"].contains(&name.as_str()));
        expected.push(row);
    }
    same_rows(&objects(folder, LAB_FILES[0].0)?, &expected)
}

/// Embedded objects and arrays of them.
pub(crate) fn embedded_rows(folder: &Path) -> Verdict {
    let expected = lab_rows(folder, &[("Lab_Reading", 300), ("Lab_Child", 4), ("Lab_Holder", 3)])?;
    same_rows(&objects(folder, LAB_FILES[1].0)?, &expected)
}

/// The objects of all messages, in order.
fn objects(folder: &Path, name: &str) -> Result<Vec<CimObject>, String> {
    let events = events(&folder.join(name), Some(LAB))?;
    let objects = messages(&events).flat_map(|message| message.objects.iter().cloned());
    objects.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// The first rows of classes, in a row.
fn lab_rows(folder: &Path, classes: &[(&str, usize)]) -> Result<Vec<Value>, String> {
    let file = folder.join("foreign_lab/rows.json");
    let text = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let rows: Value = serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut expected = Vec::new();
    for (class, count) in classes {
        let all = rows[*class].as_array().ok_or(format!("no rows of {class}"))?;
        expected.extend(all.iter().take(*count).cloned());
    }
    Ok(expected)
}

/// A frame that is missing takes the keys of its direction away and nothing else; a changed octet is told as such.
pub(crate) fn damaged(folder: &Path) -> Verdict {
    let file = folder.join(LAB_FILES[0].0);
    let data = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let (blocks, largest) = blocks(&data)?;
    let before = blocks[..largest].iter().filter(|block| block[0] == 6).count() as u64;
    let account = || Some(Account::new(LAB.0, Secret::from(LAB.1)));

    let mut lost = blocks.clone();
    lost.remove(largest);
    let events: Vec<_> = Capture::open(lost.concat().as_slice(), account()).collect();
    let missing = events.iter().filter(|event| matches!(event, Event::Missing { octets: Some(_), .. })).count();
    let verified = |events: &[Event], verified| messages(events).filter(|m| m.verified == verified).count();
    let after = messages(&events).filter(|m| m.at.frame > before + 1 && m.verified == Some(true)).count();
    if missing != 1 || verified(&events, Some(false)) > 0 || after == 0 {
        return Err(format!("{missing} holes, {after} messages verify after it: {:?}", verified(&events, Some(false))));
    }
    let unread = verified(&events, None);

    let mut changed = blocks;
    let middle = changed[largest].len() / 2;
    changed[largest][middle] ^= 1;
    let events: Vec<_> = Capture::open(changed.concat().as_slice(), account()).collect();
    let wrong = messages(&events).find(|m| m.verified == Some(false)).ok_or("nobody noticed a changed octet")?;
    if !(wrong.at.frame..=wrong.last_frame).contains(&(before + 1)) {
        return Err(format!("frame {} was changed, {wrong:?} is said to be", before + 1));
    }
    Ok(format!(
        "frame {}: {unread} messages of all are not verified when it is lost; a change in it is told",
        before + 1
    ))
}

/// The blocks of a little-endian pcapng file, and which one holds the largest packet.
fn blocks(data: &[u8]) -> Result<(Vec<Vec<u8>>, usize), String> {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut rest = data;
    while let Some(length) = rest.get(4..8) {
        let length = u32::from_le_bytes(length.try_into().map_err(|_| "four octets")?) as usize;
        let (block, tail) = rest.split_at_checked(length).ok_or("a block that is cut off")?;
        blocks.push(block.to_vec());
        rest = tail;
    }
    let packets = blocks.iter().enumerate().filter(|(_, block)| block[0] == 6);
    let largest = packets.max_by_key(|(_, block)| block.len()).map(|(index, _)| index);
    Ok((blocks, largest.ok_or("no packet")?))
}
