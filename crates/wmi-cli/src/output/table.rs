//! Aligned columns for people.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use wmi_proto::Row;

use crate::output::RowWriter;
use crate::output::cells::{Cell, Grid, JUDGED};
use crate::output::columns::Columns;

/// Prints rows in aligned columns, or one value per line on a terminal that is too narrow for that.
///
/// The first rows settle columns and widths, the others follow as they come. A later row of another class with more
/// columns begins another table below.
#[derive(Debug)]
pub(crate) struct Rows {
    grid: Grid,
    shape: Option<Shape>,
    /// The width of the terminal, when there is one.
    terminal: Option<usize>,
}

impl Rows {
    pub(crate) fn new(columns: Columns) -> Self {
        Self { grid: Grid::new(columns), shape: None, terminal: terminal() }
    }

    fn print(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let (names, rows) = (&self.grid.names, std::mem::take(&mut self.grid.rows));
        let mut shape = self.shape.take();
        for (at, row) in rows.iter().enumerate() {
            let shape = match &mut shape {
                Some(shape) if row.len() <= shape.columns.len() => shape,
                earlier => {
                    let another = Shape::of(names, &rows[at..], self.terminal);
                    if !another.is_upright {
                        if earlier.is_some() {
                            writeln!(out)?;
                        }
                        another.head(names, out)?;
                    }
                    earlier.insert(another)
                }
            };
            if shape.is_upright {
                record(names, row, out)?;
            } else {
                shape.line(row, out)?;
            }
        }
        self.shape = shape;
        out.flush()
    }
}

impl RowWriter for Rows {
    fn batch(&mut self, rows: Vec<Row>, out: &mut dyn Write) -> io::Result<()> {
        for row in &rows {
            self.grid.push(row);
        }
        if self.shape.is_some() || self.grid.rows.len() >= JUDGED { self.print(out) } else { Ok(()) }
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.print(out)
    }

    fn undecodable(&self) -> u64 {
        self.grid.undecodable
    }
}

/// Prints a whole table at once.
pub(crate) fn print(names: &[String], rows: &[Vec<Cell>], out: &mut dyn Write) -> io::Result<()> {
    print_within(names, rows, None, out)
}

/// The same, or one value per line when the `terminal` is too narrow for that.
pub(crate) fn print_within(
    names: &[String],
    rows: &[Vec<Cell>],
    terminal: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shape = Shape::of(names, rows, terminal);
    if shape.is_upright {
        return rows.iter().try_for_each(|row| record(names, row, out));
    }
    shape.head(names, out)?;
    rows.iter().try_for_each(|row| shape.line(row, out))
}

/// The width of the terminal that standard output is, when it is one.
pub(crate) fn terminal() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// One row as a block of lines, a value each.
pub(crate) fn record(names: &[String], row: &[Cell], out: &mut dyn Write) -> io::Result<()> {
    let width = names.iter().map(|name| visible(name).width()).max().unwrap_or(0);
    for (name, cell) in names.iter().zip(row).filter(|(_, cell)| **cell != Cell::Absent) {
        let name = visible(name);
        writeln!(out, "{name}{}  {}", " ".repeat(width.saturating_sub(name.width())), shown(cell))?;
    }
    writeln!(out)
}

/// Widths of columns, and which are flush right.
#[derive(Debug)]
struct Shape {
    columns: Vec<(usize, bool)>,
    /// One value per line instead.
    is_upright: bool,
}

impl Shape {
    /// The shape for `rows` on a terminal of a width, if there is one.
    fn of(names: &[String], rows: &[Vec<Cell>], terminal: Option<usize>) -> Self {
        let columns = names.iter().enumerate().map(|(at, name)| {
            let cells = || rows.iter().filter_map(|row| row.get(at));
            let widest = cells().map(|cell| shown(cell).width()).max().unwrap_or(0);
            let numbers = cells().all(|cell| !matches!(cell, Cell::Text(_)));
            let any = cells().any(|cell| matches!(cell, Cell::Number(_)));
            (widest.max(visible(name).width()), numbers && any)
        });
        let mut shape = Self { columns: columns.collect(), is_upright: false };
        shape.is_upright = terminal.is_some_and(|terminal| shape.width() > terminal);
        shape
    }

    fn width(&self) -> usize {
        self.columns.iter().map(|(width, _)| width + 2).sum::<usize>().saturating_sub(2)
    }

    fn head(&self, names: &[String], out: &mut dyn Write) -> io::Result<()> {
        self.write(names.iter().map(|name| visible(name)), out)?;
        self.write(self.columns.iter().map(|(width, _)| "-".repeat(*width)), out)
    }

    fn line(&self, row: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        self.write(row.iter().map(shown), out)
    }

    fn write(&self, cells: impl Iterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        for (at, cell) in cells.enumerate() {
            let (width, right) = self.columns.get(at).copied().unwrap_or_default();
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            if at > 0 {
                line.push_str("  ");
            }
            if right {
                line.push_str(&padding);
                line.push_str(&cell);
            } else {
                line.push_str(&cell);
                line.push_str(&padding);
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        line.push('\n');
        out.write_all(line.as_bytes())
    }
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Absent => String::new(),
        Cell::Null => "NULL".to_owned(),
        Cell::Number(text) => text.clone(),
        Cell::Text(text) => visible(text),
    }
}

/// `text` without characters that move the cursor or colour the terminal: a host chooses what it returns.
pub(crate) fn visible(text: &str) -> String {
    let odd = |c: char| c.is_control() || c.width().is_none();
    if !text.chars().any(odd) {
        return text.to_owned();
    }
    text.chars().map(|c| if odd(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Cell {
        Cell::Number(text.to_owned())
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn columns_are_aligned_and_numbers_flush_right() {
        let names = ["Name", "Id", "State"].map(str::to_owned);
        let rows = [vec![text("日本"), number("5"), text("on")], vec![text("x"), number("1234"), Cell::Null], vec![]];
        let mut out = Vec::new();
        print(&names, &rows, &mut out).expect("to write");
        let expected = "\
Name    Id  State
----  ----  -----
日本     5  on
x     1234  NULL

";
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(visible("a\x1b[31mb\nc\u{9b}"), "a\\u{1b}[31mb\\nc\\u{9b}");
        assert_eq!(visible("C:\\x"), "C:\\x");
    }

    #[test]
    fn a_narrow_terminal_gets_a_value_per_line() {
        let wide = |terminal| {
            let mut rows = Rows::new(Columns::of_query("SELECT * FROM X"));
            rows.grid.names = ["Name", "Comment", "Id"].map(str::to_owned).to_vec();
            rows.grid.rows = vec![vec![text("a"), text("somewhat long"), number("7")], vec![text("b"), Cell::Null]];
            rows.terminal = terminal;
            let mut out = Vec::new();
            rows.finish(&mut out).expect("to write");
            String::from_utf8(out).expect("UTF-8")
        };
        let upright = "Name     a\nComment  somewhat long\nId       7\n\nName     b\nComment  NULL\n\n";
        assert_eq!(wide(Some(22)), upright);
        assert!(wide(Some(23)).starts_with("Name  Comment        Id\n"));
        assert_eq!(wide(None), wide(Some(23)));
    }

    #[test]
    fn columns_that_come_late_begin_another_table() {
        let mut rows = Rows::new(Columns::of_query("SELECT * FROM X"));
        let mut out = Vec::new();
        rows.grid.names = vec!["A".to_owned()];
        rows.grid.rows = vec![vec![number("1")]];
        rows.print(&mut out).expect("to write");
        rows.grid.names.push("B".to_owned());
        rows.grid.rows = vec![vec![number("2")], vec![number("3"), text("x")], vec![number("4"), text("y")]];
        rows.print(&mut out).expect("to write");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), "A\n-\n1\n2\n\nA  B\n-  -\n3  x\n4  y\n");
    }

    #[test]
    fn no_rows_print_nothing() {
        let mut rows = Rows::new(Columns::of_query("SELECT A FROM X"));
        let mut out = Vec::new();
        rows.finish(&mut out).expect("to write");
        assert!(out.is_empty());
    }

    #[test]
    fn a_long_result_is_not_kept() {
        let mut rows = Rows::new(Columns::of_query("SELECT A FROM X"));
        let mut out = Vec::new();
        let why = wmi_proto::wire::WireError::new(wmi_proto::wire::error::WireErrorKind::Truncated, "row", 0);
        rows.batch(vec![Err(why); JUDGED - 1], &mut out).expect("to write");
        assert!(out.is_empty());
        rows.batch(vec![Err(why); 2], &mut out).expect("to write");
        assert_eq!(out.iter().filter(|b| **b == b'\n').count(), JUDGED + 3);
        assert!(rows.grid.rows.is_empty());
    }
}
