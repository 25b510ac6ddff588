//! A namespace: its classes, read from MOF.

use std::sync::Arc;

use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;

use super::class::{Class, Row, Rows};
use crate::classes::counters::{self, Counted, Population, Process};
use crate::classes::{self, mof};
use crate::profiles::Overlay;
use crate::wql::same_name;

/// What says how many processes there are, and how much memory.
const SYSTEM: &str = "Win32_OperatingSystem";

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
    /// The namespace at `path` of a machine that differs from an ordinary one by `overlay`.
    ///
    /// # Panics
    /// When a file of the machine has a mistake, which the tests rule out.
    pub(crate) fn of(path: &str, locked: Option<HResult>, overlay: &Overlay) -> Self {
        let mut namespace = Self { path: path.to_owned(), locked, classes: Vec::new() };
        let files = classes::NAMESPACE.iter().chain(classes::of_namespace(path));
        for (name, text) in files {
            namespace.read(text, overlay, false).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for class in &mut namespace.classes {
            let class = Arc::make_mut(class);
            class.retain(|row| {
                let namespace = || row.get("Name").as_str().map(|name| format!("{path}\\{name}"));
                let is_gone =
                    row.class.name == "__NAMESPACE" && !overlay.has_namespace(&namespace().unwrap_or_default());
                !is_gone && !overlay.is_emptied(&row.class.name) && overlay.keeps(row)
            });
        }
        for (name, text) in overlay.files(path) {
            namespace.read(text, overlay, true).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for (name, count, make) in overlay.more {
            if let Some(at) = namespace.position(name) {
                Arc::make_mut(&mut namespace.classes[at]).extend(*count, *make);
            }
        }
        namespace.add_counters(overlay);
        for (language, files) in classes::AMENDMENTS {
            for (name, text) in *files {
                namespace.amend(*language, text).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
        namespace
    }

    /// Adds what a MOF text declares, `over` what is there already or not.
    fn read(&mut self, text: &str, overlay: &Overlay, over: bool) -> Result<(), String> {
        for declaration in mof::parse(text).map_err(|error| error.to_string())? {
            match declaration {
                mof::Declaration::Class(declared) if !overlay.has_class(&declared.name) => {}
                mof::Declaration::Instance(declared) if !overlay.has_class(&declared.class) => {}
                mof::Declaration::Class(declared) => {
                    if self.class(&declared.name).is_some() {
                        return Err(format!("{} is declared twice", declared.name));
                    }
                    let mut class = self.declared(declared, overlay)?;
                    if let Some(made) = classes::made(&class.name) {
                        class.rows = made;
                    }
                    self.classes.push(Arc::new(class));
                }
                mof::Declaration::Instance(mut declared) => {
                    let at = self.position(&declared.class).ok_or_else(|| format!("no class {}", declared.class))?;
                    declared.values.retain(|(property, _)| overlay.has_property(&declared.class, property));
                    let row = self.classes[at].declared(&declared, self)?;
                    let class = Arc::make_mut(&mut self.classes[at]);
                    match class.rows.declared_mut() {
                        Some(rows) if !over => rows.push(row),
                        _ => class.lay(row)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// A class as the profile has it.
    fn declared(&self, mut declared: mof::ClassDecl, overlay: &Overlay) -> Result<Class, String> {
        declared.properties.retain(|property| overlay.has_property(&declared.name, &property.name));
        let mut class = Class::new(&declared, self)?;
        class.missing = overlay.missing(&class.name).collect();
        class.update = classes::update(&class.name);
        class.refusal = overlay.refusal(&class.name);
        Ok(class)
    }

    /// Adds the classes of performance counters to a namespace that has the class above them.
    fn add_counters(&mut self, overlay: &Overlay) {
        if self.class(counters::ROOT).is_none() {
            return;
        }
        let population = Arc::new(self.population(overlay.processors));
        self.tell_number_of_processes();
        for (declaration, set, formatted) in counters::classes().filter(|(class, ..)| overlay.has_class(&class.name)) {
            let class = self.declared(declaration, overlay);
            let mut class = class.unwrap_or_else(|error| panic!("performance counters: {error}"));
            if !overlay.is_emptied(&class.name) {
                class.rows = Rows::Counted(Counted::new(set, formatted, &class.properties, Arc::clone(&population)));
            }
            self.classes.push(Arc::new(class));
        }
    }

    fn population(&self, processors: usize) -> Population {
        let system = self.class(SYSTEM).filter(|class| class.count() > 0).map(|class| class.timeless_row(0));
        let kilobytes = system.and_then(|row| row.get("TotalVirtualMemorySize").as_u64()).unwrap_or_default();
        Population {
            processors,
            processes: self.processes(),
            commit_limit: kilobytes * 1024,
            established: Population::UNLISTED,
        }
    }

    fn processes(&self) -> Vec<Process> {
        let class = self.class(counters::PROCESS);
        Process::list(class.into_iter().flat_map(|class| (0..class.count()).map(|at| class.timeless_row(at))))
    }

    /// How many connections are established over IPv4 and over IPv6, where connections are listed.
    pub(super) fn established(&self) -> Option<[u64; 2]> {
        let class = self.class("MSFT_NetTCPConnection")?;
        let mut counts = [0; 2];
        let rows = (0..class.count()).map(|at| class.timeless_row(at));
        for row in rows.filter(|row| *row.get("State") == CimValue::Uint8(5)) {
            let address = row.get("LocalAddress");
            counts[usize::from(address.as_str().is_some_and(|text| text.contains(':')))] += 1;
        }
        Some(counts)
    }

    /// Lets everything that counts processes count those that there are now.
    pub(crate) fn recount(&mut self) {
        self.tell_number_of_processes();
        let processes = self.processes();
        self.repopulate(|population| population.processes = processes);
    }

    /// Lets the performance counters count as many established connections as another namespace lists.
    pub(super) fn set_established(&mut self, established: [u64; 2]) {
        self.repopulate(|population| population.established = established);
    }

    fn tell_number_of_processes(&mut self) {
        let (Some(processes), Some(at)) = (self.class(counters::PROCESS).map(Class::count), self.position(SYSTEM))
        else {
            return;
        };
        let class = Arc::make_mut(&mut self.classes[at]);
        let mut row = Row { class: &*class, cells: vec![None; class.properties.len()] };
        row.set("NumberOfProcesses", CimValue::Uint32(u32::try_from(processes).unwrap_or(u32::MAX)));
        let cells = row.cells;
        class.lay(cells).unwrap_or_else(|error| panic!("{SYSTEM}: {error}"));
    }

    /// Changes what all performance counters of the namespace count.
    fn repopulate(&mut self, change: impl FnOnce(&mut Population)) {
        let counted = self.classes.iter().find_map(|class| match &class.rows {
            Rows::Counted(counted) => Some(Population::clone(&counted.population)),
            _ => None,
        });
        let Some(mut population) = counted else { return };
        change(&mut population);
        let population = Arc::new(population);
        for class in &mut self.classes {
            if matches!(class.rows, Rows::Counted(_))
                && let Rows::Counted(counted) = &mut Arc::make_mut(class).rows
            {
                counted.population = Arc::clone(&population);
            }
        }
    }

    /// Gives the classes that grow on demand `count` rows.
    pub(crate) fn grow(&mut self, count: usize) {
        for name in classes::GROWING {
            if let Some(at) = self.position(name)
                && let Rows::Made { count: own, .. } = &mut Arc::make_mut(&mut self.classes[at]).rows
            {
                *own = count;
            }
        }
    }

    /// Adds the texts of a language to classes that are there.
    ///
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
            if let Some(class) = amended {
                Arc::make_mut(&mut self.classes[at]).amended.push((language, class));
            }
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
