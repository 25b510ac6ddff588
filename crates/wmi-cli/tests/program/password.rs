//! Where the password comes from, and that there must be one.

use std::fs;

use wmi_sim::DEFAULT_PASSWORD;

use crate::support::{ACCOUNT, host_with, query, run, wmi};

const WQL: &str = "SELECT Id FROM Sim_Many";

#[test]
fn none_to_be_had_is_a_usage_error() {
    let finished = run(wmi(["query", "127.0.0.1:1", WQL, "-u", ACCOUNT])).exits(2).in_one_message();
    finished.says(&["--password-file", "WMI_PASSWORD"]);
    run(wmi(["sim", "--listen", "127.0.0.1:0"])).exits(2).says(&["WMI_PASSWORD"]);
    let finished = run(wmi(["query", "127.0.0.1:1", WQL, "-u", ACCOUNT, "--password-file", "/nonexistent/file"]));
    finished.exits(2).says(&["/nonexistent/file"]);
}

#[test]
fn the_file_comes_before_the_variable() {
    let host = host_with(1, &[]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), format!("{DEFAULT_PASSWORD}\n")).expect("to write");
    let path = file.path().to_str().expect("UTF-8");
    let mut command = query(host.activator_addr(), WQL, &["--password-file", path, "-o", "jsonl"]);
    command.env("WMI_PASSWORD", "wrong");
    assert_eq!(run(command).exits(0).stdout, "{\"Id\":0}\n");

    fs::write(file.path(), "wrong").expect("to write");
    run(query(host.activator_addr(), WQL, &["--password-file", path])).exits(1);
}

#[test]
fn accounts_in_every_spelling_log_on() {
    let host = host_with(1, &[]);
    for account in [r"ACME\monitor", r"acme\MONITOR"] {
        let mut command = wmi(["query", &host.activator_addr().to_string(), WQL, "-u", account, "-o", "jsonl"]);
        command.env("WMI_PASSWORD", DEFAULT_PASSWORD);
        assert_eq!(run(command).exits(0).stdout, "{\"Id\":0}\n", "{account}");
    }
    let mut command = wmi(["query", &host.activator_addr().to_string(), WQL, "-o", "jsonl"]);
    command.env("WMI_PASSWORD", DEFAULT_PASSWORD).env("WMI_USER", ACCOUNT);
    assert_eq!(run(command).exits(0).stdout, "{\"Id\":0}\n");
}

#[test]
fn the_password_is_in_no_output() {
    let host = host_with(1, &[]);
    let finished = run(query(host.activator_addr(), WQL, &["-v"])).exits(0);
    assert!(!finished.stderr.contains(DEFAULT_PASSWORD) && !finished.stdout.contains(DEFAULT_PASSWORD));
    let mut command = query(host.activator_addr(), WQL, &["-v"]);
    command.env("WMI_PASSWORD", "not-the-password");
    let finished = run(command).exits(1);
    assert!(!finished.stderr.contains("not-the-password"));
}
