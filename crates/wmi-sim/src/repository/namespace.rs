//! A namespace: its classes, read from MOF.

use std::sync::Arc;

use wmi_proto::wire::HResult;

use super::class::{Class, Rows};
use crate::classes::{self, mof};
use crate::wql::same_name;

/// A namespace.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    /// The path from the root with backslashes: `root\cimv2`.
    pub(crate) path: String,
    /// The status with which it answers everybody, when nobody may enter.
    pub(crate) locked: Option<HResult>,
    /// In the order of declaration, so that a class stands after its superclass.
    pub(crate) classes: Vec<Arc<Class>>,
}

impl Namespace {
    /// A namespace with the classes that every one has.
    pub(crate) fn new(path: &str) -> Self {
        let mut namespace = Self { path: path.to_owned(), locked: None, classes: Vec::new() };
        namespace.read_all(classes::NAMESPACE);
        namespace
    }

    /// Reads files that the machine brings along.
    ///
    /// # Panics
    /// When such a file has a mistake, which the tests rule out.
    pub(crate) fn read_all(&mut self, files: &[(&str, &str)]) {
        for (name, text) in files {
            self.read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    /// Adds what a MOF text declares. Rows that are made are none until [`Self::resize`].
    pub(crate) fn read(&mut self, text: &str) -> Result<(), String> {
        for declaration in mof::parse(text).map_err(|error| error.to_string())? {
            match declaration {
                mof::Declaration::Class(declared) => {
                    if self.class(&declared.name).is_some() {
                        return Err(format!("{} is declared twice", declared.name));
                    }
                    let mut class = Class::new(&declared, self)?;
                    class.update = classes::update(&class.name);
                    if let Some(made) = classes::made(&class.name, 0) {
                        class.rows = made;
                    }
                    self.classes.push(Arc::new(class));
                }
                mof::Declaration::Instance(declared) => {
                    let at = self.position(&declared.class).ok_or_else(|| format!("no class {}", declared.class))?;
                    let row = self.classes[at].declared(&declared, self)?;
                    match &mut Arc::make_mut(&mut self.classes[at]).rows {
                        Rows::Declared(rows) => rows.push(row),
                        Rows::Made { .. } => return Err(format!("the rows of {} are made", declared.class)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Sets how many rows those classes have whose rows are made.
    pub(crate) fn resize(&mut self, rows: usize) {
        for class in &mut self.classes {
            if let Rows::Made { .. } = class.rows
                && let Some(made) = classes::made(&class.name, rows)
            {
                Arc::make_mut(class).rows = made;
            }
        }
    }

    /// Adds the texts of a language to classes that are there.
    ///
    /// # Panics
    /// When a file has a mistake, which the tests rule out.
    pub(crate) fn amend_all(&mut self, language: u16, files: &[(&str, &str)]) {
        for (name, text) in files {
            self.amend(language, text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    /// What a file declares of classes that the namespace does not have belongs to another namespace.
    fn amend(&mut self, language: u16, text: &str) -> Result<(), String> {
        let mut texts = Vec::new();
        for declaration in mof::parse(text).map_err(|error| error.to_string())? {
            match declaration {
                mof::Declaration::Class(class) => texts.push(class),
                mof::Declaration::Instance(instance) => return Err(format!("an instance of {}", instance.class)),
            }
        }
        for at in 0..self.classes.len() {
            let amended = self.classes[at].amended(language, &texts, self)?;
            Arc::make_mut(&mut self.classes[at]).amended.extend(amended.map(|class| (language, class)));
        }
        Ok(())
    }

    /// The class called `name`.
    pub(crate) fn class(&self, name: &str) -> Option<&Class> {
        self.position(name).map(|at| &*self.classes[at])
    }

    /// Where in [`Self::classes`] a class stands.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|class| same_name(&class.name, name))
    }
}
