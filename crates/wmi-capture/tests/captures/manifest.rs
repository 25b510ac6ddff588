//! All messages: that every one decodes, and what a foreign analyzer listed of the real ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wmi_capture::{Event, Message, State};

use crate::{Verdict, events, messages};

/// What is not as everywhere else: capture, kind, what, how often, why.
const EXCEPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/capture_exceptions.tsv");

/// Kind and what, by capture.
type Exceptions = BTreeMap<[String; 3], usize>;

/// Every message decodes to its last octet, every object in it too, and nothing is missing, but for the listed.
pub(crate) fn all_messages(folder: &Path) -> Verdict {
    let (mut found, mut kinds, mut objects) = (Exceptions::new(), BTreeMap::<String, usize>::new(), 0);
    for file in captures(folder)? {
        let name = file.strip_prefix(folder).map_err(|e| e.to_string())?.display().to_string();
        let mut except = |kind: &str, what: String| {
            *found.entry([name.clone(), kind.to_owned(), what]).or_default() += 1;
        };
        let known = crate::opened::ACCOUNTS.iter().find(|(prefix, _)| name.starts_with(prefix));
        for event in events(&file, known.map(|(_, account)| *account))? {
            let message = match event {
                Event::Message(message) => message,
                Event::Missing { octets, .. } => {
                    except("missing", octets.map_or("start".to_owned(), |n| n.to_string()));
                    continue;
                }
                Event::LogOn { .. } => continue,
                other => return Err(format!("{name}: {other:?}")),
            };
            let wrong = |why: String| format!("{name}: frame {}: {why}", message.at.frame);
            if let Some(error) = &message.error {
                return Err(wrong(error.to_string()));
            }
            for object in &message.objects {
                crate::compare::walk(object.as_ref().map_err(|e| wrong(e.to_string()))?).map_err(wrong)?;
                objects += 1;
            }
            let method = || {
                let opnum = message.opnum.map(|opnum| opnum.to_string());
                format!("{}::{}", message.interface_name().unwrap_or_default(), opnum.unwrap_or_default())
            };
            if message.state == State::Sealed {
                if message.decoded || message.verified == Some(true) {
                    return Err(wrong("sealed and read".to_owned()));
                }
            } else if !message.decoded {
                except("unknown", method());
            }
            if message.unread > 0 {
                except("unread", format!("{} {}", method(), message.unread));
            }
            *kinds.entry(format!("{} {:?}", message.kind(), message.state)).or_default() += 1;
        }
    }
    same(&found, &exceptions(&["missing", "unknown", "unread"])?)?;
    let total: usize = kinds.values().sum();
    let seen = format!("{total} messages: {kinds:?}; {objects} objects");
    if total >= 1500 && objects >= 500 { Ok(seen) } else { Err(seen) }
}

/// Without any password nothing is taken for damaged: what is encrypted is sealed, and everything else decodes.
pub(crate) fn without_keys(folder: &Path) -> Verdict {
    let (mut clear, mut sealed) = (0, 0);
    for file in captures(folder)? {
        for message in messages(&events(&file, None)?) {
            if let Some(error) = &message.error {
                return Err(format!("{}: frame {}: {error}", file.display(), message.at.frame));
            }
            if message.verified.is_some() || message.state == State::Unsealed {
                return Err(format!("{}: frame {}: a key from nowhere", file.display(), message.at.frame));
            }
            *(if message.state == State::Sealed { &mut sealed } else { &mut clear }) += 1;
        }
    }
    let seen = format!("{clear} messages in clear, {sealed} sealed");
    if (clear, sealed) == (1662, 134) { Ok(seen) } else { Err(seen) }
}

/// Requests, responses and faults are those of each `manifest.tsv`, none more and none less.
pub(crate) fn manifests(folder: &Path) -> Verdict {
    let (mut rows, mut found) = (0, Exceptions::new());
    let all = captures(folder)?;
    let listed: Vec<_> = all.iter().filter(|file| file.with_extension("").join("manifest.tsv").is_file()).collect();
    for file in &listed {
        let name = file.strip_prefix(folder).map_err(|e| e.to_string())?.display().to_string();
        let text = std::fs::read_to_string(file.with_extension("").join("manifest.tsv")).map_err(|e| e.to_string())?;
        let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let header = lines.next().ok_or("an empty manifest")?;
        let events = events(file, None)?;
        let mut ours = messages(&events).filter(|m| matches!(m.kind(), "request" | "response" | "fault"));
        for line in lines {
            let row: BTreeMap<&str, &str> = header.iter().copied().zip(line).collect();
            let message = ours.next().ok_or(format!("{name}: {row:?} is not found"))?;
            for (column, theirs, ours) in differences(&row, message) {
                let known = column == "iface" || column == "op";
                if !known {
                    return Err(format!("{name}: frame {}: {column} {theirs} there, {ours} here", message.at.frame));
                }
                *found.entry([name.clone(), column.to_owned(), format!("{theirs} {ours}")]).or_default() += 1;
            }
            rows += 1;
        }
        if let Some(message) = ours.next() {
            return Err(format!("{name}: frame {}: {} is not in the manifest", message.at.frame, message.kind()));
        }
    }
    same(&found, &exceptions(&["iface", "op"])?)?;
    let seen = format!("{} manifests, {rows} rows", listed.len());
    if (listed.len(), rows) == (9, 864) { Ok(seen) } else { Err(seen) }
}

/// The columns in which a row and a message differ: name, theirs, ours.
fn differences<'r>(row: &BTreeMap<&'r str, &'r str>, message: &Message) -> Vec<(&'static str, &'r str, String)> {
    let theirs = |column: &str| row.get(column).copied().unwrap_or("?");
    let state = match message.state {
        State::Clear => "CLEAR",
        // The manifest's author had the keys of Kerberos.
        State::Sealed if theirs("state") == "DEC" => "DEC",
        State::Sealed => "ENC",
        State::Unsealed => "unsealed",
    };
    // The analyzer has older names for two interfaces.
    let interface = match message.interface_name().unwrap_or_default().as_str() {
        "IRemoteSCMActivator" => "ISystemActivator".to_owned(),
        "IObjectExporter" => "IOXIDResolver".to_owned(),
        name => name.to_owned(),
    };
    let opnum = message.opnum.map(|opnum| opnum.to_string()).unwrap_or_default();
    let status = if message.kind() == "fault" { message.status.map(|status| status.code()) } else { None };
    // It names methods of the interfaces that it dissects, and gives the others their number.
    let operation = if theirs("op") == opnum { opnum.clone() } else { message.operation().unwrap_or("").to_owned() };
    let ours = [
        ("frame", message.at.frame.to_string()),
        ("stream", message.at.stream.to_string()),
        ("src", message.at.from.ip().to_string()),
        ("sport", message.at.from.port().to_string()),
        ("dst", message.at.to.ip().to_string()),
        ("dport", message.at.to.port().to_string()),
        ("call", message.call_id.to_string()),
        ("iface", interface),
        ("opnum", opnum),
        ("op", operation),
        ("ptype", message.kind().to_owned()),
        ("auth_type", message.auth_type.0.to_string()),
        ("auth_level", message.auth_level.0.to_string()),
        ("nfrag", message.fragments.to_string()),
        ("state", state.to_owned()),
        ("ipid", message.object.map(|ipid| ipid.to_string()).unwrap_or_default()),
        ("status", status.map(|code| format!("{code:#x}")).unwrap_or_default()),
    ];
    ours.into_iter().map(|(column, ours)| (column, theirs(column), ours)).filter(|(_, t, o)| t != o).collect()
}

/// The listed exceptions of these kinds.
fn exceptions(kinds: &[&str]) -> Result<Exceptions, String> {
    let table = std::fs::read_to_string(EXCEPTIONS).map_err(|e| format!("{EXCEPTIONS}: {e}"))?;
    let mut found = Exceptions::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let [capture, kind, what, count, _reason] = <[String; 5]>::try_from(columns).map_err(|c| format!("{c:?}"))?;
        if kinds.contains(&kind.as_str()) {
            found.insert([capture, kind, what], count.parse().map_err(|e| format!("{line}: {e}"))?);
        }
    }
    Ok(found)
}

fn same(found: &Exceptions, listed: &Exceptions) -> Result<(), String> {
    let other = |a: &Exceptions, b: &Exceptions| {
        a.iter()
            .filter(|(key, count)| b.get(*key) != Some(count))
            .map(|(k, n)| format!("{k:?} {n}"))
            .collect::<Vec<_>>()
    };
    let (new, gone) = (other(found, listed), other(listed, found));
    if new.is_empty() && gone.is_empty() {
        return Ok(());
    }
    Err(format!("{EXCEPTIONS} differs:\n  found {}\n  listed {}", new.join("\n    "), gone.join("\n    ")))
}

/// All capture files, in the order of their names.
pub(crate) fn captures(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "pcap" || e == "pcapng") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
