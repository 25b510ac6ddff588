//! Objects by path, classes, and lists of classes and namespaces, in every format.

use serde_json::{Value, json};
use wmi_sim::DEFAULT_PASSWORD;

use crate::support::{ACCOUNT, Finished, all_given_back, host_with, run, wmi};

/// `wmi COMMAND ADDRESS …` with the right account and password.
fn ask(host: &wmi_sim::Server, line: &[&str]) -> Finished {
    let address = host.activator_addr().to_string();
    let mut command = wmi([line[0], &address].into_iter().chain(line[1..].iter().copied()).chain(["-u", ACCOUNT]));
    command.env("WMI_PASSWORD", DEFAULT_PASSWORD);
    run(command)
}

const AWKWARD: &str = r#"Sim_Methods.Name="it's \"second\", a=b\\c""#;

#[test]
fn an_instance_in_every_format() {
    let host = host_with(1, &[]);
    for format in ["json", "jsonl"] {
        let finished = ask(&host, &["get", AWKWARD, "-o", format]).exits(0);
        let object: Value = serde_json::from_str(&finished.stdout).expect("one object");
        let expected = json!({
            "__PATH": format!(r"\\WINSIM\root\cimv2:{AWKWARD}"), "Name": r#"it's "second", a=b\c"#, "Calls": 0,
        });
        assert_eq!((object, finished.stdout.lines().count()), (expected, 1));
    }
    let finished = ask(&host, &["get", AWKWARD, "-o", "csv"]).exits(0);
    let mut reader = csv::Reader::from_reader(finished.stdout.as_bytes());
    assert_eq!(reader.headers().expect("a header"), vec!["__PATH", "Name", "Calls"]);
    let record = reader.records().next().expect("a record").expect("a record");
    assert_eq!((&record[1], &record[2]), (r#"it's "second", a=b\c"#, "0"));
    let finished = ask(&host, &["get", AWKWARD]).exits(0);
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(lines[1..3], [r#"Name    it's "second", a=b\c"#, "Calls   0"]);
    assert_eq!(finished.stderr, "");
    all_given_back(&host);
}

#[test]
fn a_path_that_was_printed_is_one_that_is_taken() {
    let host = host_with(1, &[]);
    let keys = "SELECT * FROM Sim_Keys";
    let rows = run(crate::support::query(host.activator_addr(), keys, &["-o", "jsonl"])).exits(0).lines();
    assert_eq!(rows.len(), 2);
    for path in [
        r#"Sim_Keys.ABoolean=TRUE,ASint8=-7,AUint64=18446744073709551615,AChar16=937,AString="C:\\dir\\, \"quoted\", Key=1",ADateTime="20251231235958.987654+090",AReference="Sim_Thing.Name=\"heavy thing\"""#,
        "Win32_OperatingSystem=@",
        r#"//./ROOT/cimv2:Win32_Service="W32Time""#,
        r#"root\cimv2:Win32_Service.Name='W32Time'"#,
    ] {
        let object = ask(&host, &["get", path, "-o", "json"]).exits(0).lines().pop().expect("an object");
        let printed = object["__PATH"].as_str().expect("a path").replace("WINSIM", ".");
        let again = ask(&host, &["get", &printed, "-o", "json"]).exits(0).lines().pop().expect("an object");
        // A live class has other numbers by then.
        assert_eq!((&again["__PATH"], &again["Name"]), (&object["__PATH"], &object["Name"]), "{path}");
        let class = ["Sim_Keys", "Win32_OperatingSystem", "Win32_Service"].iter().find(|class| path.contains(**class));
        assert!(printed.starts_with(&format!(r"\\.\root\cimv2:{}", class.expect("a class"))), "{printed}");
    }
}

#[test]
fn a_class_with_everything_that_it_says() {
    let host = host_with(1, &[]);
    let class = ask(&host, &["class", "Win32_Service", "-o", "json"]).exits(0).lines().pop().expect("a class");
    let above = ["Win32_BaseService", "CIM_Service", "CIM_LogicalElement", "CIM_ManagedSystemElement"];
    assert_eq!((&class["derivation"], &class["keys"]), (&json!(above), &json!(["Name"])));
    assert_eq!(class["qualifiers"]["provider"], "CIMWin32");
    assert_eq!(class["properties"]["ProcessId"]["type"], "uint32");
    assert_eq!(class["methods"]["ChangeStartMode"]["in"]["StartMode"]["type"], "string");
    let got = ask(&host, &["get", "Win32_Service", "-o", "jsonl"]).exits(0).lines().pop().expect("a class");
    assert_eq!(got, class);

    let finished = ask(&host, &["class", "Win32_Process"]).exits(0);
    for words in [
        "class Win32_Process : CIM_Process : ",
        "qualifiers dynamic, provider(\"CIMWin32\")",
        "\nHandle ",
        "\nmethods\n",
        "  static uint32 Create(in string CommandLine, in string CurrentDirectory, in object:Win32_ProcessStartup \
         ProcessStartupInformation, out uint32 ProcessId) of Win32_Process [constructor, static, implemented]\n",
    ] {
        assert!(finished.stdout.contains(words), "{words:?} is not in {}", finished.stdout);
    }
    let handle = finished.stdout.lines().find(|line| line.starts_with("Handle ")).expect("the key");
    assert_eq!(
        handle.split_whitespace().take(5).collect::<Vec<_>>(),
        ["Handle", "string", "key", "NULL", "CIM_Process"]
    );
    assert_eq!(ask(&host, &["get", "Win32_Process"]).exits(0).stdout, finished.stdout);
}

#[test]
fn amended_qualifiers_are_there_when_they_are_asked_for() {
    let host = host_with(1, &[]);
    let texts = ["The command line used to start the process", "A text that belongs to one object only"];
    let described = |line: &[&str]| {
        let out = ask(&host, line).exits(0).stdout;
        texts.iter().any(|text| out.contains(text))
    };
    assert!(!described(&["class", "Win32_Process", "-o", "json"]));
    assert!(described(&["class", "Win32_Process", "-o", "json", "--amended"]));
    assert!(described(&["class", "Win32_Process", "--amended"]));
    let path = r#"Sim_Methods.Name="first""#;
    assert!(!described(&["get", path]));
    assert!(described(&["get", path, "--amended"]));
    let object = ask(&host, &["get", path, "--amended", "-o", "json"]).exits(0).lines().pop().expect("an object");
    assert_eq!(object["properties"]["Name"]["value"], "first");
    ask(&host, &["get", path, "--amended", "-o", "csv"]).exits(2).in_one_message().says(&["csv"]);
    ask(&host, &["get", "Sim_Methods", "-o", "csv"]).exits(2).in_one_message().says(&["csv"]);
}

#[test]
fn texts_come_in_the_language_that_is_asked_for() {
    let host = host_with(1, &[]);
    for (locale, text) in [
        ("MS_407", "Startet den Dienst."),
        ("de-DE,en-US", "Startet den Dienst."),
        ("MS_409", "Places the service into its startup state."),
    ] {
        let line = ["class", "Win32_BaseService", "--amended", "-o", "json", "--locale", locale];
        let class = ask(&host, &line).exits(0).lines().pop().expect("a class");
        assert_eq!(class["methods"]["StartService"]["qualifiers"]["Description"], text, "{locale}");
    }
    all_given_back(&host);
}

#[test]
fn classes_by_pattern_in_every_format() {
    let host = host_with(1, &[]);
    let names = |finished: &Finished| {
        finished.lines().iter().map(|row| row["class"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let all = names(&ask(&host, &["classes", "-o", "jsonl"]).exits(0));
    assert!(all.len() > 40 && all.is_sorted_by_key(|name| name.to_lowercase()), "{all:?}");
    for pattern in ["win32_*Time", "Win32_%time", "win32_l????time"] {
        let some = names(&ask(&host, &["classes", pattern, "-o", "jsonl"]).exits(0));
        assert!(some.contains(&"Win32_LocalTime".to_owned()), "{pattern}: {some:?}");
        assert!(some.iter().all(|name| name.starts_with("Win32_") && name.ends_with("Time")), "{pattern}: {some:?}");
    }
    // An underscore stands for itself.
    assert_eq!(names(&ask(&host, &["classes", "win32_servic_", "-o", "jsonl"]).exits(0)), Vec::<String>::new());
    let finished = ask(&host, &["classes", "Win32_Service", "-o", "json"]).exits(0);
    let list: Value = serde_json::from_str(&finished.stdout).expect("an array");
    let service = json!([{
        "class": "Win32_Service", "superclass": "Win32_BaseService", "keys": ["Name"], "flags": ["dynamic"],
    }]);
    assert_eq!(list, service);
    let finished = ask(&host, &["classes", "Win32_Service", "-o", "csv"]).exits(0);
    assert_eq!(finished.stdout, "class,superclass,keys,flags\nWin32_Service,Win32_BaseService,Name,dynamic\n");
    let finished = ask(&host, &["classes", "Win32_Service"]).exits(0);
    assert_eq!(finished.stdout.lines().nth(2), Some("Win32_Service  Win32_BaseService  Name  dynamic"));
    for pattern in ["a'b", "a\"", "a b", "[a]", ""] {
        ask(&host, &["classes", pattern]).exits(2).says(&["PATTERN"]);
    }
    ask(&host, &["classes", "-n", "root/secret"]).exits(1).in_one_message().says(&["Remote Enable"]);
}

#[test]
fn namespaces_with_those_that_cannot_be_entered() {
    let host = host_with(1, &[]);
    let finished = ask(&host, &["namespaces", "-o", "jsonl"]).exits(0);
    let rows = finished.lines();
    let of = |name: &str| rows.iter().find(|row| row["namespace"] == name).expect(name);
    assert_eq!(rows[0]["namespace"], "root");
    assert_eq!((&of(r"root\cimv2")["error"], finished.stderr.as_str()), (&Value::Null, ""));
    let secret = &of(r"root\secret")["error"];
    assert_eq!((&secret["name"], &secret["code"]), (&"WBEM_E_ACCESS_DENIED".into(), &"0x80041003".into()));
    let json: Value = serde_json::from_str(&ask(&host, &["namespaces", "-o", "json"]).exits(0).stdout).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(rows.len()));
    let table = ask(&host, &["namespaces"]).exits(0).stdout;
    let line = table.lines().find(|line| line.starts_with(r"root\secret ")).expect("a line");
    assert!(line.ends_with(" WBEM_E_ACCESS_DENIED (0x80041003)"), "{table}");
    let csv = ask(&host, &["namespaces", "-o", "csv", "-n", r"\\.\root\cimv2"]).exits(0).stdout;
    assert_eq!(csv, "namespace,error\nroot\\cimv2,\nroot\\cimv2\\power,\n");
    // The one to begin at has to be entered.
    let finished = ask(&host, &["namespaces", "-n", "root/secret"]).exits(1).in_one_message();
    finished.says(&["log-in to namespace root\\secret", "Remote Enable"]);
    ask(&host, &["namespaces", "-n", "root/nowhere", "-o", "json"]).exits(1).in_one_message();
    all_given_back(&host);
}

#[test]
fn paths_that_cannot_be_meant_reach_nobody() {
    let host = host_with(1, &[]);
    for (path, words) in [
        (r#"Win32_Service.Name="x"#, &["expected the closing quotation mark", "character 22"][..]),
        ("Win32_Service.Name", &["expected", "character 19"]),
        (r"\\.\root\cimv2", &["names a namespace"]),
        (r"\\OTHER\root\cimv2:X", &["names an object of OTHER", "127.0.0.1"]),
        ("", &["path"]),
    ] {
        for command in ["get", "call", "class"] {
            let mut line = vec![command, path];
            line.extend((command == "call").then_some("Do"));
            ask(&host, &line).exits(2).in_one_message().says(words);
            if command != "class" {
                let error = ask(&host, &[&line[..], &["-o", "json"]].concat()).exits(2).error();
                assert_eq!(error["stage"], "usage");
                assert!(words.iter().all(|word| error["what"].as_str().is_some_and(|what| what.contains(word))));
            }
        }
    }
    ask(&host, &["class", "X=@"]).exits(2).in_one_message().says(&["names an instance"]);
    assert_eq!(host.stats().connections, 0);
}

#[test]
fn what_the_host_does_not_have_or_give() {
    let host = host_with(1, &[]);
    let nowhere = ["log-in to namespace root/nowhere", "WBEM_E_INVALID_NAMESPACE (0x8004100e)"];
    ask(&host, &["class", "X", "-n", "root/nowhere"]).exits(1).in_one_message().says(&nowhere);
    let secret = [r"log-in to namespace root\secret", "WBEM_E_ACCESS_DENIED (0x80041003)", "Remote Enable"];
    ask(&host, &["get", r"root\secret:X=@"]).exits(1).in_one_message().says(&secret);
    let missing = ["WBEM_E_NOT_FOUND (0x80041002), class Win32_Service in root/cimv2"];
    ask(&host, &["get", "Win32_Service='nobody'"]).exits(1).in_one_message().says(&missing);
    let error = ask(&host, &["get", "Win32_Service='nobody'", "-o", "json"]).exits(1).error();
    let told = (&error["name"], &error["class"], &error["namespace"], &error["code_number"]);
    assert_eq!(
        told,
        (&"WBEM_E_NOT_FOUND".into(), &"Win32_Service".into(), &"root/cimv2".into(), &0x8004_1002_u32.into())
    );
    all_given_back(&host);
}
