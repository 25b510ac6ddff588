//! `wmi checks`: what each check reads, which rights that takes, and what it returns.

use std::io::{self, Write};

use serde_json::{Value, json};
use wmi_checks::{About, Check, Options, Reads, Returned};

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
        for (name, metrics) in by_type(&*check, options) {
            let words = words(about, name);
            let metrics = metrics.iter().map(|metric| match metric.unit {
                "none" | "count" => metric.metric.to_owned(),
                unit => format!("{} ({})", metric.metric, unit.replace('_', " ")),
            });
            let metrics = metrics.collect::<Vec<_>>().join(", ");
            let text =
                if words.is_empty() { format!("{name}: {metrics}") } else { format!("{name}, {words}: {metrics}") };
            put("returns", &text, out)?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "counters:CLASS: the counters of any Win32_PerfRawData_… class, from the qualifiers of its properties"
    )?;
    writeln!(out, "How an account gets its rights: docs/windows-hosts.md#least-privilege")
}

/// The types that a check returns, each with its metrics.
fn by_type(check: &dyn Check, options: &Options) -> Vec<(&'static str, Vec<Returned>)> {
    let mut types: Vec<(&'static str, Vec<Returned>)> = Vec::new();
    for metric in wmi_checks::returned(&check.key(), options.shape) {
        match types.iter_mut().find(|(name, _)| *name == metric.type_name) {
            Some((_, metrics)) => metrics.push(metric),
            None => types.push((metric.type_name, vec![metric])),
        }
    }
    types
}

/// What is said of a type; the words are for the native shape, whose types some of the others' are, too.
fn words(about: &About, type_name: &str) -> &'static str {
    about.returns.iter().find(|(name, _)| *name == type_name).map_or("", |(_, words)| words)
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
    let metric = |metric: &Returned| {
        let values: Vec<_> = metric.values.split('|').filter(|kind| !kind.is_empty()).collect();
        json!({ "name": metric.metric, "unit": metric.unit, "values": values })
    };
    let returns = |(name, metrics): &(&'static str, Vec<Returned>)| {
        let metrics = metrics.iter().map(metric).collect::<Value>();
        json!({ "type": name, "about": words(about, name), "metrics": metrics })
    };
    let reads = |read: &Reads| json!({ "namespace": read.namespace, "class": read.class, "members": read.members });
    json!({
        "check": check.key(),
        "summary": about.summary,
        "reads": check.reads(options).iter().map(reads).collect::<Value>(),
        "rights": about.rights,
        "returns": by_type(check, options).iter().map(returns).collect::<Value>(),
    })
}
