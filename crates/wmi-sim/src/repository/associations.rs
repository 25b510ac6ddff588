//! ASSOCIATORS OF and REFERENCES OF over the association classes of a namespace.

use std::collections::VecDeque;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimClass, CimType, CimValue};

use super::objects::{Instance, Place};
use super::results::{Kind, ResultSet, Source};
use super::{QueryError, Repository, Target};
use crate::wql::{Association, same_name};

impl Repository {
    /// What is associated with the instance at the path of the query, each object once.
    pub(super) fn associated(
        &self,
        namespace: usize,
        query: &Association,
        now: FileTime,
        languages: &[u16],
    ) -> Result<ResultSet, QueryError> {
        let space = &self.machine.namespaces[namespace];
        let Target::Instance(end) = self.resolve(&space.path, &query.path, now)? else {
            return Err(QueryError::InvalidQuery("the path names no instance".to_owned()));
        };
        for name in [&query.assoc_class, &query.result_class].into_iter().flatten() {
            if space.class(name).is_none() {
                return Err(QueryError::InvalidClass(name.clone()));
            }
        }
        let mut found: Vec<Instance> = Vec::new();
        for (at, class) in space.classes.iter().enumerate() {
            let is_association = class.cim.qualifier("association").is_some();
            let chosen = query.assoc_class.as_ref().is_none_or(|name| class.is_a(name));
            if is_association && chosen && has(&class.cim, query.required_assoc_qualifier.as_ref()) {
                for link in self.instances(Place { namespace, class: at }) {
                    found.extend(self.ends(link, end, query, now));
                }
            }
        }
        let wanted = |instance: &Instance| {
            let class = self.class_at(instance.class);
            query.result_class.as_ref().is_none_or(|name| class.is_a(name))
                && has(&class.cim, query.required_qualifier.as_ref())
                && instance.class.namespace == namespace
        };
        let mut sources: VecDeque<Source> = VecDeque::new();
        let mut seen: Vec<(usize, usize)> = Vec::new();
        for Instance { class: Place { class, .. }, row } in found.into_iter().filter(wanted) {
            let key = (class, if query.class_definitions { 0 } else { row });
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            sources.push_back(match query.class_definitions {
                true => space.definition(class, languages),
                false => space.instance(class, row, languages),
            });
        }
        let kind = if query.class_definitions { Kind::Classes } else { Kind::Instances };
        Ok(self.results(namespace, now, None, kind, sources))
    }

    /// What `link` contributes when it names `end`: itself, or the instances that its other references name.
    fn ends(&self, link: Instance, end: Instance, query: &Association, now: FileTime) -> Vec<Instance> {
        let (_, class) = self.definition(link.class);
        let references = class.properties().iter().filter(|p| p.cim_type() == CimType::REFERENCE && !p.is_array());
        let named: Vec<(String, Option<Instance>)> = references
            .map(|property| {
                let name = property.name().to_str().into_owned();
                let target = match self.value(link, &name, now) {
                    CimValue::Reference(path) => self.resolve(self.namespace_of(link.class), &path.to_str(), now).ok(),
                    _ => None,
                };
                (name, target.and_then(|target| if let Target::Instance(found) = target { Some(found) } else { None }))
            })
            .collect();
        let plays = |role: &Option<String>, name: &str| role.as_ref().is_none_or(|role| same_name(role, name));
        let from = named.iter().position(|(name, target)| *target == Some(end) && plays(&query.role, name));
        let Some(from) = from else { return Vec::new() };
        if !query.associators {
            return vec![link];
        }
        let others = named.iter().enumerate().filter(|(at, (name, _))| *at != from && plays(&query.result_role, name));
        others.filter_map(|(_, (_, target))| *target).collect()
    }
}

/// Whether a class has the qualifier that is required.
fn has(class: &CimClass, required: Option<&String>) -> bool {
    required.is_none_or(|name| class.qualifier(name).is_some())
}
