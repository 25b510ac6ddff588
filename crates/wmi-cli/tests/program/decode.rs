//! `wmi decode` on files that are whole and files that are damaged.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use wmi_proto::cim::{CimObject, CimType, CimValue, ClassBuilder, Flavor, MethodBuilder, PropertyBuilder};

use crate::support::{run, wmi};

/// An instance of a derived class that uses a default, a NULL, a zero and an array.
fn instance() -> CimObject {
    let base = ClassBuilder::new("Sample_Base")
        .property(PropertyBuilder::new("Id", CimType::UINT32).key())
        .property(PropertyBuilder::new("Colour", CimType::STRING).default("grey"))
        .build()
        .expect("a class");
    let class = ClassBuilder::new("Sample")
        .superclass(&base)
        .qualifier("Description", Flavor::TO_INSTANCE, "A sample")
        .property(PropertyBuilder::new("Empty", CimType::STRING))
        .property(PropertyBuilder::array("Sizes", CimType::UINT64))
        .method(
            MethodBuilder::new("Stop").input(PropertyBuilder::new("Force", CimType::BOOLEAN)).returns(CimType::UINT32),
        )
        .build()
        .expect("a derived class");
    let values = [("Id", CimValue::Uint32(0)), ("Sizes", CimValue::Array(vec![CimValue::Uint64(u64::MAX)]))];
    CimObject::instance(&class, values).expect("an instance").with_decoration("WINSIM", r"root\cimv2")
}

/// The instance in a file of each kind, and the definition of its class.
fn files() -> (TempDir, [PathBuf; 3]) {
    let folder = tempfile::tempdir().expect("a folder");
    let object = instance();
    let paths = ["instance.wmio", "instance.objblock", "class.wmio"].map(|name| folder.path().join(name));
    let class = CimObject::of_class(object.class().clone());
    for (path, data) in paths.iter().zip([object.encode_unit(), object.encode_block(), class.encode_unit()]) {
        fs::write(path, data).expect("to write");
    }
    (folder, paths)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn an_instance_of_either_kind_of_file() {
    let (_folder, [unit, block, _]) = files();
    let finished = run(wmi(["decode", text(&unit), text(&block)])).exits(0);
    let objects = finished.lines();
    assert_eq!(objects.len(), 2);
    for object in objects {
        assert_eq!(object["class"], "Sample");
        assert_eq!(object["superclass"], "Sample_Base");
        assert_eq!(object["genus"], "instance");
        assert_eq!(object["derivation"], json!(["Sample_Base"]));
        let properties = &object["properties"];
        let without_qualifiers = |name: &str| {
            let mut property = properties[name].as_object().expect("a property").clone();
            assert!(property.remove("qualifiers").is_some_and(|q| q.is_object()));
            Value::Object(property)
        };
        assert_eq!(without_qualifiers("Id"), json!({"type": "uint32", "value": 0, "inherited": true}));
        let colour =
            json!({"type": "string", "value": "grey", "default": true, "inherited": true, "default_inherited": true});
        assert_eq!(without_qualifiers("Colour"), colour);
        assert_eq!(without_qualifiers("Empty")["null"], true);
        assert_eq!(without_qualifiers("Sizes")["value"].to_string(), "[18446744073709551615]");
        assert_eq!(without_qualifiers("Sizes")["type"], "uint64[]");
        assert_eq!(properties["Id"]["qualifiers"]["key"], true);
    }
}

#[test]
fn a_class_with_its_methods() {
    let (_folder, [.., class]) = files();
    let object = &run(wmi(["decode", text(&class)])).exits(0).lines()[0];
    assert_eq!(object["genus"], "class");
    assert_eq!(object["qualifiers"]["Description"], "A sample");
    let stop = &object["methods"]["Stop"];
    assert_eq!(stop["in"]["Force"]["type"], "boolean");
    assert_eq!(stop["out"]["ReturnValue"]["type"], "uint32");
}

#[test]
fn tables_for_people() {
    let (_folder, [unit, _, class]) = files();
    let finished = run(wmi(["decode", "-o", "table", text(&unit), text(&class)])).exits(0);
    for line in ["instance Sample : Sample_Base", "Colour    string    grey", "Empty     string    NULL", "method Stop"]
    {
        assert!(finished.stdout.lines().any(|l| l == line), "{line:?} is not in\n{}", finished.stdout);
    }
}

#[test]
fn damaged_files_are_named_and_the_others_printed() {
    let (folder, [unit, block, class]) = files();
    let bad = |name: &str, data: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, data).expect("to write");
        path
    };
    let empty = bad("empty.wmio", b"");
    let garbage = bad("garbage.wmio", b"This is no object at all, whatever its name says.");
    let missing = folder.path().join("missing.wmio");
    let files = [&empty, &unit, &garbage, &missing, &block, &class];
    let finished = run(wmi(std::iter::once("decode").chain(files.map(|path| text(path))))).exits(1);
    let finished = finished.says(&["empty.wmio: decoding: the file is empty", "garbage.wmio: decoding 49 octets"]);
    assert!(finished.stderr.contains("missing.wmio: reading: "), "{finished:#?}");
    assert_eq!(finished.stderr.lines().count(), 3, "one message each: {finished:#?}");
    assert_eq!(finished.lines().len(), 3, "the others are printed");
}

#[test]
fn every_truncation_is_told() {
    let (folder, [unit, block, _]) = files();
    for (whole, name) in [(&unit, "cut.wmio"), (&block, "cut.objblock")] {
        let data = fs::read(whole).expect("to read");
        let path = folder.path().join(name);
        for length in (0..data.len()).step_by(7).chain([data.len() - 1]) {
            fs::write(&path, &data[..length]).expect("to write");
            let finished = run(wmi(["decode", text(&path)])).exits(1).in_one_message();
            finished.says(&[name, if length == 0 { "empty" } else { "decod" }]);
        }
    }
}

#[test]
fn messages_do_not_move_the_cursor() {
    let finished =
        run(wmi(["decode", "missing\x1b[31m\n.pcap"])).exits(1).says(&[r"missing\u{1b}[31m\n.pcap: reading"]);
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:#?}");
}

#[test]
fn every_captured_object_is_printed() {
    let folder = std::env::var("WMI_CAPTURES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures").to_owned());
    if folder == "none" {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "captures may not be left out in CI");
        println!("skipped: WMI_CAPTURES=none");
        return;
    }
    let captures = fs::read_dir(&folder).expect("the captures").map(|entry| entry.expect("an entry").path());
    let mut count = 0;
    for objects in captures.map(|capture| capture.join("objects")).filter(|objects| objects.is_dir()) {
        for file in fs::read_dir(&objects).expect("objects").map(|entry| entry.expect("an entry").path()) {
            let finished = run(wmi(["decode", text(&file)])).exits(0);
            let object = &finished.lines()[0];
            // FRAME_INDEX_CLASS_genus.wmio or FRAME_INDEX_CLASS_smartN.objblock
            let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
            let class = object["class"].as_str().expect("a class");
            assert!(name.contains(&format!("_{class}_")), "{name} is a {class}");
            let genus = if name.ends_with("class") { "class" } else { "instance" };
            assert_eq!(object["genus"], genus, "{name}");
            assert_eq!(finished.stderr, "", "{name}");
            count += 1;
        }
    }
    assert!(count >= 20, "{count} objects in {folder}");
}
