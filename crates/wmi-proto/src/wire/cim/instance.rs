//! Instances made from nothing or from another instance, and projections of a column list.

use std::sync::Arc;

use super::encode::{ClassModel, InstanceCell, InstanceModel};
use super::qualifier::QualifierModel;
use super::{BuildError, CimClass, CimObject, CimString, CimValue, Decoration, Flavor, Source};
use crate::wire::WireError;

/// An instance in the making. A property that is not set has the class's default; [`CimValue::Null`] makes it NULL.
#[derive(Clone, Debug)]
pub struct InstanceBuilder {
    class: Arc<CimClass>,
    decoration: Option<Decoration>,
    values: Vec<(CimString, CimValue)>,
    qualifiers: Vec<QualifierModel>,
    property_qualifiers: Vec<(CimString, QualifierModel)>,
}

impl InstanceBuilder {
    /// An instance of `class` that sets nothing.
    #[must_use]
    pub fn new(class: &Arc<CimClass>) -> Self {
        Self {
            class: Arc::clone(class),
            decoration: None,
            values: Vec::new(),
            qualifiers: Vec::new(),
            property_qualifiers: Vec::new(),
        }
    }

    /// An instance like `object`, to be changed. Of a class it is the instance that sets nothing.
    ///
    /// # Errors
    /// A cell or a qualifier of `object` that does not decode.
    pub fn like(object: &CimObject) -> Result<Self, WireError> {
        let mut builder = Self { decoration: object.decoration.clone(), ..Self::new(&object.class) };
        if object.instance.is_none() {
            return Ok(builder);
        }
        builder.qualifiers = QualifierModel::all(&object.qualifiers()?)?;
        for (index, property) in object.class.properties.iter().enumerate() {
            if object.source(index) == Source::Own {
                builder.values.push((property.name.clone(), object.value(index)?));
            }
            for qualifier in QualifierModel::all(&object.property_qualifiers(index)?)? {
                builder.property_qualifiers.push((property.name.clone(), qualifier));
            }
        }
        Ok(builder)
    }

    /// Sets the property called `name` (ASCII case is ignored); the last value counts.
    #[must_use]
    pub fn set(mut self, name: impl Into<CimString>, value: impl Into<CimValue>) -> Self {
        self.values.push((name.into(), value.into()));
        self
    }

    /// Adds a qualifier of the instance as a whole.
    #[must_use]
    pub fn qualifier(mut self, name: impl Into<CimString>, flavor: Flavor, value: impl Into<CimValue>) -> Self {
        self.qualifiers.push(QualifierModel::new(name, flavor, value.into()));
        self
    }

    /// Adds a qualifier of one property of the instance.
    #[must_use]
    pub fn property_qualifier(
        mut self,
        property: impl Into<CimString>,
        name: impl Into<CimString>,
        flavor: Flavor,
        value: impl Into<CimValue>,
    ) -> Self {
        self.property_qualifiers.push((property.into(), QualifierModel::new(name, flavor, value.into())));
        self
    }

    /// The instance.
    ///
    /// # Errors
    /// `NoSuchProperty` or `WrongType`.
    pub fn build(self) -> Result<CimObject, BuildError> {
        let class = &self.class;
        let index_of = |name: &CimString| {
            let found = class.property(&name.to_str()).map(|(index, _)| index);
            found.ok_or_else(|| BuildError::NoSuchProperty { class: class.name.clone(), property: name.clone() })
        };
        let mut cells = vec![InstanceCell::ClassDefault; class.properties.len()];
        for (name, value) in self.values {
            let index = index_of(&name)?;
            if let (Some(cell), Some(property)) = (cells.get_mut(index), class.properties.get(index)) {
                if !value.fits(property.cim_type, property.is_array) {
                    return Err(BuildError::WrongType {
                        name,
                        expected: property.cim_type,
                        is_array: property.is_array,
                    });
                }
                *cell = InstanceCell::Own(value);
            }
        }
        self.qualifiers.iter().try_for_each(QualifierModel::check)?;
        let mut property_qualifiers = Vec::new();
        for (name, qualifier) in self.property_qualifiers {
            qualifier.check()?;
            property_qualifiers.resize(class.properties.len(), Vec::new());
            if let Some(set) = property_qualifiers.get_mut(index_of(&name)?) {
                set.push(qualifier);
            }
        }
        let model = InstanceModel { class, cells, qualifiers: self.qualifiers, property_qualifiers };
        let instance = Some(model.instance()?);
        Ok(CimObject { decoration: self.decoration, instance, ..CimObject::of_class(Arc::clone(class)) })
    }
}

impl CimObject {
    /// An instance of `class`. A property that is not named has the class's default; [`CimValue::Null`] makes it NULL.
    ///
    /// # Errors
    /// `NoSuchProperty` or `WrongType`.
    pub fn instance<'n>(
        class: &Arc<CimClass>,
        values: impl IntoIterator<Item = (&'n str, CimValue)>,
    ) -> Result<Self, BuildError> {
        let set = |builder: InstanceBuilder, (name, value): (&str, CimValue)| builder.set(name, value);
        values.into_iter().fold(InstanceBuilder::new(class), set).build()
    }

    /// The instance as a row of a projection of its class (see [`CimClass::project`]), with the same decoration and
    /// without qualifiers of its own.
    ///
    /// # Errors
    /// A chosen cell that does not decode, or `NoSuchProperty` when `class` is not a projection of its class.
    pub fn project(&self, class: &Arc<CimClass>) -> Result<Self, BuildError> {
        let mut builder = InstanceBuilder { decoration: self.decoration.clone(), ..InstanceBuilder::new(class) };
        for property in &class.properties {
            let Some((index, _)) = self.class.property(&property.name.to_str()) else {
                let (class, property) = (self.class.name.clone(), property.name.clone());
                return Err(BuildError::NoSuchProperty { class, property });
            };
            if self.source(index) == Source::Own {
                builder.values.push((property.name.clone(), self.value(index)?));
            }
        }
        builder.build()
    }
}

impl CimClass {
    /// The class of the rows of `SELECT names FROM` this class: only the chosen properties, in the order of the class.
    ///
    /// # Errors
    /// `NoSuchProperty` for a name that the class does not have (ASCII case is ignored).
    pub fn project<S: AsRef<str>>(&self, names: &[S]) -> Result<Arc<Self>, BuildError> {
        for name in names.iter().map(AsRef::as_ref) {
            if self.property(name).is_none() {
                return Err(BuildError::NoSuchProperty { class: self.name.clone(), property: name.into() });
            }
        }
        let mut model = ClassModel::of(self)?;
        model.properties.retain(|p| names.iter().any(|name| p.name.eq_ignore_ascii_case(name.as_ref())));
        model.methods.clear();
        Ok(Arc::new(Self::from_model(&model, None)?))
    }
}
