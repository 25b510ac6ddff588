//! What the command line means, and what it refuses.

use clap::CommandFactory;

use super::*;

fn parse(line: &[&str]) -> Result<Command, clap::Error> {
    Arguments::try_parse_from(std::iter::once("wmi").chain(line.iter().copied())).map(|a| a.command)
}

fn usage(line: &[&str], word: &str) {
    let error = parse(line).expect_err("a usage error");
    assert_eq!(error.exit_code(), 2, "{line:?}");
    assert!(error.to_string().contains(word), "{line:?}: {error}");
}

#[test]
fn the_definition_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn a_query_with_everything() {
    let line = [
        "query",
        "[::1]:1135",
        "SELECT * FROM X",
        "-u",
        r"ACME\monitor",
        "-n",
        r"root\default",
        "-o",
        "csv",
        "--timeout",
        "2.5",
        "--auth-level",
        "integrity",
        "--auth-mechanism",
        "negotiate",
        "--enumerator",
        "next",
        "--batch",
        "7",
        "-v",
    ];
    let Ok(Command::Query(query)) = parse(&line) else { panic!("a query") };
    assert_eq!(query.connect.host, HostPort { host: "::1".to_owned(), port: Some(1135) });
    assert_eq!(query.connect.account.user.as_deref(), Some(r"ACME\monitor"));
    assert_eq!(query.connect.timeout, Duration::from_millis(2500));
    assert_eq!((query.connect.auth_level, query.connect.auth_mechanism), (Level::Integrity, LogOn::Negotiate));
    assert!(query.connect.verbose);
    assert_eq!((query.wql, query.namespace.as_str()), (vec!["SELECT * FROM X".to_owned()], r"root\default"));
    assert_eq!((query.output, query.enumerator), (RowFormat::Csv, Fetch::Next));
    assert_eq!(query.batch, NonZeroU32::new(7));
}

#[test]
fn a_query_with_defaults() {
    let Ok(Command::Query(query)) = parse(&["query", "srv01", "SELECT * FROM X"]) else { panic!("a query") };
    assert_eq!(query.namespace, "root/cimv2");
    assert_eq!(query.connect.timeout, Duration::from_secs(30));
    assert_eq!((query.connect.auth_level, query.connect.auth_mechanism), (Level::Privacy, LogOn::Ntlm));
    assert_eq!((query.output, query.enumerator, query.batch), (RowFormat::Table, Fetch::Auto, None));
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    usage(&["query", "srv01"], "WQL");
    usage(&["query", "srv01", ""], "empty");
    usage(&["query", "srv01", " \t "], "empty");
    usage(&["query", "srv01", "SELECT\0 * FROM X"], "NUL");
    usage(&["query", "srv01", "SELECT * FROM X", "-n", ""], "empty");
    usage(&["query", "srv01:99999", "SELECT * FROM X"], "port");
    usage(&["query", "srv01", "SELECT * FROM X", "-u", r"ACME\"], "empty");
    usage(&["query", "srv01", "SELECT * FROM X", "--batch", "0"], "--batch");
    for timeout in ["0", "-1", "NaN", "inf", "1e9", "soon"] {
        usage(&["query", "srv01", "SELECT * FROM X", &format!("--timeout={timeout}")], "seconds");
    }
    usage(&["query", "srv01", "SELECT * FROM X", "--password", "x"], "--password");
    usage(&["query", "srv01", "SELECT * FROM X", ""], "empty");
    usage(&["query", "srv01", "SELECT * FROM X", "--context", "A"], "NAME=VALUE");
    usage(&["query", "srv01", "SELECT * FROM X", "--context", "A=4294967296"], "32 bits");
    usage(&["query", "srv01", "SELECT * FROM X", "--locale", ""], "empty");
    usage(&["get", "srv01"], "PATH");
    usage(&["call", "srv01", "X"], "METHOD");
    usage(&["call", "srv01", "X", "Do", "A"], "NAME=VALUE");
    usage(&["call", "srv01", "X", "Do", "=1"], "missing");
    usage(&["class", "srv01", "X", "-o", "csv"], "csv");
    usage(&["classes", "srv01", "X'"], "wildcards");
    usage(&["query", "srv01", "SELECT * FROM X", "--auth-mechanism", "kerberos"], "negotiate");
    usage(&["check", "srv01"], "CHECK");
    usage(&["check", "srv01", "weather"], "services");
    usage(&["sim", "--listen", "127.0.0.1:0", "--fault", "earthquake"], "write-one-octet");
    usage(&["sim", "--listen", "127.0.0.1:0", "--profile", "mainframe"], "core-256-cpus");
    usage(&["sim", "--listen", "127.0.0.1:0", "--clock", "2026-03-01 12:00"], "2026-03-01T12:00:00Z");
    usage(&["sim", "--listen", "127.0.0.1:0", "--clock", "2026-3-01T12:00:00Z"], "2026-03-01T12:00:00Z");
    usage(&["sim", "--listen", "127.0.0.1:0", "--clock", "2026-13-01T12:00:00Z"], "2026-03-01T12:00:00Z");
    usage(&["decode"], "FILE");
    usage(&[], "Usage");
}

#[test]
fn a_simulated_host_with_everything() {
    let line =
        ["sim", "--listen", "[::1]:0", "--profile", "huge", "--clock", "2026-03-01T12:00:00Z", "--latency", "20"];
    let Ok(Command::Sim(sim)) = parse(&line) else { panic!("a host") };
    assert_eq!((sim.profile, sim.latency), (Profile::Huge, 20));
    assert_eq!(sim.clock, Some(FileTime::from_unix(Duration::from_secs(1_772_366_400))));
}

#[test]
fn a_call_with_everything() {
    let line = ["call", "srv01", "X.A='b'", "Do", "A=1", "B=x=y", "-n", "root/x", "-o", "json", "--locale", "MS_407"];
    let context = ["--context", "A=5", "--context", "__b=x", "--follow-bindings"];
    let Ok(Command::Call(call)) = parse(&[&line[..], &context].concat()) else { panic!("a call") };
    assert_eq!((call.path.as_str(), call.method.as_str()), ("X.A='b'", "Do"));
    let given = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(call.parameters, [given("A", "1"), given("B", "x=y")]);
    assert_eq!((call.namespace.as_str(), call.output), ("root/x", RowFormat::Json));
    let connect = call.connect;
    assert!(connect.follow_bindings && connect.locale.as_deref() == Some("MS_407"));
    let expected = [("A".to_owned(), CimValue::Sint32(5)), ("__b".to_owned(), "x".into())];
    assert_eq!(connect.context, expected);
}

#[test]
fn patterns_of_classes_are_names_with_wildcards() {
    assert_eq!(class_pattern("Win32_*Ti?e%"), Ok("Win32_*Ti?e*".to_owned()));
    for wrong in ["", "a b", "a'", "a\"", "[a]", "a\\"] {
        assert!(class_pattern(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn checks_with_everything() {
    let line =
        ["check", "srv01", "all", "counters:Win32_PerfRawData_X", "--skip", "services,users", "--skip", "memory"];
    let more =
        ["--shape", "infrasonar", "-o", "jsonl", "--interval", "60", "--count", "2", "--win32-product", "--calls", "8"];
    let Ok(Command::Check(check)) = parse(&[&line[..], &more].concat()) else { panic!("checks") };
    assert_eq!(check.checks, ["all", "counters:Win32_PerfRawData_X"]);
    assert_eq!(check.skip, ["services", "users", "memory"]);
    assert_eq!((check.shape, check.output), (ReportShape::Infrasonar, CheckFormat::Jsonl));
    assert_eq!((check.interval, check.count), (Some(Duration::from_secs(60)), Some(2)));
    assert!(check.win32_product);
    assert_eq!(check.calls, 8);
    usage(&["check", "srv01", "software", "--calls", "0"], "1..=128");
    usage(&["check", "srv01"], "CHECK");
    usage(&["check", "srv01", "memory", "--interval", "0"], "between");
    usage(&["check", "srv01", "counters:"], "no such check");
}
