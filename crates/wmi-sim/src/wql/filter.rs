//! Conditions tied to the properties of a class, and their evaluation.

use core::cmp::Ordering;
use core::time::Duration;

use wmi_proto::cim::{BadDateTime, CimDateTime, CimType, CimValue};

use super::like::Pattern;
use super::{Condition, Constant, Invalid, Operator};

/// What a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// A property of the class.
    Property {
        /// Its place among the properties, which it keeps in every subclass.
        index: usize,
        /// Its type, of an element when it is an array.
        cim_type: CimType,
        /// Whether it is an array.
        array: bool,
    },
    /// A system property.
    System(System),
}

/// A system property that a condition may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Class,
    Superclass,
    Dynasty,
    RelPath,
    Path,
    Namespace,
    Server,
    Genus,
    PropertyCount,
    Derivation,
    /// The object itself, which only ISA can ask about.
    This,
}

impl System {
    /// The system property called `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        const NAMES: [(&str, System); 11] = [
            ("__CLASS", System::Class),
            ("__SUPERCLASS", System::Superclass),
            ("__DYNASTY", System::Dynasty),
            ("__RELPATH", System::RelPath),
            ("__PATH", System::Path),
            ("__NAMESPACE", System::Namespace),
            ("__SERVER", System::Server),
            ("__GENUS", System::Genus),
            ("__PROPERTY_COUNT", System::PropertyCount),
            ("__DERIVATION", System::Derivation),
            ("__THIS", System::This),
        ];
        NAMES.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(name)).map(|&(_, system)| system)
    }
}

/// A row or a class, as a condition sees it.
pub(crate) trait Record {
    /// The value of the property at `index`, the class's default when the row has none of its own.
    fn property(&self, index: usize) -> &CimValue;
    /// The value of a system property.
    fn system(&self, system: System) -> CimValue;
    /// Whether the class is `class` or comes from it.
    fn is_a(&self, class: &str) -> bool;
}

/// A condition whose names are resolved and whose constants have the type of their property.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    IsNull(Column),
    Isa(String),
    Integer(Column, Operator, i128),
    Real(Column, Operator, f64),
    Boolean(Column, Operator, bool),
    Text(Column, Operator, String),
    Moment(Column, Operator, Moment),
    Like(Column, Pattern),
}

impl Filter {
    /// Ties a condition to the columns that `resolve` knows.
    pub(crate) fn new(condition: &Condition, resolve: &dyn Fn(&str) -> Option<Column>) -> Result<Self, Invalid> {
        let all = |of: &[Condition]| of.iter().map(|one| Self::new(one, resolve)).collect::<Result<Vec<_>, _>>();
        let column = |name: &str| resolve(name).ok_or_else(|| Invalid::new(format!("no property {name}")));
        match condition {
            Condition::And(of) => Ok(Self::And(all(of)?)),
            Condition::Or(of) => Ok(Self::Or(all(of)?)),
            Condition::Not(of) => Ok(Self::Not(Box::new(Self::new(of, resolve)?))),
            Condition::IsNull { property } => Ok(Self::IsNull(column(property)?)),
            Condition::Isa { property, class } => match column(property)? {
                Column::System(System::This) => Ok(Self::Isa(class.clone())),
                _ => Err(Invalid::new(format!("{property} ISA"))),
            },
            Condition::Like { property, pattern } => {
                let column = column(property)?;
                let compiled = Pattern::new(pattern)?;
                if matches!(kind(column), Kind::Text) {
                    return Ok(Self::Like(column, compiled));
                }
                // [MS-WMI 2.2.1.1]: with another type LIKE is `=`, and a meta character is an error.
                if compiled.has_meta() {
                    return Err(Invalid::new(format!("{property} is not text, and the pattern has meta characters")));
                }
                Self::compare(column, property, Operator::Equal, &Constant::Text(pattern.clone()))
            }
            Condition::Compare { property, operator, constant } => {
                Self::compare(column(property)?, property, *operator, constant)
            }
        }
    }

    fn compare(column: Column, property: &str, operator: Operator, constant: &Constant) -> Result<Self, Invalid> {
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        let mismatch = || Invalid::new(format!("{property} does not compare with {constant:?}"));
        let filter = match (kind(column), constant) {
            (Kind::Integer | Kind::Char, Constant::Integer(value)) => Self::Integer(column, operator, *value),
            (Kind::Integer, Constant::Real(value)) => Self::Real(column, operator, *value),
            (Kind::Integer, Constant::Text(text)) => {
                Self::Integer(column, operator, text.trim().parse().map_err(|_| mismatch())?)
            }
            (Kind::Char, Constant::Text(text)) => {
                let mut units = text.encode_utf16();
                let (Some(unit), None) = (units.next(), units.next()) else { return Err(mismatch()) };
                Self::Integer(column, operator, unit.into())
            }
            (Kind::Single, constant) => {
                let value = real(constant).ok_or_else(mismatch)?;
                Self::Real(column, operator, f64::from(value as f32))
            }
            (Kind::Double, constant) => Self::Real(column, operator, real(constant).ok_or_else(mismatch)?),
            (Kind::Boolean, constant) if equality => {
                let value = match constant {
                    Constant::Boolean(value) => *value,
                    Constant::Integer(value) => *value != 0,
                    Constant::Text(text) if text.eq_ignore_ascii_case("TRUE") => true,
                    Constant::Text(text) if text.eq_ignore_ascii_case("FALSE") => false,
                    _ => return Err(mismatch()),
                };
                Self::Boolean(column, operator, value)
            }
            (Kind::Text, Constant::Text(text)) => Self::Text(column, operator, fold(text).collect()),
            (Kind::Text, Constant::Integer(value)) => Self::Text(column, operator, value.to_string()),
            (Kind::Text, Constant::Real(value)) => Self::Text(column, operator, value.to_string()),
            (Kind::Reference, Constant::Text(text)) if equality => Self::Text(column, operator, fold(text).collect()),
            (Kind::Moment, Constant::Text(text)) => match Moment::of(text).map_err(|_| mismatch())? {
                Some(moment) => Self::Moment(column, operator, moment),
                // With open fields it is no point in time; only the same text is equal to it.
                None if equality => Self::Text(column, operator, fold(text).collect()),
                None => return Err(mismatch()),
            },
            _ => return Err(mismatch()),
        };
        Ok(filter)
    }

    /// Whether the condition holds for `record`. NULL is neither equal, unequal, less nor greater.
    pub(crate) fn holds(&self, record: &dyn Record) -> bool {
        match self {
            Self::And(of) => of.iter().all(|one| one.holds(record)),
            Self::Or(of) => of.iter().any(|one| one.holds(record)),
            Self::Not(of) => !of.holds(record),
            Self::IsNull(column) => with(record, *column, |value| *value == CimValue::Null),
            Self::Isa(class) => record.is_a(class),
            Self::Integer(column, operator, constant) => {
                with(record, *column, |value| integer(value).is_some_and(|own| operator.accepts(own.cmp(constant))))
            }
            Self::Real(column, operator, constant) => with(record, *column, |value| {
                number(value).is_some_and(|own| match own.partial_cmp(constant) {
                    Some(ordering) => operator.accepts(ordering),
                    None => *operator == Operator::NotEqual,
                })
            }),
            Self::Boolean(column, operator, constant) => with(record, *column, |value| match value {
                CimValue::Boolean(own) => operator.accepts(own.cmp(constant)),
                _ => false,
            }),
            Self::Text(column, operator, constant) => {
                with(record, *column, |value| text(value, |own| operator.accepts(fold(own).cmp(constant.chars()))))
            }
            Self::Moment(column, operator, constant) => with(record, *column, |value| {
                text(value, |own| {
                    let own = Moment::of(own).ok().flatten();
                    own.and_then(|own| own.compare(constant)).is_some_and(|ordering| operator.accepts(ordering))
                })
            }),
            Self::Like(column, pattern) => with(record, *column, |value| text(value, |own| pattern.matches(own))),
        }
    }
}

impl Operator {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A date or an interval without open fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    Date(i64),
    Interval(Duration),
}

impl Moment {
    /// What `text` says; `None` with open fields.
    fn of(text: &str) -> Result<Option<Self>, BadDateTime> {
        let parsed: CimDateTime = text.parse()?;
        let date = parsed.to_unix_micros().map(Self::Date);
        Ok(date.or_else(|| parsed.to_duration().map(Self::Interval)))
    }

    /// Which one is later or longer; a date and an interval do not compare.
    fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Date(own), Self::Date(other)) => Some(own.cmp(other)),
            (Self::Interval(own), Self::Interval(other)) => Some(own.cmp(other)),
            _ => None,
        }
    }
}

/// How the values of a column compare.
enum Kind {
    Integer,
    Char,
    Single,
    Double,
    Boolean,
    Text,
    Reference,
    Moment,
    /// Arrays and objects, which can only be NULL or not.
    Opaque,
}

fn kind(column: Column) -> Kind {
    let cim_type = match column {
        Column::Property { array: true, .. } | Column::System(System::Derivation | System::This) => {
            return Kind::Opaque;
        }
        Column::Property { cim_type, .. } => cim_type,
        Column::System(System::Genus | System::PropertyCount) => CimType::SINT32,
        Column::System(_) => CimType::STRING,
    };
    match cim_type {
        CimType::REAL32 => Kind::Single,
        CimType::REAL64 => Kind::Double,
        CimType::BOOLEAN => Kind::Boolean,
        CimType::STRING => Kind::Text,
        CimType::DATETIME => Kind::Moment,
        CimType::REFERENCE => Kind::Reference,
        CimType::CHAR16 => Kind::Char,
        CimType::OBJECT => Kind::Opaque,
        _ => Kind::Integer,
    }
}

/// `text` without its case, character by character, as comparisons see it.
pub(super) fn fold(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// Whether two names are the same: case does not count.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    fold(a).eq(fold(b))
}

fn with(record: &dyn Record, column: Column, test: impl FnOnce(&CimValue) -> bool) -> bool {
    match column {
        Column::Property { index, .. } => test(record.property(index)),
        Column::System(system) => test(&record.system(system)),
    }
}

fn text(value: &CimValue, test: impl FnOnce(&str) -> bool) -> bool {
    match value {
        CimValue::String(own) | CimValue::DateTime(own) | CimValue::Reference(own) => test(&own.to_str()),
        _ => false,
    }
}

fn integer(value: &CimValue) -> Option<i128> {
    Some(match *value {
        CimValue::Sint8(own) => own.into(),
        CimValue::Uint8(own) => own.into(),
        CimValue::Sint16(own) => own.into(),
        CimValue::Uint16(own) | CimValue::Char16(own) => own.into(),
        CimValue::Sint32(own) => own.into(),
        CimValue::Uint32(own) => own.into(),
        CimValue::Sint64(own) => own.into(),
        CimValue::Uint64(own) => own.into(),
        _ => return None,
    })
}

fn number(value: &CimValue) -> Option<f64> {
    match *value {
        CimValue::Real32(own) => Some(own.into()),
        CimValue::Real64(own) => Some(own),
        _ => integer(value).map(|own| own as f64),
    }
}

fn real(constant: &Constant) -> Option<f64> {
    match constant {
        Constant::Real(value) => Some(*value),
        Constant::Integer(value) => Some(*value as f64),
        Constant::Text(text) => text.trim().parse().ok(),
        Constant::Boolean(_) | Constant::Null => None,
    }
}
