//! msgpack: written as Python's `packb` writes it, read from whatever arrives, within bounds.

use thiserror::Error;

use crate::value::Value;

/// Values that one body may hold: more than a hundred thousand checks of assets.
pub const MAX_VALUES: usize = 4_000_000;

/// How deep lists and maps may be nested.
pub const MAX_DEPTH: usize = 64;

/// What is wrong with octets that should be msgpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// They end before the value does.
    #[error("it ends in the middle of a value")]
    Truncated,
    /// 0xc1 begins no value.
    #[error("octet {0:#04x} begins no value")]
    Marker(u8),
    /// Text that is no UTF-8.
    #[error("text that is not UTF-8")]
    Text,
    /// Lists and maps are nested too deeply, or there are too many values.
    #[error("it holds more than {MAX_VALUES} values or is nested more than {MAX_DEPTH} deep")]
    Limit,
    /// Octets after the value.
    #[error("{0} octets behind the value")]
    Trailing(usize),
}

/// The octets of `value`: every number, text and list in its shortest form, reals in 64 bits.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

/// The one value that `octets` are.
///
/// # Errors
/// They are no msgpack, more than one value, or beyond the bounds.
pub fn decode(octets: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader { rest: octets, values: MAX_VALUES };
    let value = reader.value(0)?;
    match reader.rest.len() {
        0 => Ok(value),
        rest => Err(DecodeError::Trailing(rest)),
    }
}

/// Appends `value` to `out`.
pub(crate) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Nil => out.push(0xc0),
        Value::Bool(false) => out.push(0xc2),
        Value::Bool(true) => out.push(0xc3),
        Value::Uint(number) => write_unsigned(*number, out),
        Value::Int(number) => match u64::try_from(*number) {
            Ok(number) => write_unsigned(number, out),
            Err(_) => write_negative(*number, out),
        },
        Value::Real(number) => put(out, 0xcb, &number.to_be_bytes()),
        Value::Text(text) => write_text(text, out),
        Value::Bytes(bytes) => {
            write_length(bytes.len(), None, [Some(0xc4), Some(0xc5), Some(0xc6)], out);
            out.extend_from_slice(bytes);
        }
        Value::List(values) => {
            write_length(values.len(), Some((0x90, 15)), [None, Some(0xdc), Some(0xdd)], out);
            values.iter().for_each(|value| write(value, out));
        }
        Value::Map(entries) => {
            write_length(entries.len(), Some((0x80, 15)), [None, Some(0xde), Some(0xdf)], out);
            for (name, value) in entries {
                write_text(name, out);
                write(value, out);
            }
        }
        Value::Extension(kind, bytes) => {
            match bytes.len() {
                1 => out.push(0xd4),
                2 => out.push(0xd5),
                4 => out.push(0xd6),
                8 => out.push(0xd7),
                16 => out.push(0xd8),
                length => write_length(length, None, [Some(0xc7), Some(0xc8), Some(0xc9)], out),
            }
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(bytes);
        }
    }
}

fn put(out: &mut Vec<u8>, marker: u8, octets: &[u8]) {
    out.push(marker);
    out.extend_from_slice(octets);
}

#[expect(clippy::cast_possible_truncation, reason = "each arm's range fits")]
fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    match number {
        0..0x80 => out.push(number as u8),
        0x80..0x100 => put(out, 0xcc, &[number as u8]),
        0x100..0x1_0000 => put(out, 0xcd, &(number as u16).to_be_bytes()),
        0x1_0000..0x1_0000_0000 => put(out, 0xce, &(number as u32).to_be_bytes()),
        _ => put(out, 0xcf, &number.to_be_bytes()),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each arm's range fits")]
fn write_negative(number: i64, out: &mut Vec<u8>) {
    match number {
        -0x20.. => out.push(number as u8),
        -0x80.. => put(out, 0xd0, &[number as u8]),
        -0x8000.. => put(out, 0xd1, &(number as i16).to_be_bytes()),
        -0x8000_0000.. => put(out, 0xd2, &(number as i32).to_be_bytes()),
        _ => put(out, 0xd3, &number.to_be_bytes()),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_length(text.len(), Some((0xa0, 31)), [Some(0xd9), Some(0xda), Some(0xdb)], out);
    out.extend_from_slice(text.as_bytes());
}

/// A length in its shortest form: within the marker (`short`: marker and most), or behind one of `markers` for 8, 16 and
/// 32 bits. What is longer cannot be said; a package has an end long before.
#[expect(clippy::cast_possible_truncation, reason = "each arm's range fits")]
fn write_length(length: usize, short: Option<(u8, usize)>, markers: [Option<u8>; 3], out: &mut Vec<u8>) {
    let [byte, word, long] = markers;
    match (short, byte, word, long) {
        (Some((marker, most)), ..) if length <= most => out.push(marker | length as u8),
        (_, Some(marker), ..) if length < 0x100 => put(out, marker, &[length as u8]),
        (_, _, Some(marker), _) if length < 0x1_0000 => put(out, marker, &(length as u16).to_be_bytes()),
        (.., marker) => put(out, marker.unwrap_or_default(), &(length as u32).to_be_bytes()),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// How many more values may come.
    values: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A length in `octets` octets.
    fn length(&mut self, octets: usize) -> Result<usize, DecodeError> {
        let octets = self.take(octets)?;
        Ok(octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)))
    }

    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        self.values = self.values.checked_sub(1).ok_or(DecodeError::Limit)?;
        let [marker] = self.array()?;
        Ok(match marker {
            0x00..=0x7f => Value::Uint(marker.into()),
            0x80..=0x8f => self.map(usize::from(marker & 0x0f), depth)?,
            0x90..=0x9f => self.list(usize::from(marker & 0x0f), depth)?,
            0xa0..=0xbf => self.text(usize::from(marker & 0x1f))?,
            0xc0 => Value::Nil,
            0xc1 => return Err(DecodeError::Marker(marker)),
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xc4..=0xc6 => {
                let length = self.length(1 << (marker - 0xc4))?;
                Value::Bytes(self.take(length)?.to_vec())
            }
            0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                self.extension(length)?
            }
            0xca => Value::Real(f32::from_be_bytes(self.array()?).into()),
            0xcb => Value::Real(f64::from_be_bytes(self.array()?)),
            0xcc => Value::Uint(u8::from_be_bytes(self.array()?).into()),
            0xcd => Value::Uint(u16::from_be_bytes(self.array()?).into()),
            0xce => Value::Uint(u32::from_be_bytes(self.array()?).into()),
            0xcf => Value::Uint(u64::from_be_bytes(self.array()?)),
            0xd0 => Value::Int(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Value::Int(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Value::Int(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Value::Int(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => self.extension(1 << (marker - 0xd4))?,
            0xd9..=0xdb => {
                let length = self.length(1 << (marker - 0xd9))?;
                self.text(length)?
            }
            0xdc | 0xdd => {
                let length = self.length(2 << (marker - 0xdc))?;
                self.list(length, depth)?
            }
            0xde | 0xdf => {
                let length = self.length(2 << (marker - 0xde))?;
                self.map(length, depth)?
            }
            0xe0..=0xff => Value::Int(i8::from_be_bytes([marker]).into()),
        })
    }

    fn text(&mut self, length: usize) -> Result<Value, DecodeError> {
        let text = str::from_utf8(self.take(length)?).map_err(|_| DecodeError::Text)?;
        Ok(Value::Text(text.to_owned()))
    }

    fn extension(&mut self, length: usize) -> Result<Value, DecodeError> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Value::Extension(kind, self.take(length)?.to_vec()))
    }

    fn list(&mut self, length: usize, depth: usize) -> Result<Value, DecodeError> {
        let inner = deeper(depth)?;
        let mut values = Vec::with_capacity(length.min(self.rest.len()).min(PREALLOCATED));
        for _ in 0..length {
            values.push(self.value(inner)?);
        }
        Ok(Value::List(values))
    }

    /// A map; entries whose key is no text are left out.
    fn map(&mut self, length: usize, depth: usize) -> Result<Value, DecodeError> {
        let inner = deeper(depth)?;
        let mut entries = Vec::with_capacity(length.min(self.rest.len()).min(PREALLOCATED));
        for _ in 0..length {
            let key = self.value(inner)?;
            let value = self.value(inner)?;
            if let Value::Text(name) = key {
                entries.push((name, value));
            }
        }
        Ok(Value::Map(entries))
    }
}

/// Elements for which there is room before they are there.
const PREALLOCATED: usize = 64;

fn deeper(depth: usize) -> Result<usize, DecodeError> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(DecodeError::Limit) }
}

#[cfg(test)]
mod tests;
