//! The registry of the simulated machine: keys, values, and the view that programs of 32 bits have of it.

use std::collections::BTreeMap;

/// HKEY_LOCAL_MACHINE.
pub(crate) const LOCAL_MACHINE: u32 = 0x8000_0002;
/// HKEY_CURRENT_USER.
const CURRENT_USER: u32 = 0x8000_0001;
/// HKEY_CLASSES_ROOT, HKEY_USERS and HKEY_CURRENT_CONFIG, which are empty here.
const OTHERS: [u32; 3] = [0x8000_0000, 0x8000_0003, 0x8000_0005];

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

/// All keys, by root and by path without its case.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    keys: BTreeMap<(u32, String), Key>,
}

impl Registry {
    /// What a server called `name` has, as far as it is of use here.
    pub(crate) fn windows(name: &str) -> Self {
        let mut registry = Self { keys: BTreeMap::new() };
        for root in [LOCAL_MACHINE, CURRENT_USER].into_iter().chain(OTHERS) {
            registry.keys.insert((root, String::new()), Key { name: String::new(), values: Vec::new() });
        }
        let text = |text: &str| Data::Text(text.to_owned());
        let lines = |lines: &[&str]| Data::Lines(lines.iter().map(|&line| line.to_owned()).collect());
        let current = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
        for (path, value, data) in [
            (current, "ProductName", text("Windows Server 2022 Standard")),
            (current, "CurrentBuildNumber", text("20348")),
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
            ("SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName", "ComputerName", text(name)),
        ] {
            registry.set(Place { root: LOCAL_MACHINE, path, wow: false }, value, data);
        }
        registry.create(Place { root: LOCAL_MACHINE, path: "SOFTWARE\\Sim\\Empty", wow: false });
        registry.set(Place { root: CURRENT_USER, path: "Environment", wow: false }, "TEMP", text("C:\\Temp"));
        registry
    }

    /// The key at a place, or the Win32 code of why there is none.
    pub(crate) fn key(&self, place: Place<'_>) -> Result<&Key, u32> {
        self.keys.get(&self.real(place)?).ok_or(NOT_FOUND)
    }

    /// The names of the keys right below the one at a place.
    pub(crate) fn subkeys(&self, place: Place<'_>) -> Result<Vec<String>, u32> {
        self.key(place)?;
        let (root, path) = self.real(place)?;
        let below = if path.is_empty() { String::new() } else { format!("{path}\\") };
        let keys = self.keys.iter().filter(|((own, path), _)| {
            *own == root && path.strip_prefix(&below).is_some_and(|rest| !rest.is_empty() && !rest.contains('\\'))
        });
        Ok(keys.map(|(_, key)| key.name.clone()).collect())
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
            let key = || Key { name: name.to_owned(), values: Vec::new() };
            self.keys.entry((root, done.clone())).or_insert_with(key);
        }
        0
    }

    /// Sets a value of a key, which is made when it is not there; the Win32 code.
    pub(crate) fn set(&mut self, place: Place<'_>, name: &str, data: Data) -> u32 {
        let code = self.create(place);
        let key = self.real(place).ok().and_then(|real| self.keys.get_mut(&real));
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
                self.keys.remove(&real);
                0
            }
        }
    }

    /// Removes a value; the Win32 code.
    pub(crate) fn delete_value(&mut self, place: Place<'_>, name: &str) -> u32 {
        let key = match self.real(place) {
            Ok(real) => self.keys.get_mut(&real),
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
        if !self.keys.contains_key(&(root, String::new())) && root != LOCAL_MACHINE {
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
        let mut registry = Registry::windows("HOST");
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
        let nowhere = Place { root: 7, path: "SOFTWARE", wow: false };
        assert_eq!(registry.key(nowhere).err(), Some(INVALID_HANDLE));
    }
}
