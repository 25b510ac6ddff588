//! Arrows point down: what a module of the core may use is its own level, the base, and the levels below.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms of `wmi-proto/src` from the bottom to the top; those of one line are one level.
const LEVELS: &[&[&str]] = &[
    &["time", "entropy", "transport", "limits", "secret", "stats", "wire", "path"],
    &["auth"],
    &["cx"],
    &["rpc", "dcom"],
    &["wmi"],
    &["client"],
    &["lib"],
];

/// `wire` uses nothing but itself, and the base nothing but `wire`.
fn level(room: &str) -> usize {
    LEVELS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| panic!("{room} is in no level"))
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the source folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// `tests.rs`, and what is in a folder of that name; `path` is below the root of the sources.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests.rs" || part.as_os_str() == "tests")
}

/// The rooms that a source file names: `crate::room`, also in a group `crate::{a, b::c}`.
fn rooms_used(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_i32;
            for part in group.split_inclusive(|c| "{},".contains(c)) {
                if depth == 0 {
                    rooms.push(word(part.trim_start()));
                }
                depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
                if depth < 0 {
                    break;
                }
            }
        } else {
            rooms.push(word(rest));
        }
    }
    rooms.retain(|room| room.chars().next().is_some_and(char::is_lowercase));
    rooms
}

#[test]
fn arrows_point_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wmi-proto/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 40, "the sources were not found");
    let mut wrong = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&root).expect("a path below the root");
        let room = path.components().next().expect("a first component").as_os_str().to_string_lossy();
        let room = room.trim_end_matches(".rs");
        let text = fs::read_to_string(file).expect("a source file is text");
        let code: String =
            text.lines().filter(|l| !l.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect();
        // Unit tests may look up.
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        if is_test(path) {
            continue;
        }
        for used in rooms_used(code) {
            if LEVELS.iter().all(|rooms| !rooms.contains(&used.as_str())) {
                continue;
            }
            let sideways = room == "wire" && used != "wire";
            if sideways || level(&used) > level(room) {
                wrong.push(format!("{} uses crate::{used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}

#[test]
fn groups_and_paths_are_seen() {
    assert_eq!(rooms_used("use crate::{auth::{A, B}, client::C, D}; crate::wire::X"), ["auth", "client", "wire"]);
}

/// The first sentence of a file's `//!` comment.
fn sentence(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a source file is text");
    let paragraph: Vec<&str> = text
        .lines()
        .take_while(|l| l.starts_with("//!"))
        .map(|l| l[3..].trim())
        .take_while(|l| !l.is_empty())
        .collect();
    let paragraph = paragraph.join(" ");
    paragraph.split_once(". ").map_or(paragraph.clone(), |(first, _)| format!("{first}."))
}

/// The map of all crates as `docs/architecture.md` holds it.
fn map() -> String {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut map = String::new();
    for name in [
        "wmi-proto",
        "wmi-mio",
        "wmi-async-std",
        "wmi-checks",
        "wmi-infrasonar",
        "wmi-capture",
        "wmi-sim",
        "wmi-cli",
        "wmi-testkit",
    ] {
        map.push_str(&format!("\n### {name}\n\n| file | what belongs in it |\n|---|---|\n"));
        let root = crates.join(name).join("src");
        let mut files = Vec::new();
        sources(&root, &mut files);
        files.sort();
        for file in &files {
            let path = file.strip_prefix(&root).expect("a path below the root");
            if !is_test(path) {
                map.push_str(&format!("| `{}` | {} |\n", path.display(), sentence(file)));
            }
        }
    }
    map
}

#[test]
fn the_map_is_the_sources() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/architecture.md");
    let text = fs::read_to_string(&path).expect("docs/architecture.md is there");
    let (head, rest) = text.split_once("<!-- map -->\n").expect("the map begins");
    let (found, tail) = rest.split_once("\n<!-- end of map -->").expect("the map ends");
    if std::env::var_os("UPDATE_MAP").is_some() {
        fs::write(&path, format!("{head}<!-- map -->\n{}\n<!-- end of map -->{tail}", map())).expect("it is writable");
        return;
    }
    let map = map();
    let other: Vec<&str> = map.lines().filter(|line| !found.lines().any(|l| l == *line)).collect();
    let same = found == map;
    assert!(same, "run with UPDATE_MAP=1 to write docs/architecture.md anew; it lacks:\n{}", other.join("\n"));
}

/// The sections of `docs/windows-hosts.md` that `text` names.
fn sections(text: &str) -> impl Iterator<Item = &str> {
    let named = text.split("windows-hosts.md#").skip(1);
    named.map(|rest| &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len())])
}

#[test]
fn every_section_that_is_named_anywhere_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manual = fs::read_to_string(root.join("docs/windows-hosts.md")).expect("the manual");
    let headings = manual.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors: Vec<String> = headings.map(|heading| heading.to_lowercase().replace(' ', "-")).collect();
    let mut files = vec![root.join("README.md")];
    sources(&root.join("crates"), &mut files);
    files.extend(fs::read_dir(root.join("docs")).expect("documents").map(|entry| entry.expect("an entry").path()));
    let mut count = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a file is text");
        for name in sections(&text).filter(|name| !name.is_empty()) {
            count += 1;
            assert!(anchors.iter().any(|anchor| anchor == name), "{}: no section {name}", file.display());
        }
    }
    assert!(count > anchors.len() / 2, "{count} sections are named, too few to believe");
    let links = manual.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
    for name in links {
        assert!(anchors.iter().any(|anchor| anchor == name), "the manual itself has no section {name}");
    }
}
