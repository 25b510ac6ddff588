//! Objects by their paths, and changes of instances.

use std::collections::VecDeque;
use std::sync::Arc;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimClass, CimObject, CimValue};
use wmi_proto::wire::HResult;

use super::class::Class;
use super::path::{self, Keys};
use super::results::Kind;
use super::{QueryError, Repository};
use crate::classes::{counters, creation_date};
use crate::wql::{self, Condition, Constant, Filter, Operator, same_name};

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A class.
    Class(Place),
    /// An instance.
    Instance(Instance),
}

/// A class: the places of its namespace and of itself therein.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) namespace: usize,
    pub(super) class: usize,
}

/// An instance: its class and its place among the instances of that class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(super) class: Place,
    pub(super) row: usize,
}

impl Target {
    /// The class, or the class of the instance.
    pub(crate) const fn class(self) -> Place {
        match self {
            Self::Class(class) | Self::Instance(Instance { class, .. }) => class,
        }
    }
}

impl Repository {
    /// The class or instance at an object path: `Win32_Service`, `Win32_Service.Name="Dhcp"`, `Win32_UTCTime=@`.
    ///
    /// # Errors
    /// As [`Self::login`]; `InvalidPath`, `InvalidClass`, `NotFound`, `Quota`.
    pub fn get_object(&self, namespace: &str, path: &str, now: FileTime) -> Result<CimObject, QueryError> {
        self.object(namespace, path, now, &[])
    }

    /// The same with the texts of the first of `languages` in which its class has any.
    pub(crate) fn object(
        &self,
        namespace: &str,
        path: &str,
        now: FileTime,
        languages: &[u16],
    ) -> Result<CimObject, QueryError> {
        let (kind, place, source) = match self.resolve(namespace, path, now)? {
            Target::Class(place) => {
                (Kind::Classes, place, self.machine.namespaces[place.namespace].definition(place.class, languages))
            }
            Target::Instance(Instance { class: place, row }) => {
                let namespace = &self.machine.namespaces[place.namespace];
                (Kind::Instances, place, namespace.instance(place.class, row, languages))
            }
        };
        let mut results = self.results(place.namespace, now, None, kind, VecDeque::from([source]));
        results.next().ok_or_else(|| QueryError::NotFound(path.to_owned()))
    }

    /// What a path names, seen from `namespace`.
    pub(crate) fn resolve(&self, namespace: &str, path: &str, now: FileTime) -> Result<Target, QueryError> {
        let parsed = path::parse(path)?;
        let namespace = self.machine.open(parsed.namespace.as_deref().unwrap_or(namespace))?;
        let space = &self.machine.namespaces[namespace];
        let Some(at) = space.position(&parsed.class) else {
            return Err(match parsed.keys {
                Keys::Class => QueryError::NotFound(parsed.class),
                _ => QueryError::InvalidClass(parsed.class),
            });
        };
        if parsed.keys == Keys::Class {
            return Ok(Target::Class(Place { namespace, class: at }));
        }
        let class = &*space.classes[at];
        if let Some(status) = class.refusal {
            return Err(QueryError::Provider(class.name.clone(), status));
        }
        let filter = class.key_filter(parsed.keys, path)?;
        let sources = space.family(class).map(|class| space.source(class, None, &[])).collect::<Result<_, _>>()?;
        let found = self.results(namespace, now, filter, Kind::Instances, sources).position();
        let (class, row) = found.ok_or_else(|| QueryError::NotFound(path.to_owned()))?;
        Ok(Target::Instance(Instance { class: Place { namespace, class }, row }))
    }

    /// The name of a class and its definition.
    pub(crate) fn definition(&self, place: Place) -> (&str, &Arc<CimClass>) {
        let class = self.class_at(place);
        (&class.name, &class.cim)
    }

    /// The status with which the provider of a class answers everybody, if it answers nobody.
    pub(crate) fn refusal(&self, place: Place) -> Option<HResult> {
        self.class_at(place).refusal
    }

    /// The namespace of a class.
    pub(crate) fn namespace_of(&self, place: Place) -> &str {
        &self.machine.namespaces[place.namespace].path
    }

    /// Whether a class is `name` or comes from it.
    pub(crate) fn is_a(&self, place: Place, name: &str) -> bool {
        self.class_at(place).is_a(name)
    }

    /// The instances of a class itself, without those of its subclasses.
    pub(crate) fn instances(&self, class: Place) -> impl Iterator<Item = Instance> + use<> {
        (0..self.class_at(class).count()).map(move |row| Instance { class, row })
    }

    /// The value of a property of an instance, NULL when its class has no such property.
    pub(crate) fn value(&self, instance: Instance, name: &str, now: FileTime) -> CimValue {
        let class = self.class_at(instance.class);
        let row = class.row(instance.row, &self.machine.clock(now));
        if row.has(name) { row.get(name).clone() } else { CimValue::Null }
    }

    /// The path of an instance within its namespace.
    pub(crate) fn relative_path(&self, instance: Instance, now: FileTime) -> String {
        self.class_at(instance.class).row(instance.row, &self.machine.clock(now)).relative_path()
    }

    /// The date of a process that starts at the time `now`.
    pub(crate) fn creation_date(&self, now: FileTime) -> CimValue {
        creation_date(&self.machine.clock(now))
    }

    /// Changes declared properties of a declared instance; others are left alone.
    pub(crate) fn change(&mut self, instance: Instance, values: &[(&str, CimValue)]) {
        let class = self.class_at_mut(instance.class);
        let names = class.properties.clone();
        let Some(rows) = class.rows.declared_mut() else { return };
        for (name, value) in values {
            let at = names.iter().position(|property| property == name);
            if let Some(cell) = at.and_then(|at| rows.get_mut(instance.row)?.get_mut(at)) {
                *cell = Some(value.clone());
            }
        }
    }

    /// Adds an instance to a class whose instances are declared; the one it has become.
    pub(crate) fn add(&mut self, class: Place, values: &[(&str, CimValue)]) -> Option<Instance> {
        let row = self.class_at(class).count();
        let properties = self.class_at(class).properties.len();
        let rows = self.class_at_mut(class).rows.declared_mut()?;
        rows.push(vec![None; properties]);
        let instance = Instance { class, row };
        self.change(instance, values);
        self.recount(class);
        Some(instance)
    }

    /// Removes a declared instance; those behind it move up.
    pub(crate) fn remove(&mut self, instance: Instance) {
        if let Some(rows) = self.class_at_mut(instance.class).rows.declared_mut()
            && instance.row < rows.len()
        {
            rows.remove(instance.row);
        }
        self.recount(instance.class);
    }

    /// The performance counters learn of a process that came or went.
    fn recount(&mut self, class: Place) {
        if self.class_at(class).name == counters::PROCESS {
            Arc::make_mut(&mut self.machine).namespaces[class.namespace].recount();
        }
    }

    pub(super) fn class_at(&self, Place { namespace, class }: Place) -> &Class {
        &self.machine.namespaces[namespace].classes[class]
    }

    fn class_at_mut(&mut self, Place { namespace, class }: Place) -> &mut Class {
        Arc::make_mut(&mut Arc::make_mut(&mut self.machine).namespaces[namespace].classes[class])
    }
}

impl Class {
    /// The instances that the keys of `path` ask for; `None` when a class has no keys and so one instance.
    fn key_filter(&self, keys: Keys, path: &str) -> Result<Option<Filter>, QueryError> {
        let wrong = |what: &str| QueryError::InvalidPath(format!("{path}: {what}"));
        let names: Vec<&str> = self.keys().map(|at| self.properties[at].as_str()).collect();
        let keys = match (keys, &names[..]) {
            (Keys::Singleton, []) => return Ok(None),
            (Keys::Only(value), [only]) => vec![((*only).to_owned(), value)],
            (Keys::Named(keys), _) => keys,
            _ => return Err(wrong("not the keys of the class")),
        };
        let complete = names.iter().all(|name| keys.iter().filter(|(key, _)| same_name(key, name)).count() == 1);
        if !complete || keys.len() != names.len() {
            return Err(wrong("not the keys of the class"));
        }
        let one = |(property, constant): (String, Constant)| Condition::Compare {
            property,
            operator: Operator::Equal,
            constant,
        };
        let condition = Condition::And(keys.into_iter().map(one).collect());
        Filter::new(&condition, &|name| self.column(name)).map(Some).map_err(|wql::Invalid(what)| wrong(&what))
    }
}
