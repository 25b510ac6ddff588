//! The rows of one query, or of several that run at once, each told from the others.

use std::io::{self, Write};

use serde_json::{Value, json};
use wmi_proto::Row;

use crate::args::RowFormat;
use crate::output::{self, RowWriter, table};
use crate::status::counted;

/// Rows of a query that are kept while another one is printed; the rest stays at the host until it has its turn.
pub(crate) const HELD: usize = 10_000;

/// How a query ended, as far as it concerns its rows.
pub(crate) enum End {
    /// With its last row.
    Whole,
    /// Before; why, as JSON.
    Failed(Value),
}

/// Prints rows as they arrive. A single query has nothing around its rows. Of several, JSON lines carry the number of
/// their query and come as they come; everything else comes one query after the other, and of those that wait for their
/// turn up to [`HELD`] rows are kept.
pub(crate) struct Several<'o> {
    out: &'o mut dyn Write,
    format: RowFormat,
    parts: Vec<Part>,
    /// The query that is being printed, where they are printed one after the other.
    current: usize,
    opened: bool,
}

struct Part {
    wql: String,
    writer: Box<dyn RowWriter>,
    rows: u64,
    held: Vec<Row>,
    end: Option<End>,
}

impl<'o> Several<'o> {
    /// For the rows of `queries`.
    pub(crate) fn new(format: RowFormat, queries: &[String], out: &'o mut dyn Write) -> Self {
        let part = |(at, wql): (usize, &String)| {
            let number = (queries.len() > 1).then_some(at + 1);
            let writer = output::numbered(format, wql, number);
            Part { wql: wql.clone(), writer, rows: 0, held: Vec::new(), end: None }
        };
        let parts = queries.iter().enumerate().map(part).collect();
        Self { out, format, parts, current: 0, opened: false }
    }

    /// Whether queries are printed one after the other.
    fn in_turn(&self) -> bool {
        self.parts.len() > 1 && self.format != RowFormat::Jsonl
    }

    /// Whether the query at `at` shall bring more, with `more` rows about to be handed over.
    pub(crate) fn wants(&self, at: usize, more: usize) -> bool {
        !self.in_turn() || at <= self.current || self.parts[at].held.len() + more < HELD
    }

    pub(crate) fn batch(&mut self, at: usize, rows: Vec<Row>) -> io::Result<()> {
        self.parts[at].rows += rows.len() as u64;
        if self.in_turn() && at != self.current {
            self.parts[at].held.extend(rows);
            return Ok(());
        }
        self.open()?;
        self.parts[at].writer.batch(rows, self.out)
    }

    /// The query at `at` is over.
    pub(crate) fn done(&mut self, at: usize, end: End) -> io::Result<()> {
        self.parts[at].end = Some(end);
        if !self.in_turn() {
            return Ok(());
        }
        while self.parts.get(self.current).is_some_and(|part| part.end.is_some()) {
            self.close()?;
        }
        if self.current < self.parts.len() {
            self.open()?;
        }
        self.out.flush()
    }

    /// Prints what is still owed. Queries that are not over were interrupted.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if self.in_turn() {
            while self.current < self.parts.len() {
                self.close()?;
            }
            if self.format == RowFormat::Json {
                self.out.write_all(b"]\n")?;
            }
        } else {
            for part in &mut self.parts {
                part.writer.finish(self.out)?;
            }
        }
        self.out.flush()
    }

    /// Rows so far of the query at `at`.
    pub(crate) fn rows(&self, at: usize) -> u64 {
        self.parts[at].rows
    }

    /// Rows so far of all queries.
    pub(crate) fn total(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Rows and cells so far that could not be decoded.
    pub(crate) fn undecodable(&self) -> u64 {
        self.parts.iter().map(|part| part.writer.undecodable()).sum()
    }

    /// Columns that came too late to be printed.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| part.writer.left_out()).map(String::as_str)
    }

    /// Begins the current query, with what was kept of it.
    fn open(&mut self) -> io::Result<()> {
        if self.opened || !self.in_turn() {
            return Ok(());
        }
        self.opened = true;
        let (number, part) = (self.current + 1, &mut self.parts[self.current]);
        match self.format {
            RowFormat::Json => {
                let start = if number == 1 { "[" } else { "," };
                write!(self.out, "{start}\n{{\"query\":{number},\"wql\":{},\"rows\":", Value::from(part.wql.as_str()))?;
            }
            RowFormat::Csv => {}
            _ => writeln!(self.out, "query {number}: {}", table::visible(&part.wql))?,
        }
        if part.held.is_empty() { Ok(()) } else { part.writer.batch(std::mem::take(&mut part.held), self.out) }
    }

    /// Ends the current query and goes on to the next one.
    fn close(&mut self) -> io::Result<()> {
        self.open()?;
        self.opened = false;
        let Some(part) = self.parts.get_mut(self.current) else { return Ok(()) };
        self.current += 1;
        part.writer.finish(self.out)?;
        let error = match &part.end {
            Some(End::Whole) => Value::Null,
            Some(End::Failed(why)) => why.clone(),
            None => json!({ "what": "interrupted" }),
        };
        if self.format == RowFormat::Json {
            return writeln!(self.out, ",\"error\":{error}}}");
        }
        if self.format == RowFormat::Csv {
            return Ok(());
        }
        let rows = counted(part.rows, "row");
        let end = if error.is_null() { "" } else { ", incomplete" };
        let gap = if self.current < self.parts.len() { "\n" } else { "" };
        write!(self.out, "({rows}{end})\n{gap}")
    }
}
