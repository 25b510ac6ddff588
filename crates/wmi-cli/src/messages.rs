//! What is said on standard error about a host: lines for people, or with a JSON output one line of JSON each.

use std::fmt::Display;

use serde_json::{Map, Value, json};
use wmi_checks::Failure;
use wmi_proto::{CommandError, Error, Stage};

use crate::connection::Trouble;
use crate::status::{Status, complain, counted, partial, unprinted, write_line};

/// Says things about one host.
#[derive(Clone, Debug)]
pub(crate) struct Messages {
    host: String,
    is_json: bool,
}

/// What a message is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// The numbers of the queries, from 1, where there are several.
    pub(crate) queries: Vec<usize>,
    /// The name of a code, where no error says it.
    pub(crate) name: Option<&'static str>,
    /// The namespace and the class, where no error says them.
    pub(crate) namespace: Option<String>,
    pub(crate) class: Option<String>,
    /// What helps, where no error says it.
    pub(crate) remedy: Option<String>,
    /// Rows that had arrived.
    pub(crate) rows: Option<u64>,
}

impl Part {
    /// The only query, with so many rows.
    pub(crate) fn rows(rows: u64) -> Self {
        Self { rows: Some(rows), ..Self::default() }
    }

    fn prefix(&self) -> String {
        match self.queries.as_slice() {
            [] => String::new(),
            [one] => format!("query {one}: "),
            [many @ .., last] => {
                let many: Vec<String> = many.iter().map(usize::to_string).collect();
                format!("queries {} and {last}: ", many.join(", "))
            }
        }
    }

    fn put(&self, map: &mut Map<String, Value>) {
        match self.queries.as_slice() {
            [] => {}
            [one] => drop(map.insert("query".to_owned(), Value::from(*one))),
            many => drop(map.insert("queries".to_owned(), Value::from(many))),
        }
        if let Some(rows) = self.rows {
            map.insert("rows".to_owned(), Value::from(rows));
        }
    }
}

impl Messages {
    /// About `host`, for people or as JSON.
    pub(crate) fn about(host: impl Display, is_json: bool) -> Self {
        Self { host: host.to_string(), is_json }
    }

    /// The host refused or failed, or was not reached: what and where with code and name, whom it concerns, what helps
    /// and what had arrived.
    pub(crate) fn failure(&self, error: &Error, part: &Part) -> Status {
        if self.is_json {
            let Value::Object(mut map) = self.failure_json(error) else { return Status::of(error) };
            part.put(&mut map);
            write_line(&Value::Object(map).to_string());
        } else {
            let meaning = error.meaning().map(|meaning| format!(": {meaning}")).unwrap_or_default();
            complain(format_args!("{}: {}{error}{}{meaning}", self.host, part.prefix(), concerned(error)));
            if let Some(remedy) = error.remedy() {
                complain(remedy);
            }
            part.rows.into_iter().for_each(partial);
        }
        Status::of(error)
    }

    /// A failure as JSON, without what had arrived.
    pub(crate) fn failure_json(&self, error: &Error) -> Value {
        let (namespace, class) = error.subject();
        json!({
            "host": self.host,
            "stage": error.stage.to_string(),
            "what": error.kind.to_string(),
            "code": error.code().map(|code| format!("0x{code:08x}")),
            "code_number": error.code(),
            "name": error.code_name(),
            "meaning": error.meaning(),
            "namespace": namespace,
            "class": class,
            "remedy": error.remedy(),
        })
    }

    /// Something else that went wrong, `at` a stage of the program.
    pub(crate) fn problem(&self, at: &str, what: impl Display, part: &Part) {
        if self.is_json {
            let Value::Object(mut map) = json!({
                "host": self.host,
                "stage": at,
                "what": what.to_string(),
                "code": null,
                "code_number": null,
                "name": part.name,
                "namespace": part.namespace,
                "class": part.class,
                "remedy": part.remedy,
            }) else {
                return;
            };
            part.put(&mut map);
            write_line(&Value::Object(map).to_string());
        } else {
            complain(format_args!("{}: {}{what}", self.host, part.prefix()));
            part.remedy.iter().for_each(complain);
            part.rows.into_iter().for_each(partial);
        }
    }

    /// Checks failed in `parts` of the same, `failures` of which the first tells what it is and what helps.
    pub(crate) fn failed_parts(&self, failure: &Failure, classes: &[&str], parts: &[String]) {
        let Failure { stage, code, remedy, .. } = failure;
        // Where several parts are told, they tell how often.
        let text = if parts.len() == 1 { failure.words() } else { failure.text.as_str().into() };
        if self.is_json {
            let mut line = json!({
                "host": self.host,
                "stage": stage,
                "what": text,
                "code": code.map(|code| format!("0x{code:08x}")),
                "code_number": code,
                "name": failure.name,
                "meaning": failure.meaning,
                "namespace": failure.namespace,
                "class": classes.first().filter(|_| classes.len() == 1),
                "remedy": remedy,
                "parts": parts,
            });
            if classes.len() > 1 {
                line["classes"] = classes.into();
            }
            write_line(&line.to_string());
            return;
        }
        let class = match classes {
            [] => String::new(),
            [one] => format!(", class {one}"),
            [first, others @ ..] => format!(", class {first} and {}", counted(others.len() as u64, "other")),
        };
        let of = failure.namespace.iter().filter(|_| !classes.is_empty()).map(|namespace| format!(" in {namespace}"));
        let meaning = failure.meaning.iter().map(|meaning| format!(": {meaning}"));
        let about: String = std::iter::once(class).chain(of).chain(meaning).collect();
        complain(format_args!("{}: {stage}: {text}{about} (check {})", self.host, parts.join(", ")));
        remedy.iter().for_each(complain);
    }

    /// Something that a check reports may not be the whole truth; people are told what helps if `tells_remedy`.
    pub(crate) fn doubt(&self, check: &str, doubt: &Failure, tells_remedy: bool) {
        let what = format!("{check}/{}: {}", doubt.part, doubt.text);
        if self.is_json {
            let line = json!({ "host": self.host, "notice": what, "remedy": doubt.remedy });
            write_line(&line.to_string());
            return;
        }
        self.notice(what);
        doubt.remedy.iter().filter(|_| tells_remedy).for_each(complain);
    }

    /// The command line asks for what cannot be.
    pub(crate) fn usage(&self, what: impl Display) -> Status {
        if self.is_json {
            self.problem("usage", what, &Part::default());
        } else {
            complain(what);
        }
        Status::Usage
    }

    /// Something worth knowing that is no failure.
    pub(crate) fn notice(&self, what: impl Display) {
        if self.is_json {
            write_line(&json!({ "host": self.host, "notice": what.to_string() }).to_string());
        } else {
            complain(format_args!("{}: {what}", self.host));
        }
    }

    /// What ended a command. `queries` is how many there were, and `rows` had arrived of them.
    pub(crate) fn trouble(&self, trouble: &Trouble, queries: usize, rows: u64) -> Status {
        let part = Part::rows(rows);
        match trouble {
            Trouble::Failed(error) => self.failure(error, &part),
            Trouble::Command { error, at } => {
                let usage = is_usage(error);
                let queries = if queries > 1 && usage { vec![at + 1] } else { Vec::new() };
                let part = Part { queries, name: error.code_name(), ..Part::default() };
                self.problem(if usage { "usage" } else { "session" }, error, &part);
                if usage { Status::Usage } else { Status::Failed }
            }
            Trouble::Signal(signal) => {
                self.problem("signal", "interrupted", &part);
                Status::Signal(*signal)
            }
            Trouble::Output(error) => self.unprinted(error),
            Trouble::Reactor(error) => {
                self.problem("system", error, &part);
                Status::Failed
            }
        }
    }

    /// What ended a call, of which no rows are expected, and what an interruption leaves open.
    pub(crate) fn trouble_of_call(&self, trouble: &Trouble, open: Option<&str>) -> Status {
        match trouble {
            Trouble::Failed(error) => self.failure(error, &Part::default()),
            Trouble::Signal(signal) => {
                let remedy = open.map(str::to_owned);
                self.problem("signal", "interrupted", &Part { remedy, ..Part::default() });
                Status::Signal(*signal)
            }
            trouble => self.trouble(trouble, 1, 0),
        }
    }

    /// Standard output failed: quietly when its reader has left.
    pub(crate) fn unprinted(&self, error: &std::io::Error) -> Status {
        if self.is_json && error.kind() != std::io::ErrorKind::BrokenPipe {
            self.problem("output", format_args!("cannot write: {error}"), &Part::default());
            return Status::Failed;
        }
        unprinted(error)
    }
}

/// Whether one message says both, whomever else they concern.
pub(crate) fn is_same(one: &Error, other: &Error) -> bool {
    (&one.stage, &one.kind, one.subject()) == (&other.stage, &other.kind, other.subject())
}

/// Whether the command line asked for what cannot be sent.
const fn is_usage(error: &CommandError) -> bool {
    use CommandError::{BadCall, BadPath, BadQuery, TooLong};
    matches!(error, BadQuery(_) | BadCall(_) | BadPath(_) | TooLong { .. })
}

/// Namespace and class for people, where the stage does not tell them already.
fn concerned(error: &Error) -> String {
    match (&error.stage, error.subject()) {
        (Stage::Login { .. }, _) | (_, (None, None)) => String::new(),
        (_, (Some(namespace), Some(class))) => format!(", class {class} in {namespace}"),
        (_, (Some(namespace), None)) => format!(", in {namespace}"),
        (_, (None, Some(class))) => format!(", class {class}"),
    }
}
