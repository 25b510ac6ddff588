//! `wmi namespaces`: a namespace and all below it.

use std::collections::BTreeSet;
use std::io;

use serde_json::{Value, json};
use wmi_proto::path::{NAMESPACES, ObjectPath};
use wmi_proto::wire::HResult;
use wmi_proto::{Completion, Error, ErrorKind, Query, Row};

use crate::args::NamespacesArguments;
use crate::connection::{Connection, Sink, Trouble, patience};
use crate::messages::{Messages, Part};
use crate::output::list;
use crate::status::Status;

/// Namespaces that are asked at the same time.
const AT_ONCE: usize = 16;

/// Namespaces that are listed at the most, and how deep they may lie: a host has a few hundred, three deep.
const MOST: usize = 10_000;
const DEEPEST: usize = 32;

pub(crate) fn run(arguments: &NamespacesArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output.is_json());
    let start = match ObjectPath::of_namespace(&arguments.namespace) {
        Ok(path) => path.namespace().unwrap_or(&arguments.namespace).to_owned(),
        Err(error) => return messages.usage(format_args!("{}: {error}", arguments.namespace)),
    };
    let mut connection = match Connection::start(connect, &messages) {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    let mut tree = Tree { found: vec![Namespace { path: start, depth: 0, error: None }], ..Tree::default() };
    let outcome = tree.grow(&mut connection);
    connection.progress.finish();
    let mut found: Vec<&Namespace> = tree.found.iter().collect();
    found.sort_by_cached_key(|namespace| namespace.path.to_lowercase());
    let rows: Vec<Vec<Value>> = found.iter().map(|namespace| namespace.row(&messages)).collect();
    let printed = list::print(&["namespace", "error"], &rows, arguments.output, &mut io::stdout().lock());
    let status = match outcome {
        Ok(()) => tree.judge(&messages),
        Err(trouble) => messages.trouble(&trouble, 1, rows.len() as u64),
    };
    connection.close(patience(status));
    printed.map_or_else(|error| status.worse(messages.unprinted(&error)), |()| status)
}

struct Namespace {
    path: String,
    depth: usize,
    /// Why those in it are not known.
    error: Option<Error>,
}

#[derive(Default)]
struct Tree {
    found: Vec<Namespace>,
    known: BTreeSet<String>,
    /// Names that cannot be those of namespaces.
    odd: usize,
    /// Whether there are more than are listed.
    is_cut: bool,
}

impl Tree {
    /// Asks every namespace for those in it.
    fn grow(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        let mut asked = 0;
        while asked < self.found.len() {
            let batch = asked..self.found.len().min(asked + AT_ONCE);
            let query = |namespace: &Namespace| Query::new(NAMESPACES).namespace(&namespace.path);
            let queries: Vec<Query> = self.found[batch.clone()].iter().map(query).collect();
            let mut names = Names { tree: self, first: batch.start };
            connection.queries(queries, &mut names)?;
            asked = batch.end;
        }
        Ok(())
    }

    fn add(&mut self, parent: usize, row: &Row) {
        let Some(above) = self.found.get(parent) else { return };
        let name =
            row.as_ref().ok().and_then(|object| object.get("Name")?.ok()?.as_str().map(|name| name.into_owned()));
        let below = name.map(|name| (format!(r"{}\{name}", above.path), name));
        let below = below.filter(|(path, name)| !name.contains(['\\', '/']) && ObjectPath::of_namespace(path).is_ok());
        let Some((path, _)) = below else {
            self.odd += 1;
            return;
        };
        let depth = above.depth + 1;
        if depth > DEEPEST || self.found.len() >= MOST {
            self.is_cut = true;
        } else if self.known.insert(path.to_lowercase()) {
            self.found.push(Namespace { path, depth, error: None });
        }
    }

    /// Says what is wrong with the list. That the account may not enter a namespace is in it and no failure, unless it is
    /// the first one.
    fn judge(&self, messages: &Messages) -> Status {
        let mut status = Status::Done;
        let mut told: Vec<&Error> = Vec::new();
        for (at, namespace) in self.found.iter().enumerate() {
            let Some(error) = &namespace.error else { continue };
            if at == 0 || !is_denied(error) {
                status = status.worse(Status::of(error));
                // Of a lost session every namespace has its part.
                if !told.iter().any(|known| (&known.stage, &known.kind) == (&error.stage, &error.kind)) {
                    messages.failure(error, &Part::default());
                    told.push(error);
                }
            }
        }
        if self.odd > 0 {
            messages.notice(format_args!("{} names of namespaces cannot be such and are left out", self.odd));
            status = status.worse(Status::Failed);
        }
        if self.is_cut {
            messages.notice(format_args!("there are more: {MOST} are listed at the most, {DEEPEST} deep"));
            status = status.worse(Status::Failed);
        }
        status
    }
}

impl Namespace {
    fn row(&self, messages: &Messages) -> Vec<Value> {
        let error = self.error.as_ref().map(|error| messages.failure_json(error));
        vec![json!(self.path), error.unwrap_or(Value::Null)]
    }
}

/// Whether the account may not enter a namespace: WBEM_E_ACCESS_DENIED, E_ACCESSDENIED or a fault, by host.
fn is_denied(error: &Error) -> bool {
    match &error.kind {
        ErrorKind::Status(status) => [HResult::WBEM_E_ACCESS_DENIED, HResult::E_ACCESSDENIED].contains(status),
        ErrorKind::Fault(status) => status.0 == 5,
        _ => false,
    }
}

/// Takes the names of the namespaces in those that are asked.
struct Names<'t> {
    tree: &'t mut Tree,
    /// The place of the first of them.
    first: usize,
}

impl Sink for Names<'_> {
    fn wants(&self, _: usize, _: usize) -> bool {
        true
    }

    fn batch(&mut self, at: usize, rows: Vec<Row>) -> io::Result<()> {
        rows.iter().for_each(|row| self.tree.add(self.first + at, row));
        Ok(())
    }

    fn done(&mut self, at: usize, outcome: &Result<Completion, Error>) -> io::Result<()> {
        if let (Some(namespace), Err(error)) = (self.tree.found.get_mut(self.first + at), outcome) {
            namespace.error = Some(error.clone());
        }
        Ok(())
    }
}
