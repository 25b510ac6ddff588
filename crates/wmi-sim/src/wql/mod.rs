//! The WMI Query Language: the subset of [MS-WMI 2.2.1.1] that selects from one class, or from the schema.
//!
//! Where the grammar of the specification and the habit of Windows differ, the habit wins: `NOT`, nested parentheses,
//! a constant on the left of the operator, `= NULL` and `__CLASS = "quoted"` are not in the ABNF but are accepted by
//! Windows. Event queries are answered like a query that is not WQL.

mod associations;
mod filter;
mod lexer;
mod like;
mod parser;

pub(crate) use associations::{Association, association, is_association};
pub(crate) use filter::{Column, Filter, Record, System, same_name};
pub(crate) use parser::parse;

/// What is wrong with a text, in words; on the wire it is WBEM_E_INVALID_QUERY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) String);

impl Invalid {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// A SELECT statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Select {
    /// The columns in the order written; `None` for `*`.
    pub(crate) columns: Option<Vec<String>>,
    /// The class after FROM; `meta_class` stands for the schema.
    pub(crate) class: String,
    /// The condition after WHERE.
    pub(crate) condition: Option<Condition>,
}

/// A condition, as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// Every one of them; there are at least two.
    And(Vec<Self>),
    /// Any of them; there are at least two.
    Or(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// `property operator constant`.
    Compare { property: String, operator: Operator, constant: Constant },
    /// `property LIKE "pattern"`.
    Like { property: String, pattern: String },
    /// `property IS NULL`.
    IsNull { property: String },
    /// `__this ISA "class"`.
    Isa { property: String, class: String },
}

/// An operator that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The operator that says the same when the operands change sides.
    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }
}

/// A constant, before it takes the type of the property it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Null,
    Boolean(bool),
    Integer(i128),
    Real(f64),
    Text(String),
}

#[cfg(test)]
mod tests;
