//! Methods as their class describes them, and in-parameters checked against that before anything is sent.

use std::sync::Arc;

use thiserror::Error as ThisError;

use crate::wire::WireError;
use crate::wire::cim::{BuildError, CimClass, CimMethod, CimObject, CimProperty, CimType, CimValue, InstanceBuilder};

/// What a class says about one of its methods ([MS-WMIO 2.3.3]).
#[derive(Clone, Debug)]
pub struct MethodSignature {
    name: String,
    is_static: bool,
    inputs: Vec<Parameter>,
    outputs: Vec<Parameter>,
    /// The class `__PARAMETERS` of the `in` parameters, when there are any.
    input_class: Option<Arc<CimClass>>,
}

/// A parameter of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name as the class spells it.
    pub name: String,
    /// Its type, or that of its elements.
    pub cim_type: CimType,
    /// Whether it is an array.
    pub is_array: bool,
    /// The class of an embedded object or a reference, when the method says it.
    pub class: Option<String>,
    /// Whether the method says that it may be left out. Many methods do not say it of parameters that may.
    pub optional: bool,
    /// The place in the method's declaration, counted from 0 over `in` and `out` parameters; the return value has none.
    pub id: Option<i64>,
}

/// A method that its class does not have.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("class {class} has no method {method}; {}", list("it has", known, "it has none"))]
#[non_exhaustive]
pub struct NoSuchMethod {
    /// The class.
    pub class: String,
    /// The method as it was asked for.
    pub method: String,
    /// The methods that the class has.
    pub known: Vec<String>,
}

/// An in-parameter that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("parameter {parameter} of method {method}: {problem}{}", self.hint())]
#[non_exhaustive]
pub struct ParameterError {
    /// The method.
    pub method: String,
    /// The parameter as it was given.
    pub parameter: String,
    /// What is wrong with it.
    pub problem: ParameterProblem,
    /// The in-parameters that the method has.
    pub known: Vec<String>,
}

/// What is wrong with an in-parameter.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum ParameterProblem {
    /// The method has no such in-parameter.
    #[error("there is none of this name")]
    Unknown,
    /// It was given more than once.
    #[error("it is given twice")]
    Twice,
    /// A value of another type.
    #[error("it is {expected}, given was {given}")]
    WrongType {
        /// Its type in the managed object format, `[]` behind that of an array.
        expected: String,
        /// The type of the value.
        given: String,
    },
    /// A value that its type does not have: a number out of range, a datetime that is none.
    #[error("it is {expected}, which {given} is not")]
    OutOfRange {
        /// Its type in the managed object format.
        expected: String,
        /// The value.
        given: String,
    },
}

/// Why a method cannot be called as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum SignatureError {
    /// The class does not have the method.
    #[error(transparent)]
    NoSuchMethod(Box<NoSuchMethod>),
    /// An in-parameter is wrong.
    #[error(transparent)]
    Parameter(Box<ParameterError>),
    /// The class's own description of the method does not decode.
    #[error("malformed signature: {0}")]
    Malformed(#[from] WireError),
}

impl ParameterError {
    fn hint(&self) -> String {
        match self.problem {
            ParameterProblem::Unknown => format!("; {}", list("the method has", &self.known, "the method has none")),
            _ => String::new(),
        }
    }
}

fn list(head: &str, names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { format!("{head} {}", names.join(", ")) }
}

impl Parameter {
    /// What `property` takes: of the class `__PARAMETERS`, or of any other whose instances are built of loose values.
    #[must_use]
    pub fn of(property: &CimProperty) -> Self {
        let text = |name: &str| {
            let value = property.qualifier(name)?.value().ok()?;
            value.as_str().map(|text| text.into_owned())
        };
        let cimtype = text("CIMTYPE").unwrap_or_default();
        let optional = property.qualifier("optional").and_then(|q| q.value().ok());
        Self {
            name: property.name().to_str().into_owned(),
            cim_type: property.cim_type(),
            is_array: property.is_array(),
            class: cimtype.split_once(':').map(|(_, class)| class.to_owned()),
            optional: optional.and_then(|v| v.as_bool()).unwrap_or(false),
            id: property.qualifier("ID").and_then(|q| q.value().ok()?.as_i64()),
        }
    }

    /// The type in the managed object format: `uint32`, `string[]`, `object:Win32_ProcessStartup`, `ref:CIM_Setting`.
    #[must_use]
    pub fn type_name(&self) -> String {
        let class = self.class.as_ref().filter(|_| [CimType::OBJECT, CimType::REFERENCE].contains(&self.cim_type));
        let class = class.map(|class| format!(":{class}")).unwrap_or_default();
        let array = if self.is_array { "[]" } else { "" };
        format!("{}{class}{array}", mof_name(self.cim_type))
    }

    /// `value` as this parameter takes it. Numbers change their width where nothing is lost, and text becomes a
    /// datetime, a reference or a char16 where the parameter is one.
    ///
    /// # Errors
    /// A value of another type, or one that the type does not have.
    pub fn fit(&self, value: CimValue) -> Result<CimValue, ParameterProblem> {
        match value {
            CimValue::Null => Ok(CimValue::Null),
            CimValue::Array(items) if self.is_array => {
                let item = |item: CimValue| match item {
                    CimValue::Null if !self.is_textual() => Err(self.wrong_type(&CimValue::Null)),
                    CimValue::Null => Ok(CimValue::Null),
                    CimValue::Array(_) => Err(self.wrong_type(&item)),
                    item => self.fit_one(item),
                };
                Ok(CimValue::Array(items.into_iter().map(item).collect::<Result<_, _>>()?))
            }
            value if self.is_array || matches!(value, CimValue::Array(_)) => Err(self.wrong_type(&value)),
            value => self.fit_one(value),
        }
    }

    /// Whether an element of an array of this type can be NULL.
    fn is_textual(&self) -> bool {
        [CimType::STRING, CimType::DATETIME, CimType::REFERENCE, CimType::OBJECT].contains(&self.cim_type)
    }

    fn fit_one(&self, value: CimValue) -> Result<CimValue, ParameterProblem> {
        match (&value, self.cim_type) {
            (CimValue::Object(object), CimType::OBJECT) => {
                return if self.class.as_deref().is_none_or(|class| is_a(object, class)) {
                    Ok(value)
                } else {
                    Err(self.wrong_type(&value))
                };
            }
            (CimValue::DateTime(text), CimType::DATETIME) | (CimValue::String(text), CimType::DATETIME) => {
                let fits = text.to_str().parse::<crate::wire::cim::CimDateTime>().is_ok();
                return if fits { Ok(CimValue::DateTime(text.clone())) } else { Err(self.out_of_range(&value)) };
            }
            (CimValue::String(text), CimType::REFERENCE) => return Ok(CimValue::Reference(text.clone())),
            (CimValue::String(text), CimType::CHAR16) => {
                let mut units = text.units();
                return match (units.next(), units.next()) {
                    (Some(unit), None) => Ok(CimValue::Char16(unit)),
                    _ => Err(self.out_of_range(&value)),
                };
            }
            _ if value.cim_type() == Some(self.cim_type) => return Ok(value),
            _ => {}
        }
        if is_number(&value) && is_numeric(self.cim_type) {
            return number(&value, self.cim_type).ok_or_else(|| self.out_of_range(&value));
        }
        Err(self.wrong_type(&value))
    }

    fn wrong_type(&self, given: &CimValue) -> ParameterProblem {
        ParameterProblem::WrongType { expected: self.type_name(), given: type_of(given) }
    }

    fn out_of_range(&self, given: &CimValue) -> ParameterProblem {
        ParameterProblem::OutOfRange { expected: mof_name(self.cim_type).to_owned(), given: show(given) }
    }
}

impl MethodSignature {
    /// What `class` says about its method `name` (ASCII case is ignored). The class is a definition, as `get_object` of
    /// its path brings it: instances come without methods.
    ///
    /// # Errors
    /// The class has no such method, or describes it in octets that do not decode.
    pub fn of(class: &CimClass, name: &str) -> Result<Self, SignatureError> {
        let inherited = || class.parent().and_then(|parent| parent.method(name));
        let Some(method) = class.method(name).or_else(inherited) else {
            let known = Self::names(class);
            let class = class.name().to_str().into_owned();
            return Err(SignatureError::NoSuchMethod(Box::new(NoSuchMethod { class, method: name.to_owned(), known })));
        };
        let (input, output) = (method.input()?, method.output()?);
        let parameters = |object: Option<&CimObject>| {
            let properties = object.map(|object| object.class().properties()).unwrap_or_default();
            let mut parameters: Vec<_> = properties.iter().map(Parameter::of).collect();
            parameters.sort_by_key(|parameter| parameter.id.unwrap_or(i64::MAX));
            parameters
        };
        Ok(Self {
            name: method.name().to_str().into_owned(),
            is_static: says(method, "static"),
            inputs: parameters(input.as_ref()),
            outputs: parameters(output.as_ref()),
            input_class: input.map(|object| Arc::clone(object.class())),
        })
    }

    /// The names of all methods of `class`.
    #[must_use]
    pub fn names(class: &CimClass) -> Vec<String> {
        let own = class.methods().iter();
        let inherited = class.parent().map(|parent| parent.methods()).unwrap_or_default().iter();
        let inherited = inherited.filter(|method| class.method(&method.name().to_str()).is_none());
        own.chain(inherited).map(|method| method.name().to_str().into_owned()).collect()
    }

    /// Its name as the class spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is called on the class, not on an instance.
    #[must_use]
    pub const fn is_static(&self) -> bool {
        self.is_static
    }

    /// The `in` parameters in the order of their declaration.
    #[must_use]
    pub fn inputs(&self) -> &[Parameter] {
        &self.inputs
    }

    /// The `out` parameters in the order of their declaration, and `ReturnValue` behind them.
    #[must_use]
    pub fn outputs(&self) -> &[Parameter] {
        &self.outputs
    }

    /// The `in` parameter called `name` (ASCII case is ignored).
    #[must_use]
    pub fn input(&self, name: &str) -> Option<&Parameter> {
        self.inputs.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// The instance of `__PARAMETERS` that ExecMethod takes; `None` for a method without `in` parameters. What is not
    /// given has the default of the signature, which is NULL as a rule.
    ///
    /// # Errors
    /// A parameter of another name or type, or out of its range.
    pub fn fill(&self, values: &[(String, CimValue)]) -> Result<Option<CimObject>, SignatureError> {
        let refuse = |parameter: &str, problem| {
            SignatureError::Parameter(Box::new(ParameterError {
                method: self.name.clone(),
                parameter: parameter.to_owned(),
                problem,
                known: self.inputs.iter().map(|p| p.name.clone()).collect(),
            }))
        };
        let mut given: Vec<&str> = Vec::new();
        let mut filled = Vec::new();
        for (name, value) in values {
            let parameter = self.input(name).ok_or_else(|| refuse(name, ParameterProblem::Unknown))?;
            if given.contains(&parameter.name.as_str()) {
                return Err(refuse(name, ParameterProblem::Twice));
            }
            given.push(&parameter.name);
            let value = parameter.fit(value.clone()).map_err(|problem| refuse(name, problem))?;
            filled.push((parameter.name.as_str(), value));
        }
        let Some(class) = &self.input_class else { return Ok(None) };
        let set = |builder: InstanceBuilder, (name, value): (&str, CimValue)| builder.set(name, value);
        let built = filled.into_iter().fold(InstanceBuilder::new(class), set).build();
        built.map(Some).map_err(|error| match error {
            BuildError::Wire(error) => SignatureError::Malformed(error),
            error => refuse("", ParameterProblem::OutOfRange { expected: error.to_string(), given: String::new() }),
        })
    }
}

fn says(method: &CimMethod, qualifier: &str) -> bool {
    method.qualifier(qualifier).and_then(|q| q.value().ok()?.as_bool()).unwrap_or(false)
}

/// Whether `object` is of `class` or of one derived from it.
fn is_a(object: &CimObject, class: &str) -> bool {
    let of = object.class();
    core::iter::once(of.name()).chain(of.derivation()).any(|name| name.eq_ignore_ascii_case(class))
}

fn mof_name(cim_type: CimType) -> &'static str {
    cim_type.mof_name().unwrap_or("of an unknown type")
}

fn type_of(value: &CimValue) -> String {
    match value {
        CimValue::Null => "NULL".to_owned(),
        CimValue::Array(items) => {
            let element = items.iter().find_map(CimValue::cim_type).map_or("NULL", mof_name);
            if items.is_empty() { "an empty array".to_owned() } else { format!("{element}[]") }
        }
        CimValue::Object(object) => format!("object:{}", object.class().name()),
        value => value.cim_type().map_or("NULL", mof_name).to_owned(),
    }
}

const fn is_numeric(cim_type: CimType) -> bool {
    matches!(
        cim_type,
        CimType::SINT8
            | CimType::UINT8
            | CimType::SINT16
            | CimType::UINT16
            | CimType::SINT32
            | CimType::UINT32
            | CimType::SINT64
            | CimType::UINT64
            | CimType::REAL32
            | CimType::REAL64
    )
}

fn is_number(value: &CimValue) -> bool {
    value.cim_type().is_some_and(is_numeric)
}

/// A number as another type of number, unless the type does not have it.
#[allow(clippy::cast_possible_truncation, reason = "the nearest real32 is meant; one that is infinite is refused")]
fn number(value: &CimValue, cim_type: CimType) -> Option<CimValue> {
    let (signed, unsigned) = (value.as_i64(), value.as_u64());
    Some(match cim_type {
        CimType::SINT8 => CimValue::Sint8(signed?.try_into().ok()?),
        CimType::UINT8 => CimValue::Uint8(unsigned?.try_into().ok()?),
        CimType::SINT16 => CimValue::Sint16(signed?.try_into().ok()?),
        CimType::UINT16 => CimValue::Uint16(unsigned?.try_into().ok()?),
        CimType::SINT32 => CimValue::Sint32(signed?.try_into().ok()?),
        CimType::UINT32 => CimValue::Uint32(unsigned?.try_into().ok()?),
        CimType::SINT64 => CimValue::Sint64(signed?),
        CimType::UINT64 => CimValue::Uint64(unsigned?),
        CimType::REAL64 => CimValue::Real64(value.as_f64()?),
        CimType::REAL32 => {
            let wide = value.as_f64()?;
            let narrow = wide as f32;
            CimValue::Real32(Some(narrow).filter(|narrow| narrow.is_finite() || !wide.is_finite())?)
        }
        _ => return None,
    })
}

/// A value for people, cut where it is long.
fn show(value: &CimValue) -> String {
    let text = match value {
        CimValue::Real32(v) => v.to_string(),
        CimValue::Real64(v) => v.to_string(),
        CimValue::Uint64(v) => v.to_string(),
        value => match (value.as_i64(), value.as_str()) {
            (Some(number), _) => number.to_string(),
            (None, Some(text)) => format!("{text:?}"),
            (None, None) => type_of(value),
        },
    };
    if text.chars().count() <= MAX_SHOWN { text } else { text.chars().take(MAX_SHOWN).chain(['…']).collect() }
}

/// Characters of a value that are shown.
const MAX_SHOWN: usize = 64;
