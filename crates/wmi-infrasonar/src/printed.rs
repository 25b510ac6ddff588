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

/// Columns that `pprint` fills.
const WIDTH: usize = 80;

/// Spaces per level of `pprint`, as the original probe asks for.
const INDENT: usize = 2;

/// As Python's `pprint(value, indent=2)` writes it.
#[must_use]
pub fn pprint(value: &Value) -> String {
    let mut out = String::new();
    write_pretty(value, 0, 0, &mut out);
    out
}

/// Writes `value` from column `indent` on, with `allowance` columns for what closes behind it.
fn write_pretty(value: &Value, indent: usize, allowance: usize, out: &mut String) {
    let short = repr(value);
    let width = WIDTH.saturating_sub(indent + allowance);
    if short.chars().count() <= width {
        return out.push_str(&short);
    }
    let inner = indent + INDENT;
    let line = |out: &mut String| {
        out.push_str(",\n");
        out.extend(std::iter::repeat_n(' ', inner));
    };
    let room = |number: usize, length: usize| if number + 1 == length { allowance + 1 } else { 1 };
    match value {
        Value::Map(entries) => {
            let entries = sorted(entries);
            out.push_str("{ ");
            for (number, (name, value)) in entries.iter().enumerate() {
                if number > 0 {
                    line(out);
                }
                let name = repr_text(name);
                write!(out, "{name}: ").unwrap_or_default();
                write_pretty(value, inner + name.chars().count() + 2, room(number, entries.len()), out);
            }
            out.push('}');
        }
        Value::List(values) => {
            out.push_str("[ ");
            for (number, value) in values.iter().enumerate() {
                if number > 0 {
                    line(out);
                }
                write_pretty(value, inner, room(number, values.len()), out);
            }
            out.push(']');
        }
        Value::Text(text) => write_pieces(text, indent, allowance, out),
        _ => out.push_str(&short),
    }
}

/// A text that is too long for its line: each line of it by itself, and long lines broken behind spaces.
fn write_pieces(text: &str, indent: usize, allowance: usize, out: &mut String) {
    let full = WIDTH.saturating_sub(indent);
    let mut pieces = Vec::new();
    let lines = lines(text);
    for (number, line) in lines.iter().enumerate() {
        let is_last_line = number + 1 == lines.len();
        let width = if is_last_line { full.saturating_sub(allowance) } else { full };
        if repr_text(line).chars().count() <= width {
            pieces.push((*line).to_owned());
            continue;
        }
        let words = words(line);
        let mut piece = String::new();
        for (at, word) in words.iter().enumerate() {
            let is_last = is_last_line && at + 1 == words.len();
            let width = if is_last { full.saturating_sub(allowance) } else { full };
            let longer = format!("{piece}{word}");
            if repr_text(&longer).chars().count() <= width || piece.is_empty() {
                piece = longer;
            } else {
                pieces.push(std::mem::replace(&mut piece, (*word).to_owned()));
            }
        }
        if !piece.is_empty() {
            pieces.push(piece);
        }
    }
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
        }
        out.push_str(&repr_text(piece));
    }
}

/// Lines with what ends them, as Python's `splitlines` finds them.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut begin = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let is_end = match c {
            '\r' => characters.peek().is_none_or(|(_, next)| *next != '\n'),
            '\n' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' => true,
            _ => false,
        };
        if is_end {
            let end = at + c.len_utf8();
            lines.push(text.get(begin..end).unwrap_or_default());
            begin = end;
        }
    }
    lines.extend(text.get(begin..).filter(|rest| !rest.is_empty()));
    lines
}

/// Whether Python takes it for white space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// Words with the white space behind them.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut begin = 0;
    let mut was_space = false;
    for (at, c) in line.char_indices() {
        if was_space && !is_space(c) {
            words.push(line.get(begin..at).unwrap_or_default());
            begin = at;
        }
        was_space = is_space(c);
    }
    words.push(line.get(begin..).unwrap_or_default());
    words
}

fn sorted(entries: &[(String, Value)]) -> Vec<&(String, Value)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries
}

/// As Python's `repr` writes it, with sorted maps.
fn repr(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Nil => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Real(number) if number.is_nan() => "nan".to_owned(),
        Value::Real(number) if number.is_infinite() => if *number > 0.0 { "inf" } else { "-inf" }.to_owned(),
        Value::Text(text) => repr_text(text),
        Value::List(values) => format!("[{}]", join(values.iter().map(repr).collect())),
        Value::Map(entries) => {
            let entry = |(name, value): &(String, Value)| format!("{}: {}", repr_text(name), repr(value));
            format!("{{{}}}", join(sorted(entries).into_iter().map(entry).collect()))
        }
        other => json(other, None),
    }
}

fn repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => match u32::from(c) {
                code @ 0..0x100 => write!(out, "\\x{code:02x}"),
                code @ 0x100..0x1_0000 => write!(out, "\\u{code:04x}"),
                code => write!(out, "\\U{code:08x}"),
            }
            .unwrap_or_default(),
        }
    }
    out.push(quote);
    out
}

/// Characters that Python's `str.isprintable` denies: all white space but the space, controls, formats, private use, and
/// what can be no character. Those that Unicode has not assigned yet are missing here: they differ with Python's version.
const NOT_PRINTABLE: [(u32, u32); 28] = [
    (0x0000, 0x001f),
    (0x007f, 0x00a0),
    (0x00ad, 0x00ad),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x1680, 0x1680),
    (0x180e, 0x180e),
    (0x2000, 0x200f),
    (0x2028, 0x202f),
    (0x205f, 0x206f),
    (0x3000, 0x3000),
    (0xe000, 0xf8ff),
    (0xfdd0, 0xfdef),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0xfffe, 0xffff),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0001, 0xe0001),
    (0xe0020, 0xe007f),
    (0xf0000, 0x10_ffff),
];

fn is_printable(c: char) -> bool {
    let code = u32::from(c);
    !NOT_PRINTABLE.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

#[cfg(test)]
mod tests;
