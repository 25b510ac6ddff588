//! The Uninstall keys of the machine: programs of invented makers, in both views and in the hives of users.

use super::{Data, LOCAL_MACHINE, Place, Registry, USERS};
use crate::Profile;

/// Where programs of 64 bits are registered, below HKEY_LOCAL_MACHINE.
const NATIVE: &str = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall";
/// Where programs of 32 bits are.
const NARROW: &str = "SOFTWARE\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall";
/// The users that have logged on, as far as their hives are loaded.
const USER_SIDS: [&str; 3] = [
    "S-1-5-21-2571830466-1930573372-840192577-500",
    "S-1-5-21-2571830466-1930573372-840192577-1104",
    "S-1-5-21-2571830466-1930573372-840192577-1107",
];
/// What else is below HKEY_USERS: the system's own accounts, and the file types of a user.
const OTHER_HIVES: [&str; 5] =
    [".DEFAULT", "S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-21-2571830466-1930573372-840192577-1104_Classes"];

/// How many keys each place has; a user has as many as stand last.
const NATIVE_KEYS: usize = 200;
const NARROW_KEYS: usize = 130;
const USER_KEYS: usize = 4;

/// What set-ups left behind on an ordinary server: nothing to remove it with.
const LEFTOVERS: [&str; 2] = ["Halcyon Port Monitor (obsolete)", "Tidewater Endpoint 3"];

/// Makers, and what they make.
const MAKERS: &[(&str, &[&str])] = &[
    ("Brightwater Software", &["Brightwater Reports", "Brightwater Connector", "Brightwater Viewer"]),
    ("Kestrel Labs, Inc.", &["Kestrel Backup Agent", "Kestrel Backup Console", "Kestrel Deduplication Service"]),
    ("Müller Gerätebau GmbH", &["Meßdatenerfassung", "Gerätemanager für Prüfstände"]),
    (
        "Pinecone Data",
        &["Pinecone ODBC Driver", "Pinecone Server", "Pinecone Client Tools", "Pinecone Shared Components"],
    ),
    ("Halcyon Print", &["Halcyon Port Monitor", "Halcyon Universal Driver"]),
    ("株式会社さくら計測", &["さくら計測ビューア", "計測データ変換"]),
    ("Ostrava Systems a.s.", &["Ostrava Terminal", "Ostrava Správce úloh", "Ostrava Licence Server"]),
    ("Tidewater Security", &["Tidewater Endpoint", "Tidewater Update Service"]),
    ("Lindqvist & Söner AB", &["Lagerhållning", "Lindqvist Etikett"]),
    ("Orbis Runtime Foundation", &["Orbis Runtime 6 (x64)", "Orbis Runtime 8 (x64)", "Orbis Hosting Bundle"]),
    ("", &["Freeware Unzipper"]),
];

/// The same where everything is in the language of the country.
const FOREIGN_MAKERS: &[(&str, &[&str])] = &[
    ("Müller Gerätebau GmbH", &["Meßdatenerfassung", "Gerätemanager für Prüfstände", "Größenrechner"]),
    ("株式会社さくら計測", &["さくら計測ビューア", "計測データ変換", "日本語入力システム"]),
    ("Straße & Söhne KG", &["Übertragungsdienst", "Ärztliche Abrechnung", "Öffnungszeiten-Anzeige"]),
    ("ООО «Ромашка»", &["Учёт склада", "Печать ценников"]),
    ("Société Générale d’Étiquettes", &["Étiquettes & Codes-barres", "Gestion des congés"]),
];

/// Registers them all.
pub(super) fn install(registry: &mut Registry, profile: Profile) {
    let makers = if profile == Profile::ForeignLocale { FOREIGN_MAKERS } else { MAKERS };
    let products: Vec<_> =
        makers.iter().flat_map(|(maker, products)| products.iter().map(move |product| (*maker, *product))).collect();
    let mut program = |root, place: &str, index: usize, per_user: bool| {
        let (maker, product) = products[index % products.len()];
        let key = key(index, product);
        for (name, data) in values(index, maker, product, &key, per_user) {
            let path = format!("{place}\\{key}");
            registry.set(Place { root, path: &path, wow: false }, name, data);
        }
    };
    for index in 0..NATIVE_KEYS {
        program(LOCAL_MACHINE, NATIVE, index, false);
    }
    for index in NATIVE_KEYS..NATIVE_KEYS + NARROW_KEYS {
        program(LOCAL_MACHINE, NARROW, index, false);
    }
    for (user, sid) in USER_SIDS.iter().enumerate() {
        let place = format!("{sid}\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall");
        let first = NATIVE_KEYS + NARROW_KEYS + user * USER_KEYS;
        for index in first..first + USER_KEYS {
            program(USERS, &place, index, true);
        }
    }
    for name in LEFTOVERS.into_iter().filter(|_| profile == Profile::Server2022) {
        let path = format!("{NATIVE}\\{name}");
        registry.set(
            Place { root: LOCAL_MACHINE, path: &path, wow: false },
            "DisplayName",
            Data::Text(name.to_owned()),
        );
    }
    for hive in OTHER_HIVES {
        let path = format!("{hive}\\Software");
        registry.create(Place { root: USERS, path: &path, wow: false });
    }
}

/// The name of a key: that of a package of Windows Installer, or what a set-up makes of its product.
fn key(index: usize, product: &str) -> String {
    if is_package(index) {
        let mixed = |factor: u64| (index as u64 + 1).wrapping_mul(factor);
        let (low, high) = (mixed(0x9e37_79b9_7f4a_7c15), mixed(0xc2b2_ae3d_27d4_eb4f));
        let [a, b, c] = [low & 0xffff, low >> 16 & 0x0fff, high & 0x0fff];
        format!("{{{:08X}-{a:04X}-4{b:03X}-A{c:03X}-{:012X}}}", low >> 32, high >> 16)
    } else {
        format!("{product} {index}")
    }
}

const fn is_package(index: usize) -> bool {
    index.is_multiple_of(2)
}

/// What a key says: nine values at least.
fn values(index: usize, maker: &str, product: &str, key: &str, per_user: bool) -> Vec<(&'static str, Data)> {
    let text = |text: String| Data::Text(text);
    let number = |number: usize| Data::Dword(u32::try_from(number).unwrap_or(u32::MAX));
    let (major, minor) = (1 + index % 24, index % 10);
    let version = format!("{major}.{minor}.{}", 1_000 + index * 7);
    let mut all = Vec::new();
    // Parts that nobody is to see by name.
    if index % 61 != 13 {
        let name = match index % 3 {
            0 => product.to_owned(),
            1 => format!("{product} {major}"),
            _ => format!("{product} {major}.{minor} – {}", ["x64", "x86", "de-DE", "ja-JP"][index / 3 % 4]),
        };
        all.push(("DisplayName", text(name)));
    }
    let programs = if per_user { "C:\\Users\\Public\\AppData\\Local\\Programs" } else { "C:\\Program Files" };
    all.extend([
        ("DisplayVersion", text(version)),
        ("Publisher", text(maker.to_owned())),
        ("InstallDate", text(date(index))),
        ("InstallLocation", text(format!("{programs}\\{product}\\"))),
        (
            "UninstallString",
            match index % 10 {
                _ if is_package(index) => text(format!("MsiExec.exe /X{key}")),
                5 => Data::Expandable(format!("\"%ProgramFiles%\\{product}\\uninstall.exe\" /quiet")),
                _ => text(format!("\"{programs}\\{product}\\uninstall.exe\"")),
            },
        ),
        ("EstimatedSize", number(512 + index * 1_777)),
        ("Language", number([1033, 1031, 1041, 0][index % 4])),
        ("NoModify", number(1)),
        ("VersionMajor", number(major)),
        ("VersionMinor", number(minor)),
    ]);
    if is_package(index) {
        all.push(("WindowsInstaller", number(1)));
        all.push(("InstallSource", text("C:\\Windows\\Temp\\".to_owned())));
    }
    if index % 17 == 4 {
        all.push(("SystemComponent", number(1)));
    }
    if index % 29 == 7 {
        let kind = ["Security Update", "Update", "Hotfix"][index / 29 % 3];
        all.push(("ReleaseType", text(kind.to_owned())));
        all.push(("ParentKeyName", text(format!("{product} {}", index.saturating_sub(1)))));
        all.push(("ParentDisplayName", text(product.to_owned())));
    }
    if index % 13 == 5 {
        all.push(("Features", Data::Lines(vec!["core".to_owned(), "größere Teile".to_owned()])));
    }
    if index % 19 == 3 {
        all.push(("Fingerprint", Data::Octets(vec![index as u8, 0, 0xff, 0x80])));
        all.push(("InstalledAt", Data::Qword(133_000_000_000_000_000 + index as u64)));
    }
    all
}

/// A day as set-ups write it; one of many writes it as it likes.
fn date(index: usize) -> String {
    let (year, month, day) = (2019 + index % 6, 1 + index % 12, 1 + index * 5 % 28);
    match index % 41 {
        20 => format!("{month}/{day}/{year}"),
        40 => String::new(),
        _ => format!("{year}{month:02}{day:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundreds_of_programs_in_both_views_and_in_the_hives_of_users() {
        let registry = Registry::windows("HOST", Profile::default());
        let keys = |root, path: &str, wow| registry.subkeys(Place { root, path, wow }).expect("there");
        assert_eq!(keys(LOCAL_MACHINE, NATIVE, false).len(), NATIVE_KEYS + LEFTOVERS.len());
        assert_eq!(keys(LOCAL_MACHINE, NARROW, false).len(), NARROW_KEYS);
        assert_eq!(keys(LOCAL_MACHINE, NATIVE, true), keys(LOCAL_MACHINE, NARROW, false));
        assert_eq!(keys(USERS, "", false).len(), USER_SIDS.len() + OTHER_HIVES.len());
        let mut visible = 0;
        for (root, place) in [(LOCAL_MACHINE, NATIVE.to_owned()), (LOCAL_MACHINE, NARROW.to_owned())]
            .into_iter()
            .chain(USER_SIDS.map(|sid| (USERS, format!("{sid}\\{NATIVE}"))))
        {
            for key in keys(root, &place, false) {
                let path = format!("{place}\\{key}");
                let key = registry.key(Place { root, path: &path, wow: false }).expect("listed");
                if LEFTOVERS.contains(&key.name.as_str()) {
                    assert!(["UninstallString", "WindowsInstaller"].iter().all(|name| key.value(name).is_none()));
                    continue;
                }
                assert!(key.values().len() >= 9, "{path}");
                let hidden = ["SystemComponent", "ParentKeyName"].iter().any(|name| key.value(name).is_some());
                visible += usize::from(key.value("displayname").is_some() && !hidden);
            }
        }
        assert!(visible >= 300, "only {visible} are seen");
    }

    #[test]
    fn a_foreign_host_has_foreign_names_only() {
        let registry = Registry::windows("HOST", Profile::ForeignLocale);
        fn place(path: &str) -> Place<'_> {
            Place { root: LOCAL_MACHINE, path, wow: false }
        }
        for key in registry.subkeys(place(NATIVE)).expect("there") {
            let path = format!("{NATIVE}\\{key}");
            if let Some(Data::Text(name)) = registry.key(place(&path)).expect("listed").value("DisplayName") {
                assert!(!name.is_ascii(), "{name}");
            }
        }
    }
}
