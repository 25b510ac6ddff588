//! What is wrong with a path, and where.

use core::fmt;

use thiserror::Error;

use super::MAX_KEYS;

/// A text that is no object path, or a part that cannot be one of a path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct PathError {
    kind: PathErrorKind,
    /// Characters in front of it.
    at: usize,
}

/// What is wrong with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathErrorKind {
    /// Something else should stand there.
    Expected {
        /// What should.
        what: &'static str,
        /// What does; `None` is the end.
        found: Option<char>,
    },
    /// Something is longer than a host takes.
    TooLong {
        /// What.
        what: &'static str,
        /// UTF-16 units that it has.
        units: usize,
        /// UTF-16 units that it may have.
        limit: usize,
    },
    /// A key is named twice.
    Twice,
    /// More keys than a class can have.
    TooManyKeys,
    /// A name that is none, where it does not come from a path's text.
    NoName {
        /// What it should name.
        what: &'static str,
        /// What it is; its beginning when it is long.
        name: String,
    },
    /// A value that no key can have: NULL, an array, an embedded object, a real that is not finite, an integer beyond
    /// 64 bits, text with a NUL.
    NoKeyValue,
    /// The path cannot be asked about in this way.
    Unfit(&'static str),
}

impl PathError {
    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &PathErrorKind {
        &self.kind
    }

    /// How many characters of the text stand in front of it.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    pub(super) const fn new(kind: PathErrorKind, at: usize) -> Self {
        Self { kind, at }
    }

    pub(super) const fn expected(what: &'static str, at: usize, found: Option<char>) -> Self {
        Self::new(PathErrorKind::Expected { what, found }, at)
    }

    pub(super) const fn too_long(what: &'static str, units: usize, limit: usize) -> Self {
        Self::new(PathErrorKind::TooLong { what, units, limit }, 0)
    }

    pub(super) fn no_name(what: &'static str, name: &str) -> Self {
        Self::new(PathErrorKind::NoName { what, name: name.chars().take(64).collect() }, 0)
    }
}

/// For people; the position counts from 1.
impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.at.saturating_add(1);
        match &self.kind {
            PathErrorKind::Expected { what, found: Some(found) } => {
                write!(f, "object path: expected {what} at character {place}, found {found:?}")
            }
            PathErrorKind::Expected { what, found: None } => {
                write!(f, "object path: expected {what} at character {place}, where the path ends")
            }
            PathErrorKind::TooLong { what, units, limit } => {
                write!(f, "object path: {what} has {units} characters, at most {limit} are allowed")
            }
            PathErrorKind::Twice => write!(f, "object path: the key at character {place} was named before"),
            PathErrorKind::TooManyKeys => write!(f, "object path: more than {MAX_KEYS} keys"),
            PathErrorKind::NoName { what, name } => write!(f, "object path: {name:?} cannot be {what}"),
            PathErrorKind::NoKeyValue => f.write_str("object path: no key can have this value"),
            PathErrorKind::Unfit(why) => write!(f, "object path: {why}"),
        }
    }
}
