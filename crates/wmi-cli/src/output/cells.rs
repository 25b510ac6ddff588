//! Rows as text cells, for tables and CSV: the union of the columns of all rows.

use wmi_proto::Row;
use wmi_proto::cim::CimValue;

use crate::output::columns::Columns;
use crate::output::json;

/// A value as text. Arrays and embedded objects are JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The row's class has no such property.
    Absent,
    /// NULL.
    Null,
    /// A number, which is set flush right.
    Number(String),
    /// Any other value.
    Text(String),
}

impl Cell {
    pub(crate) fn of(value: &CimValue, undecodable: &mut u64) -> Self {
        match value {
            CimValue::Null => Self::Null,
            CimValue::String(s) | CimValue::DateTime(s) | CimValue::Reference(s) => Self::Text(s.to_str().into_owned()),
            CimValue::Boolean(b) => Self::Text(b.to_string()),
            CimValue::Array(_) | CimValue::Object(_) => Self::Text(json::value(value, undecodable).to_string()),
            _ => match json::value(value, undecodable) {
                serde_json::Value::String(text) => Self::Text(text),
                number => Self::Number(number.to_string()),
            },
        }
    }
}

/// Rows by which columns and their widths are judged: a longer result is printed as it comes.
pub(crate) const JUDGED: usize = 1000;

/// Rows as cells under one row of columns, which grows when a row of another class comes.
#[derive(Debug)]
pub(crate) struct Grid {
    columns: Columns,
    /// The names of the columns so far.
    pub(crate) names: Vec<String>,
    /// Each as long as `names` was when it came.
    pub(crate) rows: Vec<Vec<Cell>>,
    pub(crate) undecodable: u64,
    /// No column is added any more: their names are out.
    pub(crate) is_fixed: bool,
    /// Columns that came when none was added any more; their values are lost.
    pub(crate) late: Vec<String>,
}

impl Grid {
    pub(crate) fn new(columns: Columns) -> Self {
        let names = columns.list().unwrap_or_default().to_vec();
        Self { columns, names, rows: Vec::new(), undecodable: 0, is_fixed: false, late: Vec::new() }
    }

    /// Whether all columns are known: by the SELECT list, which no row can add to.
    pub(crate) fn is_listed(&self) -> bool {
        self.columns.list().is_some()
    }

    pub(crate) fn push(&mut self, row: &Row) {
        let mut cells = vec![Cell::Absent; self.names.len()];
        match row {
            Ok(object) => {
                for column in &*self.columns.of_class(object.class()) {
                    let cell = match object.value(column.index) {
                        Ok(value) => Cell::of(&value, &mut self.undecodable),
                        Err(error) => {
                            self.undecodable += 1;
                            Cell::Text(json::error(&error).to_string())
                        }
                    };
                    match self.names.iter_mut().position(|n| n.eq_ignore_ascii_case(&column.name)) {
                        Some(at) => {
                            if self.rows.is_empty() {
                                // The list is shown as the class spells it.
                                self.names[at].clone_from(&column.name);
                            }
                            cells[at] = cell;
                        }
                        None if self.is_fixed => {
                            if !self.late.contains(&column.name) {
                                self.late.push(column.name.clone());
                            }
                        }
                        None => {
                            self.names.push(column.name.clone());
                            cells.push(cell);
                        }
                    }
                }
            }
            Err(error) => {
                self.undecodable += 1;
                let cell = Cell::Text(json::error(error).to_string());
                match cells.first_mut() {
                    Some(first) => *first = cell,
                    None => cells.push(cell),
                }
            }
        }
        self.rows.push(cells);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_cells() {
        let mut undecodable = 0;
        let mut cell = |value| Cell::of(&value, &mut undecodable);
        assert_eq!(cell(CimValue::Null), Cell::Null);
        assert_eq!(cell(CimValue::Boolean(true)), Cell::Text("true".to_owned()));
        assert_eq!(cell(CimValue::Uint64(u64::MAX)), Cell::Number(u64::MAX.to_string()));
        assert_eq!(cell(CimValue::Real32(0.1)), Cell::Number("0.1".to_owned()));
        assert_eq!(cell(CimValue::Real64(f64::NAN)), Cell::Text("NaN".to_owned()));
        assert_eq!(cell(CimValue::String("a\nb".into())), Cell::Text("a\nb".to_owned()));
        let array = CimValue::Array(vec![CimValue::Uint8(1), CimValue::Null]);
        assert_eq!(cell(array), Cell::Text("[1,null]".to_owned()));
        assert_eq!(undecodable, 0);
    }
}
