//! The decoders of foreign clients, run over stubs.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::fold::{Stubs, folder};
use crate::tools::{Missing, Toolbox};

/// A foreign decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Takes zero and false for NULL; reads one row a reply.
    Aiowmi,
    /// Parses the class of each row anew.
    Impacket,
    /// Compiled.
    GoMsrpc,
}

/// All of them.
pub(crate) const PEERS: [Peer; 3] = [Peer::Aiowmi, Peer::Impacket, Peer::GoMsrpc];

/// What a decoder made of a set of stubs.
#[derive(Debug)]
pub(crate) struct Folded {
    /// The name of the set.
    pub(crate) stubs: String,
    /// Of CPU time.
    pub(crate) rows_per_second: f64,
    rows: u64,
    checksum: u64,
}

impl Peer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Aiowmi => "aiowmi",
            Self::Impacket => "impacket",
            Self::GoMsrpc => "go-msrpc",
        }
    }

    /// Lets it decode its sets, each for `time` of CPU and once at least.
    pub(crate) fn decode(self, tools: &Toolbox, time: Duration) -> Result<Result<Vec<Folded>, String>, Missing> {
        let mut command = match self {
            Self::Aiowmi => tools.script("decode_aiowmi.py")?,
            Self::Impacket => tools.script("decode_impacket.py")?,
            Self::GoMsrpc => tools.go("decode")?,
        };
        command.arg(folder()).arg(time.as_secs_f64().to_string());
        Ok(output(&mut command).and_then(|text| text.lines().map(folded).collect()))
    }

    /// Whether it read what is there.
    pub(crate) fn verify(self, folded: &Folded, stubs: &[Stubs]) -> Result<(), String> {
        let set = stubs.iter().find(|set| set.name == folded.stubs).ok_or("a set that nobody knows")?;
        let expected = if self == Self::Aiowmi { set.without_zero } else { set.exact };
        let (is, must) = ((folded.rows, folded.checksum), (set.rows as u64, u64::from(expected)));
        if is == must && folded.rows_per_second > 0.0 {
            Ok(())
        } else {
            Err(format!("{} {}: {is:x?} is not {must:x?}", self.name(), set.name))
        }
    }
}

/// A line of a decoder.
fn folded(line: &str) -> Result<Folded, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
    let number = |key: &str| value[key].as_u64().ok_or_else(|| format!("{line}: no {key}"));
    Ok(Folded {
        stubs: value["stubs"].as_str().unwrap_or_default().to_owned(),
        rows_per_second: value["rows_per_second"].as_f64().ok_or_else(|| format!("{line}: no rate"))?,
        rows: number("rows")?,
        checksum: number("checksum")?,
    })
}

/// What a program that ends well prints.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|error| error.to_string());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
