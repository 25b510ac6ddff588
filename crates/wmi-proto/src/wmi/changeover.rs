//! Going over from Next to smart enumeration in the middle of a result: by which rows it is known to be safe.

use crate::wire::cim::{CimString, CimValue, Genus};
use crate::wmi::source::Row;

/// The rows with which a result began, as far as they are needed to recognise them.
///
/// A smart enumerator reads the current index of the enumerator that it was made of ([MS-WMI 3.1.4.7.1]): after *k* rows
/// it begins with row *k*. A host may give it an index of its own; then it begins with row 0. Which of the two it is must
/// show in what it says, and a row must neither be lost nor come twice:
///
/// * One Next of the smart enumerator asks for fewer rows than were read before, *m* < *k*. It brings rows `s`, no more
///   than *m*. With an index of its own `s` is a prefix of the rows that were read, `p`.
/// * One `s[i]` is recognisably another row than `p[i]`: **one index**. `s` goes on where `p` ended.
/// * It says that the result ends: **one index**. With one of its own it would have *k* > *m* rows before it ends.
/// * Otherwise it is **unclear**: an index of its own, or a result that repeats itself. `s` is kept back, and the
///   enumerator that was begun with is read to its end. Then the smart enumerator is asked for one row more. It has one:
///   it had an index of its own (it read *m* of at least *k* rows, so that at least one is left), and `s` came already. It
///   has none: one index, and `s` was not delivered yet. Rows have no order ([MS-WMI 3.1.4.4.2]), so that they may come
///   last.
///
/// Where nothing was read before, no row can come twice, and there is nothing to find out.
///
/// So nothing depends on rows being different, only on a row not becoming *recognisably another*. Values change from one
/// reading to the next; the class of an object and its keys do not, and a row that does not decode is recognised as no
/// other. A result without keys is read with Next to its end.
#[derive(Default)]
pub(crate) struct Prefix {
    identities: Vec<Identity>,
    /// Whether a row cannot be recognised.
    is_vague: bool,
}

/// What the smart enumerator's first rows tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    /// It goes on where the other one stopped.
    Shared,
    /// It may have begun again.
    Unclear,
}

/// The class of an object and the values of its keys.
#[derive(Debug, PartialEq)]
struct Identity {
    class: CimString,
    keys: Vec<CimValue>,
}

impl Prefix {
    /// Rows were delivered.
    pub(crate) fn note(&mut self, rows: &[Row]) {
        for row in rows.iter().take(LONG.saturating_sub(self.identities.len())) {
            match identity(row) {
                Some(identity) if !self.is_vague => self.identities.push(identity),
                _ => self.is_vague = true,
            }
        }
    }

    /// Whether the result is long enough for a smart enumeration, and its rows can be recognised.
    pub(crate) fn is_enough(&self) -> bool {
        !self.is_vague && self.identities.len() >= LONG
    }

    /// How many rows the first Next of the smart enumerator may ask for.
    pub(crate) fn most(&self) -> u32 {
        if self.identities.is_empty() {
            return u32::MAX;
        }
        u32::try_from(self.identities.len()).map_or(1, |rows| rows.saturating_sub(1)).max(1)
    }

    /// Judges the first rows of the smart enumerator.
    pub(crate) fn judge(&self, rows: &[Row]) -> Index {
        let differs = |(before, row): (&Identity, _)| identity(row).is_some_and(|identity| identity != *before);
        let is_shared = self.identities.is_empty() || self.identities.iter().zip(rows).any(differs);
        if is_shared { Index::Shared } else { Index::Unclear }
    }
}

/// `None` for what cannot be told from others.
fn identity(row: &Row) -> Option<Identity> {
    let object = row.as_ref().ok()?;
    let class = object.class().name().clone();
    if object.genus() == Genus::Class {
        return Some(Identity { class, keys: Vec::new() });
    }
    let properties = object.class().properties().iter().enumerate();
    let keys = properties.filter(|(_, property)| property.is_key()).map(|(at, _)| match object.value(at) {
        Ok(CimValue::Real32(_) | CimValue::Real64(_) | CimValue::Object(_) | CimValue::Null) | Err(_) => None,
        Ok(value) => Some(value),
    });
    let keys = keys.collect::<Option<Vec<_>>>()?;
    (!keys.is_empty()).then_some(Identity { class, keys })
}

/// A result of so many rows is long. Shorter ones are cheaper with Next: two round trips less.
const LONG: usize = 64;

#[cfg(test)]
mod tests;
