//! Which columns a row has, in which order: the class's, or those of the SELECT list.

use std::sync::Arc;

use wmi_proto::cim::CimClass;

/// The columns of a query's rows.
#[derive(Debug)]
pub(crate) struct Columns {
    /// The SELECT list as written; `None` for `*` and for what is not understood here.
    list: Option<Vec<String>>,
    /// The class of the last row and its columns: rows of one class follow each other.
    last: Option<(Arc<CimClass>, Arc<[Column]>)>,
}

/// A column of the rows of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// The name as the class spells it.
    pub(crate) name: String,
    /// The index of the property in its class.
    pub(crate) index: usize,
}

impl Columns {
    pub(crate) fn of_query(wql: &str) -> Self {
        Self { list: select_list(wql), last: None }
    }

    /// The SELECT list as written, when there is one.
    pub(crate) fn list(&self) -> Option<&[String]> {
        self.list.as_deref()
    }

    /// The columns of the rows of `class`. A listed name that the class does not have is left out.
    pub(crate) fn of_class(&mut self, class: &Arc<CimClass>) -> Arc<[Column]> {
        if let Some((last, columns)) = &self.last
            && Arc::ptr_eq(last, class)
        {
            return Arc::clone(columns);
        }
        let names: Vec<String> = class.properties().iter().map(|p| p.name().to_str().into_owned()).collect();
        let columns: Arc<[Column]> = select(self.list.as_deref(), &names).into();
        self.last = Some((Arc::clone(class), Arc::clone(&columns)));
        columns
    }
}

fn select(list: Option<&[String]>, names: &[String]) -> Vec<Column> {
    let column = |index: usize| Column { name: names[index].clone(), index };
    match list {
        None => (0..names.len()).map(column).collect(),
        Some(list) => {
            list.iter().filter_map(|l| names.iter().position(|n| n.eq_ignore_ascii_case(l))).map(column).collect()
        }
    }
}

/// The names between SELECT and FROM, when that is what stands there.
fn select_list(wql: &str) -> Option<Vec<String>> {
    let (select, rest) = wql.trim_start().split_once(char::is_whitespace)?;
    if !select.eq_ignore_ascii_case("SELECT") {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    let mut words = rest.split_whitespace();
    let mut list = String::new();
    loop {
        let word = words.next()?;
        if word.eq_ignore_ascii_case("FROM") {
            break;
        }
        list.push_str(word);
        list.push(' ');
    }
    for name in list.split(',') {
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        if !names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_select_list_is_kept_as_written() {
        let list = |wql| select_list(wql).expect("a list");
        assert_eq!(list("SELECT Name, State FROM Win32_Service"), ["Name", "State"]);
        assert_eq!(list("  select\tState ,name\nfrom Win32_Service where Name='a,b FROM c'"), ["State", "name"]);
        assert_eq!(list("SELECT Name,State,NAME FROM X"), ["Name", "State"]);
    }

    #[test]
    fn everything_else_is_left_to_the_class() {
        for wql in
            ["SELECT * FROM X", "SELECT Name", "ASSOCIATORS OF {X}", "", "SELECT A.B FROM X", "SELECT A,,B FROM X"]
        {
            assert_eq!(select_list(wql), None, "{wql}");
        }
    }

    #[test]
    fn columns_come_in_the_order_of_the_list_and_the_spelling_of_the_class() {
        let names: Vec<String> = ["Caption", "Name", "State"].map(str::to_owned).into();
        let column = |name: &str, index| Column { name: name.to_owned(), index };
        let list: Vec<String> = ["state", "NAME", "Absent"].map(str::to_owned).into();
        assert_eq!(select(Some(&list), &names), [column("State", 2), column("Name", 1)]);
        assert_eq!(select(None, &names), [column("Caption", 0), column("Name", 1), column("State", 2)]);
    }
}
