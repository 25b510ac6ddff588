//! Every command that README.md shows, run as shown against a simulated host.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{host_with, line, lines_of, run, signal, start, wait, wmi, words};
use tempfile::TempDir;
use wmi_proto::cim::{CimObject, CimType, ClassBuilder, PropertyBuilder};
use wmi_sim::DEFAULT_PASSWORD;

/// The host of the examples; the simulated one takes its place.
const HOST: &str = "server.example";

/// The file that `wmi decode` is shown with.
const FILE: &str = "object.wmio";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The command lines of all `sh` and `console` blocks, without prompts.
fn commands(markdown: &str) -> Vec<String> {
    let mut language = None;
    let mut commands = Vec::new();
    for line in markdown.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(opened), None) => language = Some(opened),
            (Some(_), Some(_)) => language = None,
            (None, Some("sh")) if !line.trim().is_empty() => commands.push(line.to_owned()),
            (None, Some("console")) => commands.extend(line.strip_prefix("$ ").map(str::to_owned)),
            _ => {}
        }
    }
    commands
}

/// The words of a command line up to a comment.
fn without_comment(line: &str) -> Vec<String> {
    words(line).into_iter().take_while(|word| !word.starts_with('#')).collect()
}

/// A folder with the file that is decoded.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let class = ClassBuilder::new("Sample").property(PropertyBuilder::new("Id", CimType::UINT32).key());
    let object = CimObject::of_class(class.build().expect("a class"));
    fs::write(folder.path().join(FILE), object.encode_unit()).expect("to write");
    folder
}

fn is_long_running(command: &[&str]) -> bool {
    command[0] == "sim" || command.contains(&"--hold")
}

#[test]
fn every_command_of_the_readme_works() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).expect("README.md");
    let host = host_with(10, &[]);
    let address = host.activator_addr().to_string();
    let folder = folder();
    let mut run_here = Vec::new();
    for shown in commands(&readme) {
        let words = without_comment(&shown);
        let assignments = words.iter().take_while(|word| word.starts_with("WMI_")).count();
        let (_, words) = words.split_at(assignments);
        let words: Vec<&str> = words.iter().map(|word| if word == HOST { &address } else { word.as_str() }).collect();
        let arguments = match &words[..] {
            ["cargo", "run", "--release", "--", arguments @ ..] | ["wmi", arguments @ ..] => arguments,
            // This is one of the tests that it runs.
            ["cargo", "test", "--workspace"] => continue,
            // Only the password is set this way, and it is set below.
            ["export", variable] if variable.starts_with("WMI_PASSWORD=") => continue,
            _ => panic!("this test does not know how to run {shown:?}"),
        };
        let mut command: Command = wmi(arguments.iter().copied());
        command.env("WMI_PASSWORD", DEFAULT_PASSWORD).current_dir(folder.path());
        if is_long_running(arguments) {
            let mut child = start(&mut command);
            let first = line(&mut lines_of(&mut child));
            assert!(first.contains("listening on "), "{shown}: {first}");
            signal(&child, "TERM");
            wait(&mut child);
        } else {
            let finished = run(command).exits(0);
            assert!(!finished.stdout.is_empty(), "{shown} prints something: {}", finished.stderr);
        }
        run_here.push(arguments[0].to_owned());
    }
    for subcommand in ["demo", "query", "check", "sim", "decode"] {
        assert!(run_here.iter().any(|run| run == subcommand), "README.md shows {subcommand}");
    }
}

#[test]
fn cargo_run_means_this_program() {
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).expect("Cargo.toml");
    assert!(manifest.contains(r#"default-members = ["crates/wmi-cli"]"#));
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("Cargo.toml");
    assert_eq!(manifest.matches("[[bin]]").count(), 1);
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin").exists());
}

#[test]
fn blocks_are_read_as_people_read_them() {
    let markdown =
        "text\n```sh\nwmi demo\n```\n```console\n$ wmi query h 'a # b'   # why\noutput\n```\n```rust\nx\n```\n";
    assert_eq!(commands(markdown), ["wmi demo", "wmi query h 'a # b'   # why"]);
    assert_eq!(without_comment("wmi query h 'a # b'   # why"), ["wmi", "query", "h", "a # b"]);
}
