//! The planted faults of `tests/mutants/`: that each still applies, names tests that exist and is told in
//! docs/testing.md, and that every property and every conformance case has one to notice. Whether they do is told by
//! `tests/mutants/run`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runtimes of ours that the conformance list is run on: package, target, and what stands before the name of a case.
const RUNTIMES: [[&str; 3]; 3] =
    [["wmi-mio", "conformance", ""], ["wmi-mio", "conformance", "reactor::"], ["wmi-async-std", "conformance", ""]];

/// A patch with the lines before its diff.
struct Mutant {
    name: String,
    path: PathBuf,
    fault: String,
    /// Package, target and name of the tests that must fail.
    red: Vec<[String; 3]>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn mutants() -> Vec<Mutant> {
    let folder = root().join("tests/mutants");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("the entry is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are no patches");
    paths.into_iter().map(mutant).collect()
}

fn mutant(path: PathBuf) -> Mutant {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(&path).expect("the patch is readable");
    let (mut fault, mut red) = (None, Vec::new());
    for line in text.lines().take_while(|line| !line.starts_with("--- ")) {
        if let Some(sentence) = line.strip_prefix("Fault: ") {
            assert!(fault.replace(sentence.to_owned()).is_none(), "{name}: two faults");
        } else if let Some(test) = line.strip_prefix("Red: ") {
            let parts: Vec<String> = test.splitn(3, ' ').map(str::to_owned).collect();
            red.push(parts.try_into().unwrap_or_else(|_| panic!("{name}: not PACKAGE TARGET TEST: {test}")));
        } else {
            assert!(line.is_empty(), "{name}: neither Fault nor Red: {line}");
        }
    }
    assert!(!red.is_empty(), "{name}: no test is named");
    Mutant { fault: fault.unwrap_or_else(|| panic!("{name}: no fault is named")), name, path, red }
}

/// The names behind `#[test]` in a source file, and those of cases that take a runtime.
fn tests_in(source: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let rest = line.trim_start().trim_start_matches("pub ").strip_prefix("fn ")?;
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (!name.is_empty()).then_some(name)
    };
    let lines: Vec<&str> = source.lines().collect();
    let behind = lines.windows(2).filter(|pair| pair[0].trim() == "#[test]").filter_map(|pair| name(pair[1]));
    let cases = lines.iter().filter(|line| line.starts_with("pub fn ") && line.contains("<R: Runtime>()"));
    behind.chain(cases.filter_map(|line| name(line))).collect()
}

#[test]
fn every_patch_applies() {
    let root = root();
    let mut wrong = String::new();
    for mutant in mutants() {
        let mut git = Command::new("git");
        // As files, not as a part of whatever repository is around.
        git.current_dir(&root).env("GIT_CEILING_DIRECTORIES", root.parent().expect("the workspace is in a folder"));
        let check = git.args(["apply", "--check"]).arg(&mutant.path).output().expect("git runs");
        if !check.status.success() {
            let _ = write!(wrong, "{}: {}", mutant.name, String::from_utf8_lossy(&check.stderr));
        }
    }
    assert!(wrong.is_empty(), "make these anew for the code as it is now:\n{wrong}");
}

/// All Rust sources in one.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("the source is readable"));
        }
    }
}

#[test]
fn every_named_test_exists() {
    let mut text = String::new();
    for folder in ["crates", "tests"] {
        sources(&root().join(folder), &mut text);
    }
    for mutant in mutants() {
        for test in &mutant.red {
            let name = test[2].rsplit("::").next().expect("a name");
            let forms = [format!("fn {name}("), format!("fn {name}<"), format!("(\"{name}\"")];
            assert!(forms.iter().any(|form| text.contains(form)), "{}: no such test: {}", mutant.name, test.join(" "));
        }
    }
}

#[test]
fn every_property_and_every_conformance_case_has_a_fault_to_notice() {
    let named: BTreeSet<String> =
        mutants().into_iter().flat_map(|mutant| mutant.red).map(|test| test.join(" ")).collect();
    let properties = tests_in(&read("tests/properties.rs"));
    let cases = tests_in(&read("crates/wmi-testkit/src/conformance.rs"));
    assert!(properties.len() >= 9 && cases.len() >= 17, "they were not found");
    let of_runtimes = RUNTIMES.iter().flat_map(|[package, target, module]| {
        cases.iter().map(move |case| format!("{package} {target} {module}{case}"))
    });
    let wanted = properties.iter().map(|property| format!("wmi-testkit properties {property}")).chain(of_runtimes);
    let missing: Vec<String> = wanted.filter(|test| !named.contains(test)).collect();
    assert!(missing.is_empty(), "no patch makes these fail:\n{}", missing.join("\n"));
}

/// The table of docs/testing.md.
fn table() -> String {
    let mut text = String::from("\n| patch | fault | must fail |\n|---|---|---|\n");
    for mutant in mutants() {
        let mut targets: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for [package, target, test] in mutant.red {
            targets.entry(format!("{package} {target}")).or_default().push(format!("`{test}`"));
        }
        let red: Vec<String> =
            targets.into_iter().map(|(target, tests)| format!("{target}: {}", tests.join(", "))).collect();
        let _ = writeln!(text, "| `{}` | {} | {} |", mutant.name, mutant.fault, red.join("; "));
    }
    text
}

#[test]
fn the_table_is_that_of_the_patches() {
    const DOCS: &str = "docs/testing.md";
    let text = read(DOCS);
    let (head, rest) = text.split_once("<!-- mutants -->\n").expect("the table begins");
    let (found, tail) = rest.split_once("\n<!-- end of mutants -->").expect("the table ends");
    let table = table();
    if std::env::var_os("UPDATE_MUTANTS").is_some() {
        let text = format!("{head}<!-- mutants -->\n{table}\n<!-- end of mutants -->{tail}");
        fs::write(root().join(DOCS), text).expect("it is writable");
        return;
    }
    let other: Vec<&str> = table.lines().filter(|line| !found.lines().any(|l| l == *line)).collect();
    let same = found == table;
    assert!(same, "run with UPDATE_MUTANTS=1 to write {DOCS} anew; it lacks:\n{}", other.join("\n"));
}
