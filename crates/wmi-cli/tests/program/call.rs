//! Methods: what goes in and comes out, and what is refused before anything of the method is sent.

use serde_json::{Value, json};
use wmi_sim::{DEFAULT_PASSWORD, Server};

use crate::support::{ACCOUNT, Finished, all_given_back, finish, host_with, run, signal, start, until, wmi};

fn command(host: &Server, line: &[&str]) -> std::process::Command {
    let address = host.activator_addr().to_string();
    let mut command = wmi(["call", &address].into_iter().chain(line.iter().copied()).chain(["-u", ACCOUNT]));
    command.env("WMI_PASSWORD", DEFAULT_PASSWORD);
    command
}

fn call(host: &Server, line: &[&str]) -> Finished {
    run(command(host, line))
}

fn executed(host: &Server) -> u64 {
    host.stats().calls_of("IWbemServices::ExecMethod")
}

#[test]
fn every_type_goes_in_and_comes_out() {
    let host = host_with(1, &[]);
    let scalars = [
        ("ASint8", "-128"),
        ("AUint8", "255"),
        ("ASint16", "-32768"),
        ("AUint16", "65535"),
        ("ASint32", "-2147483648"),
        ("AUint32", "4294967295"),
        ("ASint64", "-9223372036854775808"),
        ("AUint64", "18446744073709551615"),
        ("AReal32", "0.75"),
        ("AReal64", "-1.5e-300"),
        ("ABoolean", "true"),
        ("AString", "\"Gr\\u00fc\\u00dfe, = 'x'\""),
        ("ADateTime", "\"20251231235958.987654+090\""),
        ("AChar16", "937"),
        ("AReference", "\"Sim_Thing.Name=\\\"heavy thing\\\"\""),
        ("AObject", r#"{"__CLASS":"Sim_Point","X":-3,"Y":4,"Label":"corner"}"#),
    ];
    let given: Vec<String> = scalars.iter().map(|(name, json)| format!("{name}={json}")).collect();
    let line: Vec<&str> =
        ["Sim_Methods", "EchoScalars", "-o", "json"].into_iter().chain(given.iter().map(String::as_str)).collect();
    let back = call(&host, &line).exits(0).lines().pop().expect("an object");
    for (name, json) in scalars {
        assert_eq!(back[name], serde_json::from_str::<Value>(json).expect("JSON"), "{name}");
    }
    assert_eq!(back["ReturnValue"], 0);

    let arrays: Vec<(&str, String)> = scalars.iter().map(|(name, json)| (*name, format!("[{json},{json}]"))).collect();
    let given: Vec<String> = arrays.iter().map(|(name, json)| format!("{name}={json}")).collect();
    let line: Vec<&str> =
        ["Sim_Methods", "EchoArrays", "-o", "json"].into_iter().chain(given.iter().map(String::as_str)).collect();
    let back = call(&host, &line).exits(0).lines().pop().expect("an object");
    for (name, json) in arrays {
        assert_eq!(back[name], serde_json::from_str::<Value>(&json).expect("JSON"), "{name}");
    }
    all_given_back(&host);
}

#[test]
fn plain_text_numbers_in_quotes_null_and_what_is_left_out() {
    let host = host_with(1, &[]);
    let given = [
        "Sim_Methods",
        "echoscalars",
        "-o",
        "json",
        "AString=plain, with = and 5",
        "AUint64=\"18446744073709551615\"",
        "ADateTime=00000001000000.000000:000",
        "AReference=Sim_Thing.Name=\"x\"",
        "AChar16=Ω",
        "AUint8=null",
    ];
    let back = call(&host, &given).exits(0).lines().pop().expect("an object");
    assert_eq!(back["AString"], "plain, with = and 5");
    assert_eq!(back["AUint64"].to_string(), "18446744073709551615");
    assert_eq!((&back["ADateTime"], &back["AChar16"]), (&"00000001000000.000000:000".into(), &937.into()));
    assert_eq!((&back["AReference"], &back["AUint8"]), (&"Sim_Thing.Name=\"x\"".into(), &Value::Null));
    assert_eq!(back["ASint8"], Value::Null);
    let back = call(&host, &["Sim_Methods", "Repeat", "Text=ab", "-o", "json"]).exits(0).lines().pop();
    assert_eq!(back, Some(json!({"ReturnValue": "abab"})), "the method's own default");
}

#[test]
fn out_parameters_in_every_format() {
    let host = host_with(1, &[]);
    let path = r#"Sim_Methods.Name="it's \"second\", a=b\\c""#;
    let finished = call(&host, &[path, "Who"]).exits(0);
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(lines[0], r#"Name         it's "second", a=b\c"#);
    assert_eq!((lines[2], finished.stderr.as_str()), ("ReturnValue  1", ""), "what the method returns is data");
    for format in ["json", "jsonl"] {
        let out = call(&host, &[path, "Who", "-o", format]).exits(0).lines().pop().expect("an object");
        assert_eq!(out["Name"], r#"it's "second", a=b\c"#);
    }
    let finished = call(&host, &[path, "Who", "-o", "csv"]).exits(0);
    assert!(finished.stdout.starts_with("Name,Path,ReturnValue\n\"it's \"\"second\"\", a=b\\c\","), "{finished:#?}");
    for (format, expected) in [("json", "{}\n"), ("csv", ""), ("jsonl", "{}\n")] {
        assert_eq!(call(&host, &["Sim_Methods", "Nothing", "-o", format]).exits(0).stdout, expected);
    }
    let out = call(&host, &["Sim_Methods", "Yes", "-o", "json"]).exits(0).lines();
    assert_eq!(out, [json!({"ReturnValue": true})]);
}

#[test]
fn a_process_with_an_embedded_object_and_the_registry_of_32_bits() {
    let host = host_with(1, &[]);
    let startup = r#"ProcessStartupInformation={"ShowWindow":0,"EnvironmentVariables":["A=1"]}"#;
    let line = ["Win32_Process", "Create", "CommandLine=notepad.exe", startup, "-o", "json"];
    let out = call(&host, &line).exits(0).lines().pop().expect("an object");
    assert_eq!(out["ReturnValue"], 0);
    assert!(out["ProcessId"].is_u64(), "{out}");

    let keys = ["StdRegProv", "EnumKey", "sSubKeyName=SOFTWARE", "-o", "json"];
    let wide = call(&host, &keys).exits(0).lines().pop().expect("an object");
    let narrow = [&keys[..], &["--context", "__ProviderArchitecture=32"]].concat();
    let narrow = call(&host, &narrow).exits(0).lines().pop().expect("an object");
    assert_ne!(wide["sNames"], narrow["sNames"]);
    let context = ["Sim_Methods", "Context", "Name=A", "--context", "A=5", "--context", "b=x", "-o", "json"];
    let context = call(&host, &context).exits(0).lines().pop().expect("an object");
    assert_eq!((&context["Type"], &context["Text"]), (&"sint32".into(), &"5".into()));
}

#[test]
fn what_does_not_fit_the_method_is_two_and_nothing_of_it_is_sent() {
    let host = host_with(1, &[]);
    let class = "Sim_Methods";
    let takes = "Repeat takes string Text, uint32 Times";
    for (line, words) in [
        (&["Nonsense"][..], &["no method Nonsense", "EchoScalars, EchoArrays, Repeat"][..]),
        (&["Who"], &["Who is called on an instance", "Sim_Methods is a class"]),
        (&["Repeat", "Tims=3"], &["parameter Tims of method Repeat", "Text, Times, Separator", takes]),
        (&["Repeat", "Times=many"], &["parameter Times of method Repeat", "uint32", "string", takes]),
        (&["Repeat", "Times=-1"], &["parameter Times", "uint32, which -1 is not", takes]),
        (&["Repeat", "Times=4294967296"], &["parameter Times", "uint32, which 4294967296 is not"]),
        (&["Repeat", "Times=1", "times=2"], &["parameter times", "twice"]),
        (&["Repeat", "Text=\"x"], &["parameter Text", "string", "quotation mark"]),
        (&["EchoScalars", "AUint8=256"], &["parameter AUint8", "uint8, which 256 is not"]),
        (&["EchoScalars", "ASint8=1.5"], &["parameter ASint8", "sint8, which 1.5 is not"]),
        (&["EchoScalars", "ABoolean=1"], &["parameter ABoolean", "boolean"]),
        (&["EchoScalars", "ADateTime=today"], &["parameter ADateTime", "datetime", "today"]),
        (&["EchoScalars", "AReference=X.Y"], &["parameter AReference", "ref:Sim_Thing", "at character"]),
        (&["EchoScalars", r#"AObject={"Z":1}"#], &["parameter AObject", "Sim_Point has no property Z", "X, Y"]),
        (&["EchoScalars", r#"AObject={"X":"a"}"#], &["parameter AObject", "property X", "sint32"]),
        (&["EchoScalars", r#"AObject={"__CLASS":"Sim_Thing"}"#], &["parameter AObject", "Sim_Point"]),
        (&["EchoArrays", "AUint8=[1,256]"], &["parameter AUint8", "uint8, which 256 is not"]),
        (&["EchoArrays", "AUint8=7"], &["parameter AUint8", "uint8[]"]),
        (&["EchoArrays", "AUint8=[1"], &["parameter AUint8", "uint8[]", "JSON"]),
    ] {
        let all: Vec<&str> = [class].into_iter().chain(line.iter().copied()).collect();
        let finished = call(&host, &all).exits(2).in_one_message().says(words);
        assert_eq!(finished.stdout, "");
    }
    let error = call(&host, &[class, "Repeat", "Times=-1", "-o", "json"]).exits(2).error();
    assert_eq!((&error["stage"], &error["class"]), (&"parameters".into(), &class.into()));
    assert!(error["remedy"].as_str().is_some_and(|remedy| remedy.starts_with(takes)), "{error}");
    assert_eq!(executed(&host), 0);
    for wrong in [&[class][..], &[class, "Repeat", "Text"], &[class, "Repeat", "=x"], &[class, ""]] {
        call(&host, wrong).exits(2);
    }
    all_given_back(&host);
}

#[test]
fn what_the_host_refuses_is_one() {
    let host = host_with(1, &[]);
    for (line, words) in [
        (&["Sim_Methods", "Fail", "Status=2147749889"][..], "method: WBEM_E_FAILED (0x80041001), class Sim_Methods"),
        (&["Sim_Methods", "Missing"], "WBEM_E_METHOD_NOT_IMPLEMENTED (0x80041055)"),
        (&["Sim_Methods", "Disabled"], "WBEM_E_METHOD_DISABLED (0x80041056)"),
        (&["Sim_Methods.Name='nobody'", "Who"], "WBEM_E_NOT_FOUND (0x80041002)"),
        (&["Sim_Nothing", "Do"], "(0x80041002), class Sim_Nothing in root/cimv2"),
        (&["root/secret:X", "Do"], r"log-in to namespace root\secret: WBEM_E_ACCESS_DENIED (0x80041003)"),
    ] {
        call(&host, line).exits(1).in_one_message().says(&[words]);
    }
    let error = call(&host, &["Sim_Methods", "Fail", "Status=2147749891", "-o", "json"]).exits(1).error();
    assert_eq!((&error["stage"], &error["name"]), (&"method".into(), &"WBEM_E_ACCESS_DENIED".into()));
    all_given_back(&host);
}

#[test]
fn a_method_that_takes_too_long_and_one_that_is_interrupted() {
    let host = host_with(1, &[]);
    let sleep = ["Sim_Methods", "Sleep", "Milliseconds=20000"];
    call(&host, &[&sleep[..], &["--timeout", "0.6"]].concat())
        .exits(3)
        .in_one_message()
        .says(&["method: out of time", "whether the host carried the method out is not known"]);
    let child = start(&mut command(&host, &sleep));
    until(&host, |host| executed(host) == 2);
    signal(&child, "INT");
    finish(child).exits(130).in_one_message().says(&["interrupted", "carried the method out is not known"]);
}
