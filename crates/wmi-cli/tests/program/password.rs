//! Where the password comes from, and that there must be one.

use std::fs;

use wmi_sim::DEFAULT_PASSWORD;

use crate::support::{ACCOUNT, host_with, query, run, wmi};

const WQL: &str = "SELECT Id FROM Sim_Many";
/// Of the default password, as impacket computes it.
const DEFAULT_HASH: &str = "24d9c99595080b241b3b4eb0cba8d8f4";

#[test]
fn none_to_be_had_is_a_usage_error() {
    let finished = run(wmi(["query", "127.0.0.1:1", WQL, "-u", ACCOUNT])).exits(2).in_one_message();
    finished.says(&["--password-file", "WMI_PASSWORD", "--hash-file", "WMI_NT_HASH"]);
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
fn an_nt_hash_takes_the_place_of_the_password() {
    let host = host_with(1, &[]);
    let address = host.activator_addr().to_string();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    let other = DEFAULT_HASH.replace('2', "3");
    for (hash, status) in [(DEFAULT_HASH, 0), (other.as_str(), 1)] {
        let mut command = wmi(["query", &address, WQL, "-u", ACCOUNT, "-v"]);
        command.env("WMI_NT_HASH", hash);
        let finished = run(command).exits(status);
        assert!(!finished.stderr.contains(hash) && !finished.stdout.contains(hash));
        fs::write(file.path(), format!("{hash}\n")).expect("to write");
        run(wmi(["check", &address, "services", "-u", ACCOUNT, "--hash-file", path])).exits(status);
        // The file comes before the variables.
        let mut command = wmi(["query", &address, WQL, "-u", ACCOUNT, "--hash-file", path]);
        command.env("WMI_PASSWORD", "x").env("WMI_NT_HASH", "x");
        run(command).exits(status);
    }

    let mut both = wmi(["query", &address, WQL, "-u", ACCOUNT]);
    both.env("WMI_PASSWORD", "x").env("WMI_NT_HASH", DEFAULT_HASH);
    run(both).exits(2).says(&["WMI_PASSWORD", "WMI_NT_HASH"]);
    let mut short = wmi(["query", &address, WQL, "-u", ACCOUNT]);
    short.env("WMI_NT_HASH", &DEFAULT_HASH[1..]);
    let finished = run(short).exits(2).says(&["WMI_NT_HASH", "32 hexadecimal"]);
    assert!(!finished.stderr.contains(&DEFAULT_HASH[1..]), "{}", finished.stderr);
    let two = ["query", &address, WQL, "-u", ACCOUNT, "--hash-file", path, "--password-file", path];
    run(wmi(two)).exits(2).says(&["--password-file"]);
    // There is no way to give it in clear.
    run(wmi(["query", &address, WQL, "-u", ACCOUNT, "--nt-hash", DEFAULT_HASH])).exits(2);
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
