//! The four formats over real rows.

use serde_json::Value;

use crate::support::{faulty, host_with, query, run};

#[test]
fn every_type_in_json_without_loss() {
    let host = host_with(1, &[]);
    let wql = "SELECT * FROM Sim_AllTypes";
    let finished = run(query(host.activator_addr(), wql, &["-o", "json"])).exits(0);
    let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&finished.stdout).expect("one array");
    let row = |id: &str| rows.iter().find(|row| row["Id"] == id).expect("the row");
    let exact = |id: &str, name: &str| row(id)[name].to_string();

    assert_eq!(exact("largest", "AUint64"), "18446744073709551615");
    assert_eq!(exact("smallest", "ASint64"), "-9223372036854775808");
    assert_eq!(exact("all set", "AReal32"), "0.75");
    assert_eq!(exact("largest", "AReal32").parse(), Ok(f32::MAX));
    assert_eq!(exact("smallest", "AReal64").parse(), Ok(-5e-324_f64));
    assert_eq!(exact("all set", "ManyReal32").split(',').next(), Some("[0.1"));
    assert_eq!(exact("not a number", "ManyReal64"), r#"["NaN","Infinity","-Infinity",-0.0]"#);
    assert_eq!(exact("all set", "AChar16"), "937");
    assert_eq!(exact("all set", "ADateTime"), r#""20251231235958.987654+090""#);
    assert_eq!(exact("open date", "ADateTime"), r#""2025****000000.000000+060""#);
    assert_eq!(exact("all set", "AObject"), r#"{"__CLASS":"Sim_Point","X":3,"Y":4,"Label":"corner"}"#);
    assert_eq!(exact("all set", "AAnyObject"), r#"{"__CLASS":"Sim_Point3","X":-1,"Y":null,"Label":"Ecke – 角","Z":9}"#);
    assert_eq!(row("all set")["AString"], "Grüße, Ærøskøbing ÿ");
    assert_eq!(exact("all set", "ManyBoolean"), "[false,true,true]");
    assert_eq!(exact("all NULL", "ABoolean"), "null");
    assert_eq!(exact("zero and empty", "ABoolean"), "false");
    assert_eq!(exact("zero and empty", "ManyString"), "[]");
    assert_eq!(exact("all NULL", "ManyString"), "null");

    let keys: Vec<&str> = row("all set").keys().map(String::as_str).collect();
    assert_eq!(keys[..4], ["Id", "ASint8", "AUint8", "ASint16"], "the class's order");
}

#[test]
fn a_select_list_orders_the_columns() {
    let host = host_with(2, &[]);
    let wql = "SELECT name, Id, Comment FROM Sim_Many";
    let address = host.activator_addr();
    let jsonl = run(query(address, wql, &["-o", "jsonl"])).exits(0);
    assert_eq!(jsonl.stdout.lines().next(), Some(r#"{"Name":"row 00000","Id":0,"Comment":""}"#));
    let csv = run(query(address, wql, &["-o", "csv"])).exits(0);
    assert_eq!(csv.stdout, "Name,Id,Comment\nrow 00000,0,\"\"\nrow 00001,1,\"comment \"\n");
    let table = run(query(address, wql, &[])).exits(0);
    assert_eq!(table.stdout.lines().next(), Some("Name       Id  Comment"));
    assert_eq!(table.stdout.lines().nth(2), Some("row 00000   0"));
}

#[test]
fn rows_of_several_classes_keep_their_keys_and_share_a_table() {
    let host = host_with(1, &[]);
    let address = host.activator_addr();
    let wql = "SELECT * FROM Sim_Thing";
    let finished = run(query(address, wql, &["-o", "jsonl"])).exits(0);
    let rows = finished.lines();
    let row = |name: &str| rows.iter().find(|row| row["Name"] == name).and_then(Value::as_object).expect("the row");
    assert!(!row("thing").contains_key("Rank"));
    assert_eq!(row("inherits")["Rank"], 3);
    assert_eq!(row("inherits")["Colour"], "grün");
    assert_eq!(row("third of its line")["Weight"], 20);

    let finished = run(query(address, wql, &["-o", "csv"])).exits(0);
    let mut reader = csv::Reader::from_reader(finished.stdout.as_bytes());
    let header = reader.headers().expect("a header").clone();
    assert_eq!(header, vec!["Name", "Weight", "Colour", "Fragile", "Rank"]);
    assert_eq!(reader.records().filter(|r| r.is_ok()).count(), rows.len());
}

#[test]
fn no_rows_are_no_error() {
    let host = host_with(1, &[]);
    for (format, expected) in [("json", "[]\n"), ("jsonl", ""), ("table", ""), ("csv", "")] {
        let finished = run(query(host.activator_addr(), "SELECT * FROM Sim_Empty", &["-o", format])).exits(0);
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), (expected, ""), "{format}");
    }
}

#[test]
fn all_formats_agree_on_many_rows() {
    let host = host_with(2500, &[]);
    let address = host.activator_addr();
    for wql in ["SELECT Id, Name FROM Sim_Many", "SELECT * FROM Sim_Many"] {
        let jsonl = run(query(address, wql, &["-o", "jsonl"])).exits(0);
        assert_eq!(jsonl.stdout.lines().count(), 2500);
        let json = run(query(address, wql, &["-o", "json", "--enumerator", "next"])).exits(0);
        assert_eq!(serde_json::from_str::<Vec<Value>>(&json.stdout).expect("an array"), jsonl.lines());
        let csv = run(query(address, wql, &["-o", "csv"])).exits(0);
        assert_eq!(csv::Reader::from_reader(csv.stdout.as_bytes()).records().filter(|r| r.is_ok()).count(), 2500);
        let table = run(query(address, wql, &["-o", "table"])).exits(0);
        assert_eq!(table.stdout.lines().count(), 2502);
    }
}

#[test]
fn verbose_tells_the_stages_on_standard_error() {
    let host = host_with(1, &[]);
    let finished = run(query(host.activator_addr(), "SELECT Id FROM Sim_Many", &["-v", "-o", "jsonl"])).exits(0);
    let stages = ["connect to the activator: ", "activation of WMI: ", "query: ", " ms\n", "1 row, ", " round trips"];
    let finished = finished.says(&stages);
    assert_eq!(finished.stdout, "{\"Id\":0}\n");
}

#[test]
fn what_does_not_decode_is_shown_and_counted_and_no_failure() {
    let host = faulty(8, "unknown-class-guid");
    let more = ["-o", "jsonl", "--enumerator", "smart", "--batch", "2"];
    let finished = run(query(host.activator_addr(), "SELECT Id FROM Sim_Many", &more)).exits(0).in_one_message();
    let rows = finished.lines();
    let bad = rows.iter().filter(|row| row["__error"].is_string()).count();
    assert_eq!((rows.len(), rows[0]["Id"].as_u64()), (8, Some(0)));
    assert!(bad > 0 && rows.iter().all(|row| row["__error"].is_string() != row["Id"].is_u64()), "{finished:#?}");
    finished.says(&[&format!("{bad} values could not be decoded")]);
}
