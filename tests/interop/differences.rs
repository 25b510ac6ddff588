//! The list of values that a foreign client is known to get wrong, each entry of which must be needed.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// The most entries that one client may have.
const MOST: usize = 15;

/// The entries, and which of them were needed.
#[derive(Debug)]
pub(crate) struct Differences {
    entries: Vec<Entry>,
    needed: BTreeSet<usize>,
}

/// One kind of value that a client gets wrong.
#[derive(Debug)]
struct Entry {
    client: String,
    class: String,
    property: String,
    ours: String,
    theirs: String,
    line: String,
}

impl Differences {
    /// Reads the list.
    ///
    /// # Errors
    /// It is not what it should be.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut entries: Vec<Entry> = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let &[client, class, property, ours, theirs, guide] = fields.as_slice() else {
                return Err(format!("six fields are needed: {line}"));
            };
            if guide != "-" && guide.parse::<u32>().is_err() {
                return Err(format!("the last field is a line of the field guide: {line}"));
            }
            let [client, class, property, ours, theirs, line] =
                [client, class, property, ours, theirs, guide].map(str::to_owned);
            entries.push(Entry { client, class, property, ours, theirs, line });
        }
        for entry in &entries {
            let count = entries.iter().filter(|other| other.client == entry.client).count();
            if count > MOST {
                return Err(format!("{} has {count} entries, more than {MOST}", entry.client));
            }
        }
        Ok(Self { entries, needed: BTreeSet::new() })
    }

    /// Whether the list knows that `client` reads `theirs` where the host has `ours`.
    pub(crate) fn excuses(&mut self, client: &str, class: &str, property: &str, ours: &Value, theirs: &Value) -> bool {
        let found = self.entries.iter().position(|entry| {
            entry.client == client
                && matches(&entry.class, class)
                && matches(&entry.property, property)
                && describes(&entry.ours, ours)
                && describes(&entry.theirs, theirs)
        });
        self.needed.extend(found);
        found.is_some()
    }

    /// The entries of `client` that no value needed.
    pub(crate) fn unneeded(&self, client: &str) -> Vec<String> {
        let all = self.entries.iter().enumerate();
        let idle = all.filter(|(at, entry)| entry.client == client && !self.needed.contains(at));
        idle.map(|(_, entry)| entry.to_string()).collect()
    }

    /// How many entries `client` has.
    pub(crate) fn count(&self, client: &str) -> usize {
        self.entries.iter().filter(|entry| entry.client == client).count()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, class, property, ours, theirs, line } = self;
        write!(f, "{client} {class}.{property}: {theirs} for {ours} (line {line})")
    }
}

/// Whether a name is one of those that the entry means; `*` stands for any letters.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(name),
        Some((head, tail)) => {
            let rest = name.strip_prefix(head);
            rest.is_some_and(|rest| rest.char_indices().any(|(at, _)| matches(tail, &rest[at..])) || tail.is_empty())
        }
    }
}

/// Whether a value is as the entry says.
fn describes(pattern: &str, value: &Value) -> bool {
    match pattern {
        "*" => true,
        "zero" => match value {
            Value::Bool(truth) => !truth,
            Value::Number(number) => number.as_f64() == Some(0.0),
            _ => false,
        },
        "ones" => match value {
            Value::Bool(truth) => *truth,
            Value::Number(number) => is_ones(&number.to_string()),
            Value::String(text) => is_ones(text),
            _ => false,
        },
        "wide" => value.to_string().chars().any(|letter| letter > '\u{ff}'),
        "latin" => value.to_string().chars().any(|letter| ('\u{80}'..='\u{ff}').contains(&letter)),
        "blank" => value.to_string().contains("\"\""),
        "mangled" => value.to_string().contains(char::REPLACEMENT_CHARACTER),
        "error" => value.get("__error").is_some(),
        text => text.parse::<Value>().is_ok_and(|wanted| wanted == *value),
    }
}

/// Whether the digits are those of an integer with all bits set.
fn is_ones(digits: &str) -> bool {
    [u8::MAX.into(), u16::MAX.into(), u32::MAX.into(), u64::MAX].iter().any(|ones| digits == ones.to_string())
}
