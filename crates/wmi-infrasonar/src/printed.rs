//! Values as Python prints them: `json.dumps`, and `pprint` for who reads it.

use core::fmt::Write;

use crate::value::Value;

/// As `json.dumps` writes it: ASCII, on one line or with so many spaces per level.
#[must_use]
pub fn json(value: &Value, indent: Option<usize>) -> String {
    let mut out = String::new();
    write_json(value, indent, 0, &mut out);
    out
}

fn write_json(value: &Value, indent: Option<usize>, level: usize, out: &mut String) {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => write!(out, "{number}").unwrap_or_default(),
        Value::Uint(number) => write!(out, "{number}").unwrap_or_default(),
        Value::Real(number) if number.is_nan() => out.push_str("NaN"),
        Value::Real(number) if number.is_infinite() => {
            out.push_str(if *number > 0.0 { "Infinity" } else { "-Infinity" })
        }
        Value::Real(number) => out.push_str(&real(*number)),
        Value::Text(text) => write_json_text(text, out),
        // What JSON cannot say: as text.
        Value::Bytes(bytes) | Value::Extension(_, bytes) => write_json_text(&String::from_utf8_lossy(bytes), out),
        Value::List(values) => {
            let values = values.iter().map(|value| (None, value));
            write_members(['[', ']'], values, indent, level, out);
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| (Some(name.as_str()), value));
            write_members(['{', '}'], entries, indent, level, out);
        }
    }
}

fn write_members<'a>(
    [open, close]: [char; 2],
    members: impl ExactSizeIterator<Item = (Option<&'a str>, &'a Value)>,
    indent: Option<usize>,
    level: usize,
    out: &mut String,
) {
    let is_empty = members.len() == 0;
    let line = |level: usize, out: &mut String| {
        if let Some(indent) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * level));
        }
    };
    out.push(open);
    for (number, (name, value)) in members.enumerate() {
        if number > 0 {
            out.push_str(if indent.is_some() { "," } else { ", " });
        }
        line(level + 1, out);
        if let Some(name) = name {
            write_json_text(name, out);
            out.push_str(": ");
        }
        write_json(value, indent, level + 1, out);
    }
    if !is_empty {
        line(level, out);
    }
    out.push(close);
}

fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").unwrap_or_default();
                }
            }
        }
    }
    out.push('"');
}

/// The shortest digits that say the number, with a point or an exponent of at least two digits.
fn real(number: f64) -> String {
    let text = format!("{number:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests;
