//! Every command that the README shows is run.

use std::fs;
use std::path::Path;

use wmi_proto::cim::{CimObject, CimType, CimValue, ClassBuilder, PropertyBuilder};
use wmi_sim::DEFAULT_PASSWORD;

use crate::support::{host_with, line, lines_of, run, signal, start, wait, wmi, words};

/// The command lines of the fenced blocks, without prompts and remarks.
fn commands() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(readme).expect("the README is there");
    let mut commands = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = ["```sh", "```console"].contains(&line);
        } else if inside {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            commands.push(line.split(" # ").next().unwrap_or_default().trim_end().to_owned());
        }
    }
    commands
}

#[test]
fn every_command_of_the_readme_runs() {
    let host = host_with(10, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let object = folder.path().join("object.wmio");
    let class = ClassBuilder::new("Sim_Readme").property(PropertyBuilder::new("Id", CimType::UINT32));
    let class = class.build().expect("a class");
    let instance = CimObject::instance(&class, [("Id", CimValue::Uint32(7))]).expect("an instance");
    fs::write(&object, instance.encode_unit()).expect("a file");

    let session = folder.path().join("session.pcap");
    let (object, session) = (object.to_string_lossy(), session.to_string_lossy());

    let mut seen = Vec::new();
    for command in commands() {
        let command = command.replace("server.example", &host.activator_addr().to_string());
        let words = words(&command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["cargo", "run", "--release", "--", ref arguments @ ..] => {
                run(wmi(arguments.iter().copied())).exits(0);
                seen.push("cargo run");
            }
            // This is what runs us.
            ["cargo", "test", "--workspace"] => seen.push("cargo test"),
            ["export", password] => assert!(password.starts_with("WMI_PASSWORD="), "{command}"),
            ["wmi", "sim", ref arguments @ ..] => {
                let mut sim = wmi(["sim"].iter().chain(arguments).copied());
                let mut child = start(sim.env("WMI_PASSWORD", DEFAULT_PASSWORD));
                let ready = line(&mut lines_of(&mut child));
                assert!(ready.starts_with("listening on 127.0.0.1:"), "{ready}");
                signal(&child, "INT");
                wait(&mut child);
                seen.push("wmi sim");
            }
            ["wmi", subcommand, ref arguments @ ..] => {
                let arguments = [subcommand].into_iter().chain(arguments.iter().copied());
                let mut program = wmi(arguments.map(|argument| match argument {
                    "object.wmio" => &*object,
                    "session.pcap" => &*session,
                    argument => argument,
                }));
                program.env("WMI_PASSWORD", DEFAULT_PASSWORD);
                let finished = run(program).exits(0);
                assert!(!finished.stdout.is_empty(), "{command}");
                let known =
                    ["query", "get", "call", "class", "classes", "namespaces", "replay", "checks", "check", "decode"];
                seen.push(known.into_iter().find(|s| *s == subcommand).expect(subcommand));
            }
            _ => panic!("a command that no test knows: {command}"),
        }
    }
    let objects = ["get", "call", "call", "class", "classes", "namespaces"];
    let expected = [
        &["cargo run", "cargo test", "query", "query"][..],
        &objects,
        &["query", "replay", "checks", "check", "check"],
    ]
    .concat();
    assert_eq!(seen, [&expected[..], &["wmi sim", "decode"]].concat());
}

#[test]
fn cargo_run_means_this_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = fs::read_to_string(folder.join("../../Cargo.toml")).expect("the workspace");
    assert!(workspace.contains(r#"default-members = ["crates/wmi-cli"]"#));
    let package = fs::read_to_string(folder.join("Cargo.toml")).expect("the package");
    assert_eq!(package.matches("[[bin]]").count(), 1);
    assert!(!folder.join("src/bin").exists());
}
