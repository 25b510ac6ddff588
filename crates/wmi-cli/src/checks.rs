//! `wmi checks`: what each check reads, which rights that takes, and what it returns.

use std::io::{self, Write};

use serde_json::{Value, json};
use wmi_checks::{Check, Options, Reads};

use crate::args::{ChecksArguments, TreeFormat};
use crate::status::{Status, unprinted};

pub(crate) fn run(arguments: &ChecksArguments) -> Status {
    let options = Options::new(arguments.shape.into());
    let mut out = io::stdout().lock();
    let printed = match arguments.output {
        TreeFormat::Table => print(&options, &mut out),
        TreeFormat::Json => {
            let list: Value = checks().map(|check| check_json(&*check, &options)).collect();
            writeln!(out, "{list}")
        }
    };
    printed.and_then(|()| out.flush()).map_or_else(|error| unprinted(&error), |()| Status::Done)
}

/// All checks, in the order in which help texts list them.
fn checks() -> impl Iterator<Item = Box<dyn Check>> {
    wmi_checks::KEYS.iter().filter_map(|key| wmi_checks::by_key(key))
}

fn print(options: &Options, out: &mut dyn Write) -> io::Result<()> {
    for check in checks() {
        let about = check.about();
        writeln!(out, "{}: {}", check.key(), about.summary)?;
        for Reads { namespace, class, members } in check.reads(options) {
            let members = members.join(", ");
            let members = if members.is_empty() { members } else { format!(" ({members})") };
            put("reads", &format!("{namespace}:{class}{members}"), out)?;
        }
        let rights = if about.rights.is_empty() { "those of its namespaces" } else { about.rights };
        put("rights", rights, out)?;
        for (name, words) in about.returns {
            put("returns", &format!("{name}: {words}"), out)?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "counters:CLASS: the counters of any Win32_PerfRawData_… class, from the qualifiers of its properties"
    )?;
    writeln!(out, "How an account gets its rights: docs/windows-hosts.md#least-privilege")
}

/// `text` beside its `kind`, in lines of no more than [`WIDTH`] characters where words allow it.
fn put(kind: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut line = format!("  {kind:<7} ");
    let mut room = WIDTH;
    for word in text.split(' ') {
        let width = word.chars().count() + 1;
        if width > room {
            writeln!(out, "{line}")?;
            line = " ".repeat(12);
            room = WIDTH - 2;
        }
        room = room.saturating_sub(width);
        line.push(' ');
        line.push_str(word);
    }
    writeln!(out, "{line}")
}

/// Characters of text in a line.
const WIDTH: usize = 100;

fn check_json(check: &dyn Check, options: &Options) -> Value {
    let about = check.about();
    let reads = |read: &Reads| json!({ "namespace": read.namespace, "class": read.class, "members": read.members });
    json!({
        "check": check.key(),
        "summary": about.summary,
        "reads": check.reads(options).iter().map(reads).collect::<Value>(),
        "rights": about.rights,
        "returns": about.returns.iter().map(|(name, words)| json!({ "type": name, "about": words })).collect::<Value>(),
    })
}
