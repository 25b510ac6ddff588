//! A class with its instances: what MOF declares, as encoded classes and rows of values.

use std::sync::Arc;

use wmi_proto::cim::{
    BuildError, CimClass, CimObject, CimString, CimType, CimValue, ClassBuilder, Flavor, MethodBuilder, PropertyBuilder,
};
use wmi_proto::wire::HResult;

use super::namespace::Namespace;
use crate::classes::Clock;
use crate::classes::counters::Counted;
use crate::classes::mof::{self, ClassDecl, InstanceDecl, Literal, MethodDecl, PropertyDecl, QualifierDecl};
use crate::wql::{Record, System, same_name};

/// Changes a declared row to what it is at a time.
pub(crate) type Update = fn(&Clock, &mut Row<'_>);

/// A class and the instances that are its own, without those of its subclasses.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub(crate) cim: Arc<CimClass>,
    /// The class with the texts of a language, by its LCID.
    pub(super) amended: Vec<(u16, Arc<CimClass>)>,
    declaration: Arc<ClassDecl>,
    pub(crate) name: String,
    /// The names of the properties, in the order of the class.
    pub(crate) properties: Vec<String>,
    /// Names that are properties of such a class elsewhere and not here: to set them does nothing, they are NULL.
    pub(super) missing: Vec<&'static str>,
    /// The defaults of the properties.
    defaults: Vec<CimValue>,
    /// The properties that hold the name of the machine.
    machine_names: Vec<usize>,
    pub(crate) rows: Rows,
    /// What changes in each row before it is shown.
    pub(crate) update: Option<Update>,
    /// The status with which its provider answers everybody, when it answers nobody.
    pub(crate) refusal: Option<HResult>,
}

/// The instances of a class.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    /// Declared ones: a value for each property, `None` where the default of the class stands.
    Declared(Vec<Vec<Option<CimValue>>>),
    /// Made ones.
    Made { count: usize, make: Make },
    /// Declared ones, and made ones behind them.
    Grown { declared: Vec<Vec<Option<CimValue>>>, more: usize, make: Make },
    /// Those of a performance object.
    Counted(Counted),
}

/// Sets the values of the made row at an index.
pub(crate) type Make = fn(usize, &mut Row<'_>);

impl Rows {
    /// The declared ones, where rows are declared.
    pub(crate) const fn declared_mut(&mut self) -> Option<&mut Vec<Vec<Option<CimValue>>>> {
        match self {
            Self::Declared(rows) | Self::Grown { declared: rows, .. } => Some(rows),
            Self::Made { .. } | Self::Counted(_) => None,
        }
    }
}

/// An instance as values.
pub(crate) struct Row<'a> {
    pub(crate) class: &'a Class,
    /// A value for each property, `None` where the default of the class stands.
    pub(crate) cells: Vec<Option<CimValue>>,
}

impl Class {
    /// The class that `declaration` declares in `namespace`.
    pub(crate) fn new(declaration: &ClassDecl, namespace: &Namespace) -> Result<Self, String> {
        let cim = build(declaration, None, namespace, |class| Arc::clone(&class.cim))?;
        let defaults = cim.properties().iter().map(|property| property.default_value());
        let properties: Vec<_> = cim.properties().iter().map(|p| p.name().to_str().into_owned()).collect();
        let is_machine_name = |name: &&String| matches!(name.as_str(), "SystemName" | "CSName");
        Ok(Self {
            defaults: defaults.collect::<Result<_, _>>().map_err(|error| error.to_string())?,
            machine_names: (0..properties.len()).filter(|&at| is_machine_name(&&properties[at])).collect(),
            name: declaration.name.clone(),
            declaration: Arc::new(declaration.clone()),
            amended: Vec::new(),
            rows: Rows::Declared(Vec::new()),
            update: None,
            refusal: None,
            properties,
            missing: Vec::new(),
            cim,
        })
    }

    /// The class with the texts of `language`, of which `texts` has all; `None` when there are none for the class.
    pub(super) fn amended(
        &self,
        language: u16,
        texts: &[ClassDecl],
        namespace: &Namespace,
    ) -> Result<Option<Arc<CimClass>>, String> {
        let own = texts.iter().find(|text| same_name(&text.name, &self.name));
        let above = self.declaration.superclass.as_deref().and_then(|name| namespace.class(name));
        if own.is_none() && above.is_none_or(|class| class.in_language(language).is_none()) {
            return Ok(None);
        }
        let superclass = |class: &Self| Arc::clone(class.in_language(language).unwrap_or(&class.cim));
        build(&self.declaration, own, namespace, superclass).map(Some)
    }

    fn in_language(&self, language: u16) -> Option<&Arc<CimClass>> {
        self.amended.iter().find(|(own, _)| *own == language).map(|(_, class)| class)
    }

    /// The class with the texts of the first of `languages` in which it has any; without texts when it has none.
    pub(super) fn shape(&self, languages: &[u16]) -> &Arc<CimClass> {
        languages.iter().find_map(|language| self.in_language(*language)).unwrap_or(&self.cim)
    }

    /// How many instances are its own.
    pub(crate) fn count(&self) -> usize {
        match &self.rows {
            Rows::Declared(rows) => rows.len(),
            Rows::Made { count, .. } => *count,
            Rows::Grown { declared, more, .. } => declared.len() + more,
            Rows::Counted(counted) => counted.count(),
        }
    }

    /// The instance at `index` without what depends on the time.
    pub(crate) fn timeless_row(&self, index: usize) -> Row<'_> {
        let cells = match &self.rows {
            Rows::Declared(rows) | Rows::Grown { declared: rows, .. } => rows.get(index).cloned(),
            Rows::Made { .. } | Rows::Counted(_) => None,
        };
        let mut row = Row { class: self, cells: cells.unwrap_or_else(|| vec![None; self.properties.len()]) };
        match &self.rows {
            Rows::Made { make, .. } => make(index, &mut row),
            Rows::Grown { declared, make, .. } if index >= declared.len() => make(index - declared.len(), &mut row),
            _ => {}
        }
        row
    }

    /// The instance at `index`, which is less than [`Self::count`].
    pub(crate) fn row(&self, index: usize, clock: &Clock) -> Row<'_> {
        let mut row = self.timeless_row(index);
        if let Rows::Counted(counted) = &self.rows {
            counted.fill(index, clock, &mut row);
        }
        for &at in &self.machine_names {
            row.cells[at] = Some(CimValue::String(clock.machine.as_str().into()));
        }
        if let Some(update) = self.update {
            update(clock, &mut row);
        }
        row
    }

    /// The places of the keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = usize> {
        let keys = self.cim.properties().iter().enumerate().filter(|(_, property)| property.is_key());
        keys.map(|(at, _)| at)
    }

    /// Lays a row over those of which it repeats the keys it has, over all when it has none of them; a new row when
    /// there is none such.
    pub(super) fn lay(&mut self, over: Vec<Option<CimValue>>) -> Result<(), String> {
        let keys: Vec<usize> = self.keys().filter(|&at| over[at].is_some()).collect();
        let Some(rows) = self.rows.declared_mut() else { return Err(format!("the rows of {} are made", self.name)) };
        let mut found = false;
        for row in rows.iter_mut().filter(|row| keys.iter().all(|&at| row[at] == over[at])) {
            found = true;
            for (cell, value) in row.iter_mut().zip(&over).filter(|(_, value)| value.is_some()) {
                cell.clone_from(value);
            }
        }
        if !found {
            rows.push(over);
        }
        Ok(())
    }

    /// Drops the declared rows of which `keeps` is false.
    pub(super) fn retain(&mut self, keeps: impl Fn(&Row<'_>) -> bool) {
        let Rows::Declared(rows) = &mut self.rows else { return };
        let mut rows = std::mem::take(rows);
        rows.retain(|cells| keeps(&Row { class: self, cells: cells.clone() }));
        self.rows = Rows::Declared(rows);
    }

    /// Adds made rows until there are `count`: as if declared where they are few, so that they can change as those do.
    pub(super) fn extend(&mut self, count: usize, make: Make) {
        const FEW: usize = 1_000;
        let mut declared = self.rows.declared_mut().map(std::mem::take).unwrap_or_default();
        let more = count.saturating_sub(declared.len());
        if count > FEW {
            self.rows = Rows::Grown { more, declared, make };
            return;
        }
        for index in 0..more {
            let mut row = Row { class: self, cells: vec![None; self.properties.len()] };
            make(index, &mut row);
            declared.push(row.cells);
        }
        self.rows = Rows::Declared(declared);
    }

    /// Whether the class is `class` or comes from it.
    pub(crate) fn is_a(&self, class: &str) -> bool {
        same_name(&self.name, class) || self.cim.derivation().iter().any(|name| same_name(&name.to_str(), class))
    }

    /// Where a property is; `None` where the machine does without it.
    ///
    /// # Panics
    /// When no such class has it, which the tests rule out.
    fn place(&self, name: &str) -> Option<usize> {
        let at = self.properties.iter().position(|property| property == name);
        assert!(at.is_some() || self.missing.contains(&name), "{} has no property {name}", self.name);
        at
    }

    /// A row that `declaration` declares.
    pub(crate) fn declared(
        &self,
        declaration: &InstanceDecl,
        namespace: &Namespace,
    ) -> Result<Vec<Option<CimValue>>, String> {
        let mut cells = vec![None; self.properties.len()];
        for (name, literal) in &declaration.values {
            let property = self.cim.properties().iter().enumerate().find(|(at, _)| self.properties[*at] == *name);
            let (at, property) = property.ok_or_else(|| format!("{} has no property {name}", self.name))?;
            let value = typed(literal, property.cim_type(), property.is_array(), namespace)
                .map_err(|error| format!("{}.{name}: {error}", self.name))?;
            if cells[at].replace(value).is_some() {
                return Err(format!("{}.{name} is set twice", self.name));
            }
        }
        Ok(cells)
    }
}

impl Row<'_> {
    /// Sets a property that the class has.
    pub(crate) fn set(&mut self, name: &str, value: CimValue) {
        if let Some(at) = self.class.place(name) {
            self.cells[at] = Some(value);
        }
    }

    /// The value of a property that the class has.
    pub(crate) fn get(&self, name: &str) -> &CimValue {
        self.class.place(name).map_or(&CimValue::Null, |at| self.property(at))
    }

    /// The value of the property at `index`, the default of the class when the row has none of its own.
    pub(crate) fn property(&self, index: usize) -> &CimValue {
        match self.cells.get(index) {
            Some(Some(value)) => value,
            _ => self.class.defaults.get(index).unwrap_or(&CimValue::Null),
        }
    }

    /// The encoded instance of `class`, which is the row's own class or a projection of it.
    fn object(self, class: &Arc<CimClass>) -> Result<CimObject, BuildError> {
        let names = self.class.properties.iter().map(String::as_str);
        let set = names.zip(self.cells).filter_map(|(name, cell)| Some((name, cell?)));
        if Arc::ptr_eq(class, &self.class.cim) {
            return CimObject::instance(class, set);
        }
        CimObject::instance(class, set.filter(|(name, _)| class.property(name).is_some()))
    }

    /// The encoded instance of `class`, which is the row's own class or a projection of it.
    ///
    /// # Panics
    /// When the machine made a value of another type than its property has, which the tests rule out.
    pub(crate) fn encoded(self, class: &Arc<CimClass>) -> CimObject {
        self.object(class).unwrap_or_else(|error| panic!("an instance of the machine: {error}"))
    }

    /// Whether the class has a property.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.class.properties.iter().any(|property| property == name)
    }

    /// The path of the instance within its namespace: `Class.Key="value"`, `Class=@` without keys.
    pub(crate) fn relative_path(&self) -> String {
        let keys = self.class.cim.properties().iter().enumerate().filter(|(_, property)| property.is_key());
        let keys: Vec<String> = keys
            .map(|(at, _)| {
                let value = match self.property(at) {
                    CimValue::String(text) | CimValue::DateTime(text) | CimValue::Reference(text) => {
                        let text = text.to_str().replace('\\', "\\\\").replace('"', "\\\"");
                        format!("\"{text}\"")
                    }
                    CimValue::Boolean(value) => value.to_string().to_uppercase(),
                    CimValue::Char16(unit) => unit.to_string(),
                    CimValue::Uint64(value) => value.to_string(),
                    value => value.as_i64().map_or_else(String::new, |value| value.to_string()),
                };
                format!("{}={value}", self.class.properties[at])
            })
            .collect();
        if keys.is_empty() {
            format!("{}=@", self.class.name)
        } else {
            format!("{}.{}", self.class.name, keys.join(","))
        }
    }
}

/// A record together with where it is.
pub(crate) struct Located<'a> {
    pub(crate) row: Option<&'a Row<'a>>,
    pub(crate) class: &'a Class,
    pub(crate) machine: &'a str,
    pub(crate) namespace: &'a str,
}

impl Record for Located<'_> {
    fn property(&self, index: usize) -> &CimValue {
        match self.row {
            Some(row) => row.property(index),
            None => self.class.defaults.get(index).unwrap_or(&CimValue::Null),
        }
    }

    fn system(&self, system: System) -> CimValue {
        let text = |text: &str| CimValue::String(text.into());
        let relative = || self.row.map_or_else(|| self.class.name.clone(), Row::relative_path);
        let derivation = self.class.cim.derivation();
        match system {
            System::Class => text(&self.class.name),
            System::Superclass => derivation.first().map_or(CimValue::Null, |name| CimValue::String(name.clone())),
            System::Dynasty => {
                derivation.last().map_or_else(|| text(&self.class.name), |n| CimValue::String(n.clone()))
            }
            System::RelPath => text(&relative()),
            System::Path => text(&format!("\\\\{}\\{}:{}", self.machine, self.namespace, relative())),
            System::Namespace => text(self.namespace),
            System::Server => text(self.machine),
            System::Genus => CimValue::Sint32(if self.row.is_some() { 2 } else { 1 }),
            System::PropertyCount => CimValue::Sint32(i32::try_from(self.class.properties.len()).unwrap_or(i32::MAX)),
            System::Derivation => CimValue::Array(derivation.iter().cloned().map(CimValue::String).collect()),
            System::This => CimValue::Null,
        }
    }

    fn is_a(&self, class: &str) -> bool {
        self.class.is_a(class)
    }
}

/// The class that is declared, with texts of a language or without.
fn build(
    declaration: &ClassDecl,
    texts: Option<&ClassDecl>,
    namespace: &Namespace,
    superclass: impl Fn(&Class) -> Arc<CimClass>,
) -> Result<Arc<CimClass>, String> {
    let mut builder = ClassBuilder::new(declaration.name.as_str());
    if let Some(name) = &declaration.superclass {
        let above = namespace.class(name).ok_or_else(|| format!("no superclass {name}"))?;
        builder = builder.superclass(&superclass(above));
    }
    for qualifier in &declaration.qualifiers {
        builder = builder.qualifier(qualifier.name.as_str(), class_flavor(qualifier), untyped(&qualifier.value)?);
    }
    for text in texts.iter().flat_map(|texts| &texts.qualifiers) {
        builder = builder.qualifier(text.name.as_str(), TEXT, untyped(&text.value)?);
    }
    for declared in &declaration.properties {
        let texts = texts.and_then(|texts| texts.properties.iter().find(|text| text.name == declared.name));
        let mut built = property(declared, namespace)?;
        for text in texts.iter().flat_map(|text| &text.qualifiers) {
            built = built.qualifier(text.name.as_str(), TEXT, untyped(&text.value)?);
        }
        builder = builder.property(built);
    }
    for declared in &declaration.methods {
        let texts = texts.and_then(|texts| texts.methods.iter().find(|text| text.name == declared.name));
        let mut built = method(declared, namespace)?;
        for text in texts.iter().flat_map(|text| &text.qualifiers) {
            built = built.qualifier(text.name.as_str(), TEXT, untyped(&text.value)?);
        }
        builder = builder.method(built);
    }
    if let Some(texts) = texts {
        let properties = texts.properties.iter().map(|text| &text.name);
        let methods = texts.methods.iter().map(|text| &text.name);
        let declared = |name: &&String| {
            declaration.properties.iter().any(|own| own.name == **name)
                || declaration.methods.iter().any(|own| own.name == **name)
        };
        if let Some(stranger) = properties.chain(methods).find(|name| !declared(name)) {
            return Err(format!("{} declares no {stranger}", declaration.name));
        }
    }
    builder.build().map_err(|error| format!("{}: {error}", declaration.name))
}

/// Where a text of a language goes.
const TEXT: Flavor = Flavor::AMENDED.with(Flavor::TO_DERIVED);

/// Where the qualifiers of a class go, as the classes of Windows have it.
fn class_flavor(qualifier: &QualifierDecl) -> Flavor {
    match qualifier.name.as_str() {
        "abstract" => Flavor::default(),
        "locale" | "description" => Flavor::TO_INSTANCE,
        "association" => Flavor::TO_INSTANCE.with(Flavor::TO_DERIVED).with(Flavor::NOT_OVERRIDABLE),
        _ => Flavor::TO_INSTANCE,
    }
}

fn property(declared: &PropertyDecl, namespace: &Namespace) -> Result<PropertyBuilder, String> {
    let new = if declared.array { PropertyBuilder::array } else { PropertyBuilder::new };
    let mut property = new(CimString::from(declared.name.as_str()), declared.cim_type);
    if let Some((_, class)) = declared.spelling.split_once(':') {
        property = property.class(class);
    }
    if let Some(default) = &declared.default {
        property = property.default(typed(default, declared.cim_type, declared.array, namespace)?);
    }
    for qualifier in &declared.qualifiers {
        property = if qualifier.name == "key" {
            property.key()
        } else {
            let flavor = Flavor::TO_INSTANCE.with(Flavor::TO_DERIVED);
            property.qualifier(qualifier.name.as_str(), flavor, untyped(&qualifier.value)?)
        };
    }
    Ok(property)
}

fn method(declared: &MethodDecl, namespace: &Namespace) -> Result<MethodBuilder, String> {
    let mut method = MethodBuilder::new(declared.name.as_str());
    for qualifier in &declared.qualifiers {
        // A derived class has to say anew that its provider implements a method.
        let flavor = match qualifier.name.as_str() {
            "implemented" => Flavor::TO_INSTANCE,
            _ => Flavor::TO_INSTANCE.with(Flavor::TO_DERIVED),
        };
        method = method.qualifier(qualifier.name.as_str(), flavor, untyped(&qualifier.value)?);
    }
    for parameter in &declared.parameters {
        // The builder adds the qualifiers `in` and `out` itself.
        let direction = |name: &str| parameter.qualifiers.iter().any(|qualifier| qualifier.name == name);
        let mut others = parameter.clone();
        others.qualifiers.retain(|qualifier| !["in", "out"].contains(&qualifier.name.as_str()));
        let built = property(&others, namespace)?;
        method = match (direction("in"), direction("out")) {
            (true, false) => method.input(built),
            (false, true) => method.output(built),
            (true, true) => method.in_out(built),
            (false, false) => return Err(format!("{}: neither in nor out", parameter.name)),
        };
    }
    Ok(if declared.returns.cim_type == mof::VOID { method } else { method.returns(declared.returns.cim_type) })
}

/// The value of a qualifier, whose type is that of the literal.
fn untyped(literal: &Literal) -> Result<CimValue, String> {
    Ok(match literal {
        Literal::Boolean(value) => CimValue::Boolean(*value),
        Literal::Integer(value) => CimValue::Sint32(i32::try_from(*value).map_err(|_| format!("{value}"))?),
        Literal::Real(value) => CimValue::Real64(*value),
        Literal::Text(value) => CimValue::String(value.as_str().into()),
        Literal::Array(items) => CimValue::Array(items.iter().map(untyped).collect::<Result<_, _>>()?),
        Literal::Null | Literal::Instance(_) => return Err("not the value of a qualifier".to_owned()),
    })
}

/// A literal as a value of a property's type.
fn typed(literal: &Literal, cim_type: CimType, array: bool, namespace: &Namespace) -> Result<CimValue, String> {
    let wrong = || format!("{literal:?} is not {cim_type}");
    if array {
        return match literal {
            Literal::Null => Ok(CimValue::Null),
            Literal::Array(items) => {
                let items = items.iter().map(|item| typed(item, cim_type, false, namespace));
                Ok(CimValue::Array(items.collect::<Result<_, _>>()?))
            }
            _ => Err(wrong()),
        };
    }
    Ok(match (literal, cim_type) {
        (Literal::Null, _) => CimValue::Null,
        (Literal::Boolean(value), CimType::BOOLEAN) => CimValue::Boolean(*value),
        (Literal::Text(value), CimType::STRING) => CimValue::String(value.as_str().into()),
        (Literal::Text(value), CimType::DATETIME) => CimValue::DateTime(value.as_str().into()),
        (Literal::Text(value), CimType::REFERENCE) => CimValue::Reference(value.as_str().into()),
        (Literal::Real(value), CimType::REAL32) => CimValue::Real32(*value as f32),
        (Literal::Real(value), CimType::REAL64) => CimValue::Real64(*value),
        (Literal::Instance(instance), CimType::OBJECT) => CimValue::Object(Box::new(embedded(instance, namespace)?)),
        (Literal::Integer(value), _) => integer(*value, cim_type).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    })
}

fn integer(value: i128, cim_type: CimType) -> Option<CimValue> {
    Some(match cim_type {
        CimType::SINT8 => CimValue::Sint8(value.try_into().ok()?),
        CimType::UINT8 => CimValue::Uint8(value.try_into().ok()?),
        CimType::SINT16 => CimValue::Sint16(value.try_into().ok()?),
        CimType::UINT16 => CimValue::Uint16(value.try_into().ok()?),
        CimType::SINT32 => CimValue::Sint32(value.try_into().ok()?),
        CimType::UINT32 => CimValue::Uint32(value.try_into().ok()?),
        CimType::SINT64 => CimValue::Sint64(value.try_into().ok()?),
        CimType::UINT64 => CimValue::Uint64(value.try_into().ok()?),
        CimType::CHAR16 => CimValue::Char16(value.try_into().ok()?),
        _ => return None,
    })
}

fn embedded(declaration: &InstanceDecl, namespace: &Namespace) -> Result<CimObject, String> {
    let class = namespace.class(&declaration.class).ok_or_else(|| format!("no class {}", declaration.class))?;
    let cells = class.declared(declaration, namespace)?;
    Row { class, cells }.object(&class.cim).map_err(|error| error.to_string())
}
