use super::*;

mod objects;
mod queries;

fn path(text: &str) -> ObjectPath {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn failure(text: &str) -> (usize, String) {
    let error = text.parse::<ObjectPath>().expect_err(text);
    (error.position(), error.to_string())
}

/// What is canonical is printed as it was read.
#[test]
fn canonical_paths_are_kept() {
    for text in [
        r#"\\SERVER\root\cimv2:Win32_Service.Name="spooler""#,
        r"\\.\root\cimv2:Win32_Service",
        r"\\fileserver.acme.example\root",
        r"root\cimv2",
        "root:",
        "root:__NAMESPACE",
        "Win32_Service",
        r#"Win32_Service="spooler""#,
        "Win32_Service=@",
        r"\\.\root\cimv2:__SystemSecurity=@",
        r#"__Win32Provider.Name="x""#,
        r#"Win32_Account.Domain="ACME",Name="bo""#,
        "A.B=5,C=-9223372036854775808,D=18446744073709551615,E=TRUE,F=FALSE,G=1.5,H=-0.0",
        r#"A.B="20260101000000.000000+060",C="""#,
        r#"A.B="a\"b\\c,d='e' = @:/{}""#,
        r#"Größe.Maß="ß — 𝄞""#,
        r"\\[::1]\root\SQL$INST-1:A",
        // As Windows prints a key that refers to an account, with the escapes of a text in a text.
        r#"Win32_LoggedOnUser.Antecedent="\\\\.\\root\\cimv2:Win32_Account.Domain=\"ACME\",Name=\"bo\"",Dependent="x""#,
    ] {
        assert_eq!(path(text).to_string(), text);
        assert_eq!(path(&path(text).to_string()), path(text), "{text}");
    }
}

#[test]
fn other_spellings_become_canonical() {
    for (text, canonical) in [
        ("//./root/cimv2:A", r"\\.\root\cimv2:A"),
        (r"\/SERVER\root/cimv2", r"\\SERVER\root\cimv2"),
        ("root/cimv2:A=@", r"root\cimv2:A=@"),
        ("A.B='it\\'s \"x\"'", r#"A.B="it's \"x\"""#),
        ("A.B=0x1F,C=+7,D=-0x10,E=true,F=False,G=.5,H=007", "A.B=31,C=7,D=-16,E=TRUE,F=FALSE,G=0.5,H=7"),
        (" A . B = 5 , C = \"x\" ", r#"A.B=5,C="x""#),
        ("A = @", "A=@"),
        ("A =\t'x'\n", r#"A="x""#),
    ] {
        assert_eq!(path(text).to_string(), canonical, "{text}");
    }
}

#[test]
fn the_parts_of_a_path() {
    let of_instance = path(r#"//FS01/root/cimv2:Win32_Share.Name="c,d",Count=5,Open=TRUE"#);
    assert_eq!(of_instance.server(), Some("FS01"));
    assert_eq!(of_instance.namespace(), Some(r"root\cimv2"));
    assert_eq!(of_instance.class_name(), Some("Win32_Share"));
    assert_eq!(of_instance.key("NAME").and_then(KeyValue::as_str), Some("c,d"));
    assert_eq!(of_instance.key("count").and_then(KeyValue::as_u64), Some(5));
    assert_eq!(of_instance.key("count").and_then(KeyValue::as_i64), Some(5));
    assert_eq!(of_instance.key("Open").and_then(KeyValue::as_bool), Some(true));
    assert_eq!(of_instance.key("Close"), None);
    assert!(of_instance.is_instance());
    assert_eq!(of_instance.relative().to_string(), r#"Win32_Share.Name="c,d",Count=5,Open=TRUE"#);

    let of_namespace = path("root/cimv2");
    assert_eq!((of_namespace.class_name(), of_namespace.namespace()), (None, Some(r"root\cimv2")));
    assert_eq!(of_namespace.relative(), of_namespace);
    // Without a slash and a colon it is a class.
    assert_eq!(path("root").class_name(), Some("root"));
    assert_eq!(path("root:").namespace(), Some("root"));
    assert_eq!(*path("A=@").keys(), Keys::Singleton);
    assert_eq!(*path("A='@'").keys(), Keys::Single("@".into()));
}

/// A reference is a text in which a path stands; it may have keys with commas and references of its own.
#[test]
fn references_nest() {
    let account = path(r#"\\.\root\cimv2:Win32_Account.Domain="A,B",Name="o\"neil\\""#);
    let logon = ObjectPath::of_class("Win32_LoggedOnUser").unwrap().with_key("Antecedent", &account).unwrap();
    let outer = ObjectPath::of_class("Outer").unwrap().with_key("Inner", &logon).unwrap();
    let read = path(&outer.to_string());
    let inner = read.key("Inner").unwrap().as_path().unwrap().unwrap();
    assert_eq!(inner, logon);
    assert_eq!(inner.key("Antecedent").unwrap().as_path().unwrap().unwrap(), account);
    assert_eq!(path("A.B=5").key("B").unwrap().as_path(), None);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, at, told) in [
        ("", 0, "expected the name of a class at character 1, where the path ends"),
        ("5", 0, "expected the name of a class at character 1, found '5'"),
        (r"\root\cimv2:A", 1, "expected a second slash"),
        (r"\\", 2, "expected the name of a server"),
        (r"\\SERVER", 8, "expected a slash and a namespace behind the server"),
        (r"\\SERVER\", 9, "expected the name of a namespace"),
        (r"\\SERVER\root\\cimv2", 14, "expected the name of a namespace"),
        (r"\\SERVER\root.x:A", 13, "expected ':' and a class"),
        ("root/cimv2:A:B", 12, "expected '.' or '=' and a key"),
        (":A", 0, "expected the name of a namespace"),
        ("root/cimv2:5", 11, "expected the name of a class"),
        ("Win32_Service Name", 14, "expected '.' or '=' and a key"),
        ("A.", 2, "expected the name of a key at character 3, where"),
        ("A.B", 3, "expected '=' behind the name of the key"),
        ("A.B=", 4, "expected the value of the key"),
        ("A=", 2, "expected '@' or the value of the key"),
        ("A=@x", 3, "expected the end at character 4, found 'x'"),
        ("A=\"x\",B=5", 5, "expected the end at character 6, found ','"),
        ("A.B=5 C=6", 6, "expected ',' and another key, or the end"),
        ("A.B=5,b=6", 6, "the key at character 7 was named before"),
        ("A.B=spooler", 4, "text in quotation marks"),
        ("A.B=\"x", 6, "the closing quotation mark at character 7, where the path ends"),
        ("A.B=\"C:\\Windows\"", 8, "a second backslash"),
        ("A.B=\"x\\", 7, "a second backslash"),
        ("A.B=\"x\0y\"", 6, "text without NUL"),
        ("Ä.Ö=\"ü\"x", 7, "',' and another key"),
        ("A.B=--5", 6, "one sign and a digit"),
        ("A.B=-", 5, "a digit"),
        ("A.B=5x", 5, "the end of the number"),
        ("A.B=1.2.3", 7, "the end of the number"),
        ("A.B=1.", 6, "a digit behind the point"),
        ("A.B=0x", 6, "a hexadecimal digit"),
        ("A.B=18446744073709551616", 4, "an integer of at most 64 bits"),
        ("A.B=-9223372036854775809", 5, "an integer of at most 64 bits"),
        ("A.B=\n\u{7}", 5, r"found '\u{7}'"),
    ] {
        let (position, message) = failure(text);
        assert!(message.starts_with("object path: ") && message.contains(told), "{text:?}: {message}");
        assert_eq!(position, at, "{text:?}: {message}");
    }
}

#[test]
fn limits() {
    let name = "N".repeat(MAX_NAME);
    assert_eq!(path(&name).class_name(), Some(name.as_str()));
    let told = |units| format!("object path: the name of a class has {units} characters, at most 4096 are allowed");
    assert_eq!(failure(&format!("{name}N")), (0, told(4097)));
    assert_eq!(ObjectPath::of_class(&format!("{name}N")).unwrap_err().to_string(), told(4097));

    // What counts are UTF-16 units, of which this character has two.
    let text = |count| format!("A=\"{}\"", "𝄞".repeat(count));
    assert_eq!(path(&text(4094)).to_string(), text(4094));
    assert!(failure(&text(4095)).1.ends_with("the path has 8194 characters, at most 8192 are allowed"));
    // The canonical spelling may be longer than what was read.
    assert!(failure(&format!("A='{}'", "\"".repeat(5000))).1.contains("the path has 10004 characters"));
    assert!(path("A").with_key("B", "x".repeat(MAX_PATH)).is_err());
    assert!(path("A").with_namespace(&"n".repeat(MAX_PATH)).is_err());

    let keys = |count: usize| {
        let keys: Vec<_> = (0..count).map(|n| format!("K{n}=1")).collect();
        format!("A.{}", keys.join(","))
    };
    assert_eq!(path(&keys(MAX_KEYS)).to_string(), keys(MAX_KEYS));
    assert_eq!(failure(&keys(MAX_KEYS + 1)).1, "object path: more than 256 keys");
    assert!(path(&keys(MAX_KEYS)).with_key("Other", 1).is_err());
    assert!(path(&keys(MAX_KEYS)).with_key("K0", 2).is_ok());
}

#[test]
fn paths_are_made_of_parts() {
    let made = ObjectPath::of_class("Win32_Account")
        .and_then(|path| path.with_key("Domain", "AC\"ME"))
        .and_then(|path| path.with_key("Name", "x"))
        .and_then(|path| path.with_key("NAME", "b\\o"))
        .and_then(|path| path.with_namespace("root/cimv2"))
        .unwrap();
    assert_eq!(made.to_string(), r#"root\cimv2:Win32_Account.Domain="AC\"ME",Name="b\\o""#);
    assert_eq!(made.with_namespace("//./root").unwrap().to_string().split(':').next(), Some(r"\\.\root"));
    let class = || ObjectPath::of_class("A").unwrap();
    assert_eq!(class().with_single_key(5_u8).unwrap().to_string(), "A=5");
    assert_eq!(class().singleton().unwrap().to_string(), "A=@");
    assert_eq!(ObjectPath::of_namespace("root").unwrap().to_string(), "root:");
    assert_eq!(ObjectPath::of_namespace("//./root/cimv2").unwrap().to_string(), r"\\.\root\cimv2");

    for bad in ["", "A B", "A.B", "A\"", "5A", "A}", "A:B", "A\0", "A=@"] {
        assert!(ObjectPath::of_class(bad).is_err(), "{bad:?}");
        assert!(class().with_key(bad, 1).is_err(), "{bad:?}");
    }
    for bad in ["", "/root", "root/", "root:", "root:A", "//./", "root cimv2", "root/a\"b"] {
        assert!(ObjectPath::of_namespace(bad).is_err(), "{bad:?}");
        assert!(class().with_namespace(bad).is_err(), "{bad:?}");
    }
    assert!(class().with_key("B", "\0").is_err());
    assert!(class().with_key("B", KeyValue::Integer(1 << 64)).is_err());
    assert!(class().with_key("B", f64::NAN).is_err());
    let namespace = ObjectPath::of_namespace("root").unwrap();
    for keyed in [namespace.clone().with_key("A", 1), namespace.clone().with_single_key(1), namespace.singleton()] {
        let message = keyed.unwrap_err().to_string();
        assert!(message.contains("a class in front of the key"), "{message}");
    }
}

#[test]
fn what_is_the_same_to_wmi() {
    for (a, b) in [
        ("win32_SERVICE.name='Spooler'", "Win32_Service.Name=\"SPOOLER\""),
        ("A.B=1,C='x'", "A.c='X',b=1"),
        ("//SRV/Root/CimV2:A", r"\\srv\root\cimv2:a"),
        ("//./root:A", "root:A"),
        ("Größe=@", "GRÖßE=@"),
        ("A=0x10", "A=16"),
    ] {
        assert!(path(a).same_object(&path(b)) && path(b).same_object(&path(a)), "{a} and {b}");
    }
    for (a, b) in [
        ("A.B=1", "A.B=2"),
        ("A.B=1", "A.B='1'"),
        ("A.B=1", "A.C=1"),
        ("A.B=1", "A.B=1,C=2"),
        ("A.B=1", "A=1"),
        ("A=@", "A='@'"),
        ("A", "A=@"),
        ("root:A", "A"),
        ("root:A", "root/cimv2:A"),
        ("//X/root:A", "//Y/root:A"),
        ("//X/root:A", "root:A"),
        ("root:", "root"),
    ] {
        assert!(!path(a).same_object(&path(b)) && !path(b).same_object(&path(a)), "{a} and {b}");
    }
}

#[test]
fn values_of_properties_as_keys() {
    for (value, printed) in [
        (CimValue::Sint8(-5), "-5"),
        (CimValue::Uint64(u64::MAX), "18446744073709551615"),
        (CimValue::Boolean(true), "TRUE"),
        (CimValue::Char16(65), "65"),
        (CimValue::Real32(0.5), "0.5"),
        (CimValue::Real64(1e20), "100000000000000000000.0"),
        (CimValue::String(r"a\b".into()), r#""a\\b""#),
        (CimValue::DateTime("20260101000000.000000+060".into()), r#""20260101000000.000000+060""#),
        (CimValue::Reference(r#"A.B="x""#.into()), r#""A.B=\"x\"""#),
    ] {
        let key = KeyValue::try_from(&value).unwrap();
        assert_eq!(key.to_string(), printed);
        assert_eq!(*path(&format!("A={printed}")).keys(), Keys::Single(key), "{printed}");
    }
    for value in [CimValue::Null, CimValue::Array(vec![]), CimValue::Real64(f64::INFINITY)] {
        assert_eq!(KeyValue::try_from(&value).unwrap_err().kind(), &PathErrorKind::NoKeyValue, "{value:?}");
    }
}

#[test]
fn references_are_paths() {
    let reference = CimValue::Reference(r#"\\H\root\cimv2:A.B="c,d""#.into());
    assert_eq!(reference.as_path().unwrap().unwrap().key("b").unwrap().as_str(), Some("c,d"));
    assert_eq!(CimValue::from("A=").as_path().unwrap().unwrap_err().position(), 2);
    assert_eq!(CimValue::Uint8(1).as_path(), None);
}
