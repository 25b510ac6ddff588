//! Classes made from nothing.

use std::sync::Arc;

use thiserror::Error;

use super::class::MAX_PROPERTIES;
use super::encode::{ClassModel, PropertyModel};
use super::method::MethodModel;
use super::qualifier::QualifierModel;
use super::{CimClass, CimMethod, CimObject, CimString, CimType, CimValue, Flavor};
use crate::wire::{WireError, WireErrorKind};

/// A class or an instance that cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The class has no such property.
    #[error("class {class} has no property {property}")]
    NoSuchProperty {
        /// The class.
        class: CimString,
        /// The property.
        property: CimString,
    },
    /// Two things of one name.
    #[error("{0} is declared twice")]
    Twice(CimString),
    /// A value of another type than its property or qualifier.
    #[error("{name} is {expected}{}, which the value is not", if *is_array { "[]" } else { "" })]
    WrongType {
        /// The property or qualifier.
        name: CimString,
        /// Its type, or that of its elements.
        expected: CimType,
        /// Whether it is an array.
        is_array: bool,
    },
    /// A part that was taken over from another class or instance does not decode, or the result is too large.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// A class in the making.
#[derive(Clone, Debug)]
pub struct ClassBuilder {
    name: CimString,
    superclass: Option<Arc<CimClass>>,
    qualifiers: Vec<QualifierModel>,
    properties: Vec<PropertyBuilder>,
    methods: Vec<MethodBuilder>,
}

/// A property or parameter in the making.
#[derive(Clone, Debug)]
pub struct PropertyBuilder {
    name: CimString,
    cim_type: CimType,
    is_array: bool,
    /// The class of a reference or an embedded object.
    class: Option<CimString>,
    default: Option<CimValue>,
    qualifiers: Vec<QualifierModel>,
}

/// A method in the making.
#[derive(Clone, Debug)]
pub struct MethodBuilder {
    name: CimString,
    qualifiers: Vec<QualifierModel>,
    input: Vec<PropertyBuilder>,
    output: Vec<PropertyBuilder>,
    parameters: i32,
}

impl QualifierModel {
    pub(super) fn new(name: impl Into<CimString>, flavor: Flavor, value: CimValue) -> Self {
        let (cim_type, is_array) = match &value {
            CimValue::Array(items) => (items.iter().find_map(CimValue::cim_type), true),
            value => (value.cim_type(), false),
        };
        Self { name: name.into(), flavor, cim_type: cim_type.unwrap_or(CimType::STRING), is_array, value }
    }

    fn boolean(name: &'static str, flavor: Flavor) -> Self {
        Self::new(CimString::from_static(name), flavor, CimValue::Boolean(true))
    }

    pub(super) fn check(&self) -> Result<(), BuildError> {
        if self.value.fits(self.cim_type, self.is_array) {
            return Ok(());
        }
        Err(BuildError::WrongType { name: self.name.clone(), expected: self.cim_type, is_array: self.is_array })
    }

    /// As a derived class has it, if it has it.
    fn derived(&self) -> Option<Self> {
        let derived = Self { flavor: self.flavor.with(Flavor::PROPAGATED), ..self.clone() };
        self.flavor.contains(Flavor::TO_DERIVED).then_some(derived)
    }
}

impl PropertyBuilder {
    /// A property of one value.
    #[must_use]
    pub fn new(name: impl Into<CimString>, cim_type: CimType) -> Self {
        Self { name: name.into(), cim_type, is_array: false, class: None, default: None, qualifiers: Vec::new() }
    }

    /// A property whose value is an array.
    #[must_use]
    pub fn array(name: impl Into<CimString>, element: CimType) -> Self {
        Self { is_array: true, ..Self::new(name, element) }
    }

    /// Makes it part of the key.
    #[must_use]
    pub fn key(self) -> Self {
        let flavor = Flavor::TO_INSTANCE.with(Flavor::TO_DERIVED).with(Flavor::NOT_OVERRIDABLE);
        self.with(QualifierModel::boolean("key", flavor))
    }

    /// The class that a reference points to or that an embedded object has; `object` when it is not said.
    #[must_use]
    pub fn class(self, name: impl Into<CimString>) -> Self {
        Self { class: Some(name.into()), ..self }
    }

    /// The value of an instance that sets none; NULL when it is not said.
    #[must_use]
    pub fn default(self, value: impl Into<CimValue>) -> Self {
        Self { default: Some(value.into()), ..self }
    }

    /// Adds a qualifier.
    #[must_use]
    pub fn qualifier(self, name: impl Into<CimString>, flavor: Flavor, value: impl Into<CimValue>) -> Self {
        self.with(QualifierModel::new(name, flavor, value.into()))
    }

    fn with(mut self, qualifier: QualifierModel) -> Self {
        self.qualifiers.push(qualifier);
        self
    }

    /// [MS-WMIO 2.3.1, 2.3.2] the CIMTYPE qualifier, which says more than the type.
    fn cimtype(&self) -> QualifierModel {
        let name = self.cim_type.mof_name().unwrap_or("object");
        let text = match (&self.class, self.cim_type) {
            (Some(class), CimType::REFERENCE | CimType::OBJECT) => format!("{name}:{class}"),
            (None, CimType::REFERENCE) => "ref:object".to_owned(),
            _ => name.to_owned(),
        };
        QualifierModel::new("CIMTYPE", Flavor::TO_INSTANCE.with(Flavor::TO_DERIVED), text.into())
    }

    fn build(self, origin: u32) -> Result<PropertyModel, BuildError> {
        let qualifiers: Vec<_> = core::iter::once(self.cimtype()).chain(self.qualifiers).collect();
        qualifiers.iter().try_for_each(QualifierModel::check)?;
        let property = PropertyModel {
            name: self.name,
            cim_type: self.cim_type,
            is_array: self.is_array,
            inherited: false,
            class_of_origin: origin,
            default: self.default.unwrap_or(CimValue::Null),
            default_inherited: false,
            qualifiers,
        };
        property.check(&property.default)?;
        Ok(property)
    }
}

impl PropertyModel {
    fn check(&self, value: &CimValue) -> Result<(), BuildError> {
        if self.cim_type.size().is_some() && value.fits(self.cim_type, self.is_array) {
            return Ok(());
        }
        Err(BuildError::WrongType { name: self.name.clone(), expected: self.cim_type, is_array: self.is_array })
    }

    /// As a derived class has it.
    fn derived(self) -> Self {
        let qualifiers = self.qualifiers.iter().filter_map(QualifierModel::derived).collect();
        Self { inherited: true, default_inherited: true, qualifiers, ..self }
    }

    /// As a derived class has it that declares it again, with another default or more qualifiers.
    fn overridden(&mut self, by: Self) -> Result<(), BuildError> {
        self.check(&by.default)?;
        if (by.cim_type, by.is_array) != (self.cim_type, self.is_array) {
            return Err(BuildError::Twice(by.name));
        }
        self.default = by.default;
        self.default_inherited = false;
        let inherited = core::mem::take(&mut self.qualifiers);
        let kept = |q: &QualifierModel| !by.qualifiers.iter().any(|new| same_name(&new.name, &q.name));
        self.qualifiers = inherited.into_iter().filter(kept).collect();
        self.qualifiers.splice(0..0, by.qualifiers);
        Ok(())
    }
}

fn same_name(a: &CimString, b: &CimString) -> bool {
    a.cmp_ignore_ascii_case(b).is_eq()
}

impl MethodBuilder {
    /// A method without parameters.
    #[must_use]
    pub fn new(name: impl Into<CimString>) -> Self {
        Self { name: name.into(), qualifiers: Vec::new(), input: Vec::new(), output: Vec::new(), parameters: 0 }
    }

    /// Adds a qualifier.
    #[must_use]
    pub fn qualifier(mut self, name: impl Into<CimString>, flavor: Flavor, value: impl Into<CimValue>) -> Self {
        self.qualifiers.push(QualifierModel::new(name, flavor, value.into()));
        self
    }

    /// Adds an `in` parameter.
    #[must_use]
    pub fn input(mut self, parameter: PropertyBuilder) -> Self {
        let id = self.next_id();
        self.input.push(parameter.with(QualifierModel::boolean("in", Flavor::default())).with(id));
        self
    }

    /// Adds an `out` parameter.
    #[must_use]
    pub fn output(mut self, parameter: PropertyBuilder) -> Self {
        let id = self.next_id();
        self.output.push(parameter.with(QualifierModel::boolean("out", Flavor::default())).with(id));
        self
    }

    /// Adds a parameter that goes in and comes out, under one ID.
    #[must_use]
    pub fn in_out(mut self, parameter: PropertyBuilder) -> Self {
        let both = parameter
            .with(QualifierModel::boolean("in", Flavor::default()))
            .with(QualifierModel::boolean("out", Flavor::default()))
            .with(self.next_id());
        self.input.push(both.clone());
        self.output.push(both);
        self
    }

    /// Adds the return value, which is called `ReturnValue`.
    #[must_use]
    pub fn returns(mut self, cim_type: CimType) -> Self {
        let value = PropertyBuilder::new("ReturnValue", cim_type);
        self.output.push(value.with(QualifierModel::boolean("out", Flavor::default())));
        self
    }

    /// [MS-WMIO 2.3.3] the ID qualifier: the position of a parameter in the declaration of the method.
    fn next_id(&mut self) -> QualifierModel {
        let flavor = Flavor::TO_INSTANCE.with(Flavor::NOT_OVERRIDABLE);
        let id = QualifierModel::new("ID", flavor, CimValue::Sint32(self.parameters));
        self.parameters = self.parameters.saturating_add(1);
        id
    }

    fn build(self, origin: u32) -> Result<MethodModel, BuildError> {
        self.qualifiers.iter().try_for_each(QualifierModel::check)?;
        Ok(MethodModel {
            name: self.name,
            flags: 0,
            origin,
            qualifiers: self.qualifiers,
            input: parameters(self.input)?,
            output: parameters(self.output)?,
        })
    }
}

impl MethodModel {
    /// As a derived class has it.
    fn derived(self) -> Self {
        let qualifiers = self.qualifiers.iter().filter_map(QualifierModel::derived).collect();
        Self { flags: self.flags | CimMethod::INHERITED, qualifiers, ..self }
    }
}

/// [MS-WMIO 2.3.3] the class `__PARAMETERS`.
fn parameters(list: Vec<PropertyBuilder>) -> Result<Option<CimObject>, BuildError> {
    if list.is_empty() {
        return Ok(None);
    }
    let class = ClassBuilder::new("__PARAMETERS").qualifier("abstract", Flavor::default(), true);
    let class = list.into_iter().fold(class, ClassBuilder::property).build()?;
    Ok(Some(CimObject::of_class(class)))
}

impl ClassBuilder {
    /// A class without properties and methods.
    #[must_use]
    pub fn new(name: impl Into<CimString>) -> Self {
        Self {
            name: name.into(),
            superclass: None,
            qualifiers: Vec::new(),
            properties: Vec::new(),
            methods: Vec::new(),
        }
    }

    /// Derives it: it has all properties and methods of `class`, and those qualifiers that go to derived classes.
    #[must_use]
    pub fn superclass(self, class: &Arc<CimClass>) -> Self {
        Self { superclass: Some(Arc::clone(class)), ..self }
    }

    /// Adds a qualifier.
    #[must_use]
    pub fn qualifier(mut self, name: impl Into<CimString>, flavor: Flavor, value: impl Into<CimValue>) -> Self {
        self.qualifiers.push(QualifierModel::new(name, flavor, value.into()));
        self
    }

    /// Adds a property. One that the superclass has is declared again, with another default or more qualifiers.
    #[must_use]
    pub fn property(mut self, property: PropertyBuilder) -> Self {
        self.properties.push(property);
        self
    }

    /// Adds a method. One that the superclass has is replaced.
    #[must_use]
    pub fn method(mut self, method: MethodBuilder) -> Self {
        self.methods.push(method);
        self
    }

    /// The class. [`CimObject::of_class`] makes its definition, [`CimObject::instance`] its instances.
    ///
    /// # Errors
    /// A default or qualifier that does not fit its type, or a name that is there twice.
    pub fn build(self) -> Result<Arc<CimClass>, BuildError> {
        let mut model = match &self.superclass {
            Some(superclass) => derive(superclass)?,
            None => ClassModel::default(),
        };
        let origin = u32::try_from(model.derivation.len()).unwrap_or(u32::MAX);
        self.qualifiers.iter().try_for_each(QualifierModel::check)?;
        model.qualifiers.retain(|q| !self.qualifiers.iter().any(|new| same_name(&new.name, &q.name)));
        model.qualifiers.splice(0..0, self.qualifiers);
        let inherited = model.properties.len();
        for property in self.properties {
            let property = property.build(origin)?;
            match model.properties.iter().position(|p| same_name(&p.name, &property.name)) {
                None => model.properties.push(property),
                Some(at) if at >= inherited => return Err(BuildError::Twice(property.name)),
                Some(at) => model.properties.get_mut(at).map_or(Ok(()), |p| p.overridden(property))?,
            }
        }
        let mut methods = Vec::new();
        for method in self.methods {
            let method = method.build(origin)?;
            if methods.iter().any(|m: &MethodModel| same_name(&m.name, &method.name)) {
                return Err(BuildError::Twice(method.name));
            }
            model.methods.retain(|m| !same_name(&m.name, &method.name));
            methods.push(method);
        }
        model.methods.extend(methods);
        if model.properties.len() > MAX_PROPERTIES || model.methods.len() > usize::from(u16::MAX) {
            return Err(BuildError::Wire(WireError::new(WireErrorKind::TooLong, "DeclarationOrder", 0)));
        }
        model.name = Some(self.name);
        // A definition carries its superclass, but not that one's.
        let parent = self.superclass.map(|superclass| match superclass.parent {
            None => superclass,
            Some(_) => Arc::new(CimClass { parent: None, ..CimClass::clone(&superclass) }),
        });
        Ok(Arc::new(CimClass::from_model(&model, parent)?))
    }
}

/// What a class without declarations of its own has from its superclass.
fn derive(superclass: &CimClass) -> Result<ClassModel, WireError> {
    let above = ClassModel::of(superclass)?;
    let methods = above.methods.into_iter().map(MethodModel::derived);
    Ok(ClassModel {
        name: None,
        derivation: above.name.into_iter().chain(above.derivation).collect(),
        qualifiers: above.qualifiers.iter().filter_map(QualifierModel::derived).collect(),
        properties: above.properties.into_iter().map(PropertyModel::derived).collect(),
        methods: methods.collect(),
    })
}
