//! One key below Uninstall: what Add/Remove Programs makes of it, and what it says of its program.

use serde::{Deserialize, Serialize};
use wmi_proto::cim::CimValue;

use crate::dates::{Date, Written};
use crate::registry::Getter;

/// A text of the registry is kept up to this many characters; a program whose text was longer says so in its failure.
pub(super) const MAX_TEXT: usize = 1024;

/// The values that decide whether Add/Remove Programs shows a key. They are read first, and only where they exist.
pub(super) const FILTER: [Field; 3] = [Field::SystemComponent, Field::ParentKeyName, Field::ReleaseType];

/// The values that are read of a program, those of them that exist.
pub(super) const SHOWN: [Field; 9] = [
    Field::DisplayName,
    Field::DisplayVersion,
    Field::Publisher,
    Field::InstallDate,
    Field::EstimatedSize,
    Field::InstallLocation,
    Field::InstallSource,
    Field::UninstallString,
    Field::WindowsInstaller,
];

/// A value of a key that is of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    DisplayName,
    DisplayVersion,
    Publisher,
    InstallDate,
    EstimatedSize,
    InstallLocation,
    InstallSource,
    UninstallString,
    WindowsInstaller,
    SystemComponent,
    ParentKeyName,
    ReleaseType,
}

impl Field {
    /// The name in the registry.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DisplayName => "DisplayName",
            Self::DisplayVersion => "DisplayVersion",
            Self::Publisher => "Publisher",
            Self::InstallDate => "InstallDate",
            Self::EstimatedSize => "EstimatedSize",
            Self::InstallLocation => "InstallLocation",
            Self::InstallSource => "InstallSource",
            Self::UninstallString => "UninstallString",
            Self::WindowsInstaller => "WindowsInstaller",
            Self::SystemComponent => "SystemComponent",
            Self::ParentKeyName => "ParentKeyName",
            Self::ReleaseType => "ReleaseType",
        }
    }

    /// The field of a value's name; the registry does not tell cases apart.
    pub(super) fn of(name: &str) -> Option<Self> {
        FILTER.into_iter().chain(SHOWN).find(|field| field.name().eq_ignore_ascii_case(name))
    }
}

/// Which values a key has, and how each is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout(Vec<(Field, Getter)>);

impl Layout {
    /// From what EnumValues says: names, and their REG_* types in the same order.
    pub(super) fn new(names: &CimValue, types: &CimValue) -> Self {
        let (names, types) = (names.as_array().unwrap_or_default(), types.as_array().unwrap_or_default());
        let mut fields: Vec<(Field, Getter)> = Vec::new();
        for (name, number) in names.iter().zip(types) {
            let field = name.as_str().and_then(|name| Field::of(&name));
            let (Some(field), Some(getter)) = (field, number.as_i64().and_then(Getter::of)) else { continue };
            if fields.iter().all(|(own, _)| *own != field) {
                fields.push((field, getter));
            }
        }
        Self(fields)
    }

    /// How `field` is read, if the key has it in a type that can be read.
    pub(super) fn getter(&self, field: Field) -> Option<Getter> {
        self.0.iter().find(|(own, _)| *own == field).map(|(_, getter)| *getter)
    }

    /// Why the key is not shown, where that is plain from the values that it does not have.
    pub(super) fn hidden(&self) -> Option<Hidden> {
        let has = |field| self.getter(field).is_some();
        if !has(Field::DisplayName) {
            Some(Hidden::Nameless)
        } else if !has(Field::UninstallString) && !has(Field::WindowsInstaller) {
            Some(Hidden::NotRemovable)
        } else {
            None
        }
    }

    /// Those of `fields` that the key has.
    pub(super) fn of<'a>(&'a self, fields: &'a [Field]) -> impl Iterator<Item = (Field, Getter)> + 'a {
        fields.iter().filter_map(|field| Some((*field, self.getter(*field)?)))
    }
}

/// Why Add/Remove Programs does not show a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Hidden {
    /// It has no DisplayName, or an empty one.
    Nameless,
    /// Nothing says how it is removed, and Windows Installer does not keep it: what an installer left behind.
    NotRemovable,
    /// SystemComponent is 1.
    Component,
    /// It belongs to another program: an update, or a part of it.
    Update,
}

impl Hidden {
    /// Whether the key may be one that an installer is still writing.
    pub(super) const fn may_be_unfinished(self) -> bool {
        matches!(self, Self::Nameless | Self::NotRemovable)
    }
}

/// What the values of [`FILTER`] say, if they hide the key.
pub(super) fn hidden(values: &[(Field, CimValue)]) -> Option<Hidden> {
    let value = |field| values.iter().find(|(own, _)| *own == field).map(|(_, value)| value);
    let filled = |field| value(field).and_then(CimValue::as_str).is_some_and(|text| !text.trim().is_empty());
    let update = |text: &str| {
        ["Update", "Hotfix", "Security Update", "Update Rollup", "Service Pack"]
            .iter()
            .any(|kind| kind.eq_ignore_ascii_case(text.trim()))
    };
    if value(Field::SystemComponent).is_some_and(|value| count(value) == Some(1)) {
        Some(Hidden::Component)
    } else if filled(Field::ParentKeyName)
        || value(Field::ReleaseType).and_then(CimValue::as_str).is_some_and(|text| update(&text))
    {
        Some(Hidden::Update)
    } else {
        None
    }
}

/// A program as its key describes it; what the key does not say, or not clearly, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) publisher: Option<String>,
    /// ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) installed: Option<String>,
    /// Octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uninstall: Option<String>,
    /// Whether Windows Installer keeps it; a key that does not say so was made by another installer.
    #[serde(default)]
    pub(super) windows_installer: bool,
    /// Whether a text was longer than [`MAX_TEXT`].
    #[serde(default)]
    pub(super) cut: bool,
}

impl Program {
    /// From the values of [`SHOWN`]; `None` without a name.
    pub(super) fn new(values: &[(Field, CimValue)]) -> Option<Self> {
        let mut cut = false;
        let value = |field| values.iter().find(|(own, _)| *own == field).map_or(&CimValue::Null, |(_, value)| value);
        let mut text = |field| {
            let text = words(value(field))?;
            let short: String = text.chars().take(MAX_TEXT).collect();
            cut |= short.len() < text.len();
            Some(short)
        };
        Some(Self {
            name: text(Field::DisplayName)?,
            version: text(Field::DisplayVersion),
            publisher: text(Field::Publisher),
            installed: date(value(Field::InstallDate)).map(|date| date.to_string()),
            // In units of 1024 octets.
            size: count(value(Field::EstimatedSize)).filter(|kib| *kib > 0).and_then(|kib| kib.checked_mul(1024)),
            location: text(Field::InstallLocation),
            source: text(Field::InstallSource),
            uninstall: text(Field::UninstallString),
            windows_installer: count(value(Field::WindowsInstaller)) == Some(1),
            cut,
        })
    }

    /// The value that tells cheaply whether the program was replaced: its version, or its name when it has none.
    pub(super) const fn witness(&self) -> Field {
        if self.version.is_some() { Field::DisplayVersion } else { Field::DisplayName }
    }

    /// Whether the witness is still what it was.
    pub(super) fn confirmed_by(&self, value: &CimValue) -> bool {
        let known = self.version.as_ref().unwrap_or(&self.name);
        words(value).is_some_and(|text| text.chars().take(MAX_TEXT).eq(known.chars()))
    }

    /// Octets of text, for the bound on what is remembered.
    pub(super) fn weight(&self) -> usize {
        [&self.version, &self.publisher, &self.installed, &self.location, &self.source, &self.uninstall]
            .into_iter()
            .flatten()
            .chain([&self.name])
            .map(String::len)
            .sum()
    }
}

/// A text without the blanks and NULs around it, or a number's digits; nothing when nothing is left.
fn words(value: &CimValue) -> Option<String> {
    let text = match value.as_str() {
        Some(text) => text.trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned(),
        None => value.as_u64()?.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// A number, or a text of digits: installers write both.
fn count(value: &CimValue) -> Option<u64> {
    value.as_u64().or_else(|| words(value)?.parse().ok())
}

/// The day that InstallDate names beyond doubt. Each installer writes its own form, so a day and a month that could be
/// either stay unknown, whatever other programs say; a moment is no day without the time zone it was meant in.
fn date(value: &CimValue) -> Option<Date> {
    match Written::read(&words(value)?) {
        Written::Day(date) => Some(date),
        Written::Either { .. } | Written::Moment(_) | Written::Unknown => None,
    }
}
