//! WQL text made of paths, names and values ([MS-WMI 2.2.1]), so that nothing in them is taken for WQL.

use core::fmt::Write as _;

use super::value::write_quoted;
use super::{KeyValue, Keys, ObjectPath, PathError, PathErrorKind, parse};
use crate::wire::cim::CimValue;

/// `text` as a literal of WQL: between quotation marks, and with a backslash in front of these and of backslashes.
///
/// Within a LIKE clause `%`, `_` and `[` keep their meaning.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len().saturating_add(2));
    // Writing to a string does not fail.
    let _ = write_quoted(&mut literal, text);
    literal
}

/// The objects that are associated with the one at `path`: `ASSOCIATORS OF {…}`.
///
/// Server and namespace of the path are left out: the query is to be sent in [`ObjectPath::namespace`].
pub fn associators(path: &ObjectPath) -> Associators {
    Associators(Relation { verb: "ASSOCIATORS", path: path.relative(), filters: Vec::new(), only: None })
}

/// The associations that refer to the object at `path`: `REFERENCES OF {…}`.
///
/// Server and namespace of the path are left out: the query is to be sent in [`ObjectPath::namespace`].
pub fn references(path: &ObjectPath) -> References {
    References(Relation { verb: "REFERENCES", path: path.relative(), filters: Vec::new(), only: None })
}

/// [MS-WMI 2.2.1.1] an `ASSOCIATORS OF` query in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct Associators(Relation);

/// [MS-WMI 2.2.1.1] a `REFERENCES OF` query in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct References(Relation);

#[derive(Clone, Debug)]
struct Relation {
    verb: &'static str,
    path: ObjectPath,
    /// Keyword, what it has to name, and the name.
    filters: Vec<(&'static str, &'static str, String)>,
    only: Option<&'static str>,
}

const CLASS: &str = "the name of a class";
const PROPERTY: &str = "the name of a property";
const QUALIFIER: &str = "the name of a qualifier";
const SCHEMA_ONLY: &str = "SchemaOnly";

impl Relation {
    /// A keyword stands at most once; the last name counts.
    fn with(mut self, keyword: &'static str, what: &'static str, name: &str) -> Self {
        self.filters.retain(|(known, ..)| *known != keyword);
        self.filters.push((keyword, what, name.to_owned()));
        self
    }

    fn only(self, keyword: &'static str) -> Self {
        Self { only: Some(keyword), ..self }
    }

    fn build(&self) -> Result<String, PathError> {
        let unfit = |why| Err(PathError::new(PathErrorKind::Unfit(why), 0));
        match (self.path.class_name(), self.path.is_instance(), self.only == Some(SCHEMA_ONLY)) {
            (None, ..) => return unfit("a namespace has no associations"),
            (_, true, true) => return unfit("SchemaOnly asks about a class, the path is that of an instance"),
            (_, false, false) => {
                return unfit("a key is missing; associations of a class are asked for with SchemaOnly");
            }
            _ => {}
        }
        let mut query = format!("{} OF {{{}}}", self.verb, self.path);
        let mut word = " WHERE";
        for (keyword, what, name) in &self.filters {
            parse::check_name(what, name)?;
            let _ = write!(query, "{word} {keyword}={name}");
            word = "";
        }
        if let Some(only) = self.only {
            let _ = write!(query, "{word} {only}");
        }
        Ok(query)
    }
}

macro_rules! common {
    ($query:ident) => {
        impl $query {
            /// Only results of this class or of classes derived from it.
            pub fn result_class(self, class: &str) -> Self {
                Self(self.0.with("ResultClass", CLASS, class))
            }

            /// Only where the object of the path is this property of the association.
            pub fn role(self, property: &str) -> Self {
                Self(self.0.with("Role", PROPERTY, property))
            }

            /// Only results whose class has this qualifier.
            pub fn required_qualifier(self, qualifier: &str) -> Self {
                Self(self.0.with("RequiredQualifier", QUALIFIER, qualifier))
            }

            /// The classes of the results in their place. Of this, `keys_only` and `schema_only` the last counts.
            pub fn class_defs_only(self) -> Self {
                Self(self.0.only("ClassDefsOnly"))
            }

            /// Only the keys of the results.
            pub fn keys_only(self) -> Self {
                Self(self.0.only("KeysOnly"))
            }

            /// Of a class in place of an instance: the classes that can be associated with it. Windows has the
            /// keyword; [MS-WMI] does not name it.
            pub fn schema_only(self) -> Self {
                Self(self.0.only(SCHEMA_ONLY))
            }

            /// The text of the query.
            ///
            /// # Errors
            /// A name that is none, or a path that cannot be asked about: a namespace, a class without `schema_only`,
            /// an instance with it.
            pub fn build(&self) -> Result<String, PathError> {
                self.0.build()
            }
        }
    };
}
common!(Associators);
common!(References);

impl Associators {
    /// Only through associations of this class or of classes derived from it.
    pub fn assoc_class(self, class: &str) -> Self {
        Self(self.0.with("AssocClass", CLASS, class))
    }

    /// Only where the result is this property of the association.
    pub fn result_role(self, property: &str) -> Self {
        Self(self.0.with("ResultRole", PROPERTY, property))
    }

    /// Only through associations whose class has this qualifier.
    pub fn required_assoc_qualifier(self, qualifier: &str) -> Self {
        Self(self.0.with("RequiredAssocQualifier", QUALIFIER, qualifier))
    }
}

/// The instances of `class`: `SELECT … FROM …`, for which conditions can be given.
///
/// ```
/// let query = wmi_proto::path::select("CIM_DataFile").columns(["Name", "FileSize"]).equals("Drive", "c:").build()?;
/// assert_eq!(query, r#"SELECT Name,FileSize FROM CIM_DataFile WHERE Drive="c:""#);
/// # Ok::<(), wmi_proto::path::PathError>(())
/// ```
pub fn select(class: &str) -> Select {
    Select { class: class.to_owned(), columns: Vec::new(), conditions: Vec::new() }
}

/// [MS-WMI 2.2.1.1] a `SELECT` query in the making. All conditions have to be met.
#[derive(Clone, Debug)]
#[must_use]
pub struct Select {
    class: String,
    columns: Vec<String>,
    conditions: Vec<(String, CimValue)>,
}

impl Select {
    /// The instance at `path` with the conditions that its keys are.
    ///
    /// # Errors
    /// The path is that of a namespace, or its key has no name.
    pub fn object(path: &ObjectPath) -> Result<Self, PathError> {
        let unfit = |why| PathError::new(PathErrorKind::Unfit(why), 0);
        let class = path.class_name().ok_or_else(|| unfit("a namespace has no instances"))?;
        let keys = match path.keys() {
            Keys::None | Keys::Singleton => &[][..],
            Keys::Named(keys) => keys,
            Keys::Single(_) => return Err(unfit("the name of the key is missing")),
        };
        Ok(keys.iter().fold(select(class), |query, (name, value)| query.equals(name, value.clone())))
    }

    /// Only these properties, behind those that were named before. Without any, all.
    pub fn columns<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.columns.extend(names.into_iter().map(|name| name.as_ref().to_owned()));
        self
    }

    /// Only where the property has this value; NULL is `IS NULL`.
    pub fn equals(mut self, property: &str, value: impl Into<CimValue>) -> Self {
        self.conditions.push((property.to_owned(), value.into()));
        self
    }

    /// The text of the query.
    ///
    /// # Errors
    /// A name that is none, or a value that WQL cannot say: an array, an object, a real that is not finite, text with
    /// a NUL.
    pub fn build(&self) -> Result<String, PathError> {
        parse::check_name(CLASS, &self.class)?;
        self.columns
            .iter()
            .chain(self.conditions.iter().map(|(name, _)| name))
            .try_for_each(|name| parse::check_name(PROPERTY, name))?;
        let columns = if self.columns.is_empty() { "*".to_owned() } else { self.columns.join(",") };
        let mut query = format!("SELECT {columns} FROM {}", self.class);
        for (place, (name, value)) in self.conditions.iter().enumerate() {
            let word = if place == 0 { "WHERE" } else { "AND" };
            let _ = match value {
                CimValue::Null => write!(query, " {word} {name} IS NULL"),
                value => write!(query, " {word} {name}={}", KeyValue::try_from(value)?),
            };
        }
        Ok(query)
    }
}
