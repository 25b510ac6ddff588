//! The registry of the simulated machine: keys, values, and the view that programs of 32 bits have of it.

mod programs;
mod services;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Profile;

/// HKEY_LOCAL_MACHINE.
pub(crate) const LOCAL_MACHINE: u32 = 0x8000_0002;
/// HKEY_CURRENT_USER.
const CURRENT_USER: u32 = 0x8000_0001;
/// HKEY_USERS.
pub(crate) const USERS: u32 = 0x8000_0003;
/// HKEY_CLASSES_ROOT and HKEY_CURRENT_CONFIG, which are empty here.
const OTHERS: [u32; 2] = [0x8000_0000, 0x8000_0005];

/// ERROR_FILE_NOT_FOUND: no such key or value.
pub(crate) const NOT_FOUND: u32 = 2;
/// ERROR_ACCESS_DENIED.
pub(crate) const ACCESS_DENIED: u32 = 5;
/// ERROR_INVALID_HANDLE: no such root.
pub(crate) const INVALID_HANDLE: u32 = 6;

/// The data of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// REG_SZ
    Text(String),
    /// REG_EXPAND_SZ
    Expandable(String),
    /// REG_BINARY
    Octets(Vec<u8>),
    /// REG_DWORD
    Dword(u32),
    /// REG_MULTI_SZ
    Lines(Vec<String>),
    /// REG_QWORD
    Qword(u64),
}

impl Data {
    /// REG_*
    pub(crate) const fn number(&self) -> i32 {
        match self {
            Self::Text(_) => 1,
            Self::Expandable(_) => 2,
            Self::Octets(_) => 3,
            Self::Dword(_) => 4,
            Self::Lines(_) => 7,
            Self::Qword(_) => 11,
        }
    }
}

/// A key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The last part of its path, as it was written when it was made.
    name: String,
    values: Vec<(String, Data)>,
}

impl Key {
    /// Its values, in the order in which they were made.
    pub(crate) fn values(&self) -> &[(String, Data)] {
        &self.values
    }

    /// The value called `name`; the empty name is that of the default value.
    pub(crate) fn value(&self, name: &str) -> Option<&Data> {
        self.values.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, data)| data)
    }
}

/// Where a key is: the root, and the path as a view shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) root: u32,
    pub(crate) path: &'a str,
    /// Whether a program of 32 bits asks.
    pub(crate) wow: bool,
}

/// Keys by root and by path without its case.
type Keys = BTreeMap<(u32, String), Arc<Key>>;

/// All keys: those that every machine of a profile has, and what changed since.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    made: Arc<Keys>,
    /// Keys that are new, others than they were, or not there any more.
    changed: BTreeMap<(u32, String), Option<Arc<Key>>>,
}

impl Registry {
    /// What a machine called `name` has, as far as it is of use here. The keys are made once per process and profile.
    pub(crate) fn windows(name: &str, profile: Profile) -> Self {
        static MADE: Mutex<BTreeMap<Profile, Arc<Keys>>> = Mutex::new(BTreeMap::new());
        let mut all = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let made = Arc::clone(all.entry(profile).or_insert_with(|| Arc::new(Self::make(profile))));
        drop(all);
        let mut registry = Self { made, changed: BTreeMap::new() };
        let path = "SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName";
        registry.set(Place { root: LOCAL_MACHINE, path, wow: false }, "ComputerName", Data::Text(name.to_owned()));
        registry
    }

    fn make(profile: Profile) -> Keys {
        let root = |root| ((root, String::new()), Arc::new(Key { name: String::new(), values: Vec::new() }));
        let roots = [LOCAL_MACHINE, CURRENT_USER, USERS].into_iter().chain(OTHERS).map(root);
        let mut registry = Self { made: Arc::new(roots.collect()), changed: BTreeMap::new() };
        let text = |text: &str| Data::Text(text.to_owned());
        let lines = |lines: &[&str]| Data::Lines(lines.iter().map(|&line| line.to_owned()).collect());
        let current = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
        let product = match profile.windows().caption.strip_prefix("Microsoft ") {
            // It never learnt its new name.
            Some(name) if name.starts_with("Windows 11") => "Windows 10 Pro",
            name => name.unwrap_or_default().trim_end(),
        };
        for (path, value, data) in [
            (current, "ProductName", text(product)),
            (current, "CurrentBuildNumber", text(profile.windows().build())),
            (current, "InstallDate", Data::Dword(1_707_812_130)),
            (current, "PathName", Data::Expandable("%SystemRoot%\\System32".to_owned())),
            ("SOFTWARE\\WOW6432Node\\Microsoft\\Windows NT\\CurrentVersion", "ProductName", text("32 bits")),
            ("SOFTWARE\\Sim", "", text("the default value")),
            ("SOFTWARE\\Sim", "View", text("64 bits")),
            ("SOFTWARE\\Sim", "Text", text("Grüße – 日本語")),
            ("SOFTWARE\\Sim", "Empty", text("")),
            ("SOFTWARE\\Sim", "Expandable", Data::Expandable("%SystemRoot%\\sim".to_owned())),
            ("SOFTWARE\\Sim", "Number", Data::Dword(u32::MAX)),
            ("SOFTWARE\\Sim", "Large", Data::Qword(u64::MAX)),
            ("SOFTWARE\\Sim", "Lines", lines(&["one", "zwei", "三"])),
            ("SOFTWARE\\Sim", "No lines", lines(&[])),
            ("SOFTWARE\\Sim", "Octets", Data::Octets(vec![0, 1, 0x7f, 0x80, 0xff])),
            ("SOFTWARE\\Sim\\Only64", "Here", Data::Dword(64)),
            ("SOFTWARE\\WOW6432Node\\Sim", "View", text("32 bits")),
            ("SOFTWARE\\WOW6432Node\\Sim\\Only32", "Here", Data::Dword(32)),
        ] {
            registry.set(Place { root: LOCAL_MACHINE, path, wow: false }, value, data);
        }
        registry.create(Place { root: LOCAL_MACHINE, path: "SOFTWARE\\Sim\\Empty", wow: false });
        registry.set(Place { root: CURRENT_USER, path: "Environment", wow: false }, "TEMP", text("C:\\Temp"));
        programs::install(&mut registry, profile);
        services::install(&mut registry, profile);
        let mut keys = Arc::unwrap_or_clone(registry.made);
        keys.extend(registry.changed.into_iter().filter_map(|(path, key)| Some((path, key?))));
        keys
    }

    fn find(&self, real: &(u32, String)) -> Option<&Arc<Key>> {
        self.changed.get(real).map_or_else(|| self.made.get(real), Option::as_ref)
    }

    /// The key to change it; a copy of its own if it is that of every machine.
    fn find_mut(&mut self, real: &(u32, String)) -> Option<&mut Key> {
        let key = Arc::clone(self.find(real)?);
        self.changed.entry(real.clone()).or_insert(Some(key)).as_mut().map(Arc::make_mut)
    }

    /// The key at a place, or the Win32 code of why there is none.
    pub(crate) fn key(&self, place: Place<'_>) -> Result<&Key, u32> {
        self.find(&self.real(place)?).map(|key| &**key).ok_or(NOT_FOUND)
    }

    /// The names of the keys right below the one at a place.
    pub(crate) fn subkeys(&self, place: Place<'_>) -> Result<Vec<String>, u32> {
        self.key(place)?;
        let (root, path) = self.real(place)?;
        let below = if path.is_empty() { String::new() } else { format!("{path}\\") };
        let start = (root, below.clone());
        let is_below = |at: &(u32, String)| at.0 == root && at.1.starts_with(&below);
        let made = self.made.range(start.clone()..).take_while(|(at, _)| is_below(at));
        let made = made.filter(|(at, _)| !self.changed.contains_key(*at));
        let changed = self.changed.range(start..).take_while(|(at, _)| is_below(at));
        let changed = changed.filter_map(|(at, key)| Some((at, key.as_ref()?)));
        let right_below = |(at, _): &(&(u32, String), &Arc<Key>)| {
            at.1.strip_prefix(&below).is_some_and(|rest| !rest.is_empty() && !rest.contains('\\'))
        };
        let all: BTreeMap<_, _> = made.chain(changed).filter(right_below).collect();
        Ok(all.into_values().map(|key| key.name.clone()).collect())
    }

    /// Makes a key and those above it; the Win32 code.
    pub(crate) fn create(&mut self, place: Place<'_>) -> u32 {
        let (root, path) = match self.real(place) {
            Ok(real) => real,
            Err(code) => return code,
        };
        // The names come from the view; what redirection adds has its own.
        let mut names: Vec<&str> = place.path.split('\\').collect();
        if path.split('\\').count() > names.len() {
            names.insert(1, "WOW6432Node");
        }
        let mut done = String::new();
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            if !done.is_empty() {
                done.push('\\');
            }
            done.push_str(&name.to_lowercase());
            let at = (root, done.clone());
            if self.find(&at).is_none() {
                self.changed.insert(at, Some(Arc::new(Key { name: name.to_owned(), values: Vec::new() })));
            }
        }
        0
    }

    /// Sets a value of a key, which is made when it is not there; the Win32 code.
    pub(crate) fn set(&mut self, place: Place<'_>, name: &str, data: Data) -> u32 {
        let code = self.create(place);
        let key = self.real(place).ok().and_then(|real| self.find_mut(&real));
        let Some(key) = key else { return if code == 0 { NOT_FOUND } else { code } };
        match key.values.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(name)) {
            Some((_, own)) => *own = data,
            None => key.values.push((name.to_owned(), data)),
        }
        0
    }

    /// Removes a key without subkeys; the Win32 code.
    pub(crate) fn delete(&mut self, place: Place<'_>) -> u32 {
        match (self.subkeys(place), self.real(place)) {
            (Err(code), _) | (_, Err(code)) => code,
            (Ok(below), Ok((_, path))) if !below.is_empty() || path.is_empty() => ACCESS_DENIED,
            (_, Ok(real)) => {
                self.changed.insert(real, None);
                0
            }
        }
    }

    /// Removes a value; the Win32 code.
    pub(crate) fn delete_value(&mut self, place: Place<'_>, name: &str) -> u32 {
        let key = match self.real(place) {
            Ok(real) => self.find_mut(&real),
            Err(code) => return code,
        };
        let Some(key) = key else { return NOT_FOUND };
        let before = key.values.len();
        key.values.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        if key.values.len() < before { 0 } else { NOT_FOUND }
    }

    /// The root and the path without its case behind a view: below HKEY_LOCAL_MACHINE\SOFTWARE programs of 32 bits see
    /// what is below WOW6432Node.
    fn real(&self, Place { root, path, wow }: Place<'_>) -> Result<(u32, String), u32> {
        if self.find(&(root, String::new())).is_none() && root != LOCAL_MACHINE {
            return Err(INVALID_HANDLE);
        }
        let path = path.trim_matches('\\').to_lowercase();
        let redirected = wow && root == LOCAL_MACHINE && (path == "software" || path.starts_with("software\\"));
        Ok((
            root,
            match path.strip_prefix("software") {
                Some(rest) if redirected && !rest.starts_with("\\wow6432node") => {
                    format!("software\\wow6432node{rest}")
                }
                _ => path,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str, wow: bool) -> Place<'_> {
        Place { root: LOCAL_MACHINE, path, wow }
    }

    #[test]
    fn two_views_of_one_registry() {
        let mut registry = Registry::windows("HOST", Profile::default());
        let view = |registry: &Registry, path: &str, wow| registry.key(at(path, wow)).ok()?.value("view").cloned();
        assert_eq!(view(&registry, "software\\SIM", false), Some(Data::Text("64 bits".to_owned())));
        assert_eq!(view(&registry, "software\\SIM", true), Some(Data::Text("32 bits".to_owned())));
        assert_eq!(view(&registry, "SOFTWARE\\Wow6432Node\\Sim", false), Some(Data::Text("32 bits".to_owned())));
        assert_eq!(registry.subkeys(at("SOFTWARE\\Sim", false)), Ok(vec!["Empty".to_owned(), "Only64".to_owned()]));
        assert_eq!(registry.subkeys(at("SOFTWARE\\Sim", true)), Ok(vec!["Only32".to_owned()]));
        assert_eq!(
            registry.key(at("SYSTEM\\CurrentControlSet", true)).map(|key| key.name.as_str()),
            Ok("CurrentControlSet")
        );

        assert_eq!(registry.set(at("SOFTWARE\\New\\Key", true), "v", Data::Dword(1)), 0);
        assert_eq!(registry.key(at("SOFTWARE\\New", false)).err(), Some(NOT_FOUND));
        assert_eq!(registry.subkeys(at("SOFTWARE\\WOW6432Node\\New", false)), Ok(vec!["Key".to_owned()]));
        assert_eq!(registry.delete(at("SOFTWARE\\New", true)), ACCESS_DENIED);
        assert_eq!(registry.delete_value(at("SOFTWARE\\New\\Key", true), "V"), 0);
        assert_eq!(registry.delete_value(at("SOFTWARE\\New\\Key", true), "V"), NOT_FOUND);
        assert_eq!(registry.delete(at("SOFTWARE\\New\\Key", true)), 0);
        assert_eq!(registry.delete(at("SOFTWARE\\New", true)), 0);
        assert_eq!(registry.delete(at("", false)), ACCESS_DENIED);
        assert_eq!(registry.delete(at("SOFTWARE\\Sim\\Only32", true)), 0, "a key that every machine has");
        assert_eq!(registry.subkeys(at("SOFTWARE\\Sim", true)), Ok(Vec::new()));
        let other = Registry::windows("OTHER", Profile::default());
        assert_eq!(other.subkeys(at("SOFTWARE\\Sim", true)), Ok(vec!["Only32".to_owned()]), "of another machine");
        let nowhere = Place { root: 7, path: "SOFTWARE", wow: false };
        assert_eq!(registry.key(nowhere).err(), Some(INVALID_HANDLE));
    }
}
