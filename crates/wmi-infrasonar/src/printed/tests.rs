use super::*;

#[test]
fn json_as_python_dumps_it() {
    let value = Value::map([
        ("text", "a\"\\\n\r\t\u{8}\u{c}\u{1}\u{7f}é€😀".into()),
        ("numbers", Value::List(vec![(-1_i64).into(), u64::MAX.into(), Value::Bool(true), Value::Nil])),
        ("empty", Value::List(vec![Value::List(vec![]), Value::Map(vec![])])),
    ]);
    let text = r#""a\"\\\n\r\t\b\f\u0001\u007f\u00e9\u20ac\ud83d\ude00""#;
    let numbers = "[-1, 18446744073709551615, true, null]";
    assert_eq!(json(&value, None), format!(r#"{{"text": {text}, "numbers": {numbers}, "empty": [[], {{}}]}}"#));
    let indented = format!(
        "{{\n  \"text\": {text},\n  \"numbers\": [\n    -1,\n    18446744073709551615,\n    true,\n    null\n  ],\n  \
         \"empty\": [\n    [],\n    {{}}\n  ]\n}}"
    );
    assert_eq!(json(&value, Some(2)), indented);
}

#[test]
fn reals_as_python_writes_them() {
    let cases = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.25e-7, "1.25e-07"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ];
    for (number, text) in cases {
        assert_eq!(json(&Value::Real(number), None), text);
    }
}

#[test]
fn characters_that_nobody_sees_are_escaped_as_in_python() {
    let text = "a\u{a0}\u{ad}\u{200b}\u{200f}\u{2028}\u{e000}\u{feff}\u{1d173}\u{e0001}\u{7f}\u{85}\u{3000} é€😀";
    let escaped = r"'a\xa0\xad\u200b\u200f\u2028\ue000\ufeff\U0001d173\U000e0001\x7f\x85\u3000 é€😀'";
    assert_eq!(pprint(&text.into()), escaped);
}

#[test]
fn long_texts_are_broken_where_python_ends_lines() {
    let long = "x".repeat(50);
    let text = format!("{long}\u{2028}{long}\r\n{long}\r{long}\u{1c}{long}");
    let lines = [r"\u2028", r"\r\n", r"\r", r"\x1c", ""].map(|end| format!("'{long}{end}'"));
    assert_eq!(pprint(&Value::List(vec![text.as_str().into()])), format!("[ {}]", lines.join("\n  ")));
}
