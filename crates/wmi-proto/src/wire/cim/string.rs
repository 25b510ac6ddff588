//! Text of CIM objects: slices of their encoding, converted when asked for.

use core::cmp::Ordering;
use core::ffi::CStr;
use core::fmt;
use core::hash::{Hash, Hasher};
use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};

use crate::wire::{WireError, WireErrorKind, text};

/// [MS-WMIO 2.2.78] Encoded-String, without its flag and terminator: a slice of an object's encoding.
///
/// Two texts are equal when their UTF-16 code units are, however each of them is encoded.
#[derive(Clone)]
pub struct CimString {
    bytes: Bytes,
    /// UTF-16LE when set, otherwise one octet per character, U+0000 to U+00FF (compressed).
    wide: bool,
}

impl CimString {
    /// The empty text.
    pub const EMPTY: Self = Self { bytes: Bytes::new(), wide: false };

    /// Compressed ASCII text that is part of the program.
    #[must_use]
    pub const fn from_static(ascii: &'static str) -> Self {
        debug_assert!(ascii.is_ascii());
        Self { bytes: Bytes::from_static(ascii.as_bytes()), wide: false }
    }

    /// The text; borrowed when it is ASCII. A lone surrogate becomes U+FFFD.
    #[must_use]
    pub fn to_str(&self) -> Cow<'_, str> {
        to_str(&self.bytes, self.wide)
    }

    /// Whether there are no characters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether it is UTF-16LE in the encoding; otherwise one octet is one character.
    #[must_use]
    pub const fn is_wide(&self) -> bool {
        self.wide
    }

    /// The UTF-16 code units.
    pub fn units(&self) -> impl Iterator<Item = u16> + Clone + '_ {
        let step = if self.wide { 2 } else { 1 };
        self.bytes.chunks(step).map(|unit| match *unit {
            [lo, hi] => u16::from_le_bytes([lo, hi]),
            [lo] => u16::from(lo),
            _ => 0,
        })
    }

    /// Whether the texts are equal when the case of ASCII letters is ignored, as for CIM names.
    #[must_use]
    pub fn eq_ignore_ascii_case(&self, other: &str) -> bool {
        // Latin-1 against UTF-8: a text of no more octets has no more characters, and as many only when it is ASCII.
        if !self.wide && (self.bytes.len() >= other.len() || other.is_ascii()) {
            return self.bytes.eq_ignore_ascii_case(other.as_bytes()) && other.is_ascii();
        }
        self.units().map(lower).eq(other.encode_utf16().map(lower))
    }

    /// The order of [MS-WMIO 2.2.21] PropertyLookupTable as Windows sorts it: by code unit, ASCII case ignored.
    #[must_use]
    pub(super) fn cmp_ignore_ascii_case(&self, other: &Self) -> Ordering {
        self.units().map(lower).cmp(other.units().map(lower))
    }

    /// The same text in a buffer of its own, so that a large reply is not kept for a short name.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), wide: self.wide }
    }

    /// Reads the Encoded-String at the start of `data`; gives it and its length in octets with flag and terminator.
    pub(super) fn decode(data: &Bytes) -> Result<(Self, usize), WireError> {
        let extent = Extent::of(data)?;
        Ok((Self::slice(data, 0, extent), extent.length()))
    }

    /// The text of the Encoded-String at `at` of `data`, whose extent was found there.
    pub(super) fn slice(data: &Bytes, at: usize, extent: Extent) -> Self {
        Self { bytes: data.slice(at + 1..=at + extent.octets), wide: extent.wide }
    }

    /// Appends the Encoded-String. Text is compressed whenever it can be, as the specification demands.
    pub(super) fn encode(&self, out: &mut BytesMut) {
        if self.wide && self.units().any(|unit| unit > 0xff) {
            out.put_u8(1);
            out.put_slice(&self.bytes);
            out.put_u16(0);
            return;
        }
        out.put_u8(0);
        out.extend(self.units().map(|unit| u8::try_from(unit).unwrap_or(b'?')));
        out.put_u8(0);
    }
}

/// How far an Encoded-String goes.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Octets of the text.
    octets: usize,
    wide: bool,
}

impl Extent {
    /// Of the Encoded-String with which `data` starts.
    pub(super) fn of(data: &[u8]) -> Result<Self, WireError> {
        let truncated = || WireError::new(WireErrorKind::Truncated, "Encoded-String", data.len());
        let (&flag, rest) = data.split_first().ok_or_else(truncated)?;
        match flag {
            0 => {
                let text = CStr::from_bytes_until_nul(rest).map_err(|_| truncated())?;
                Ok(Self { octets: text.count_bytes(), wide: false })
            }
            1 => {
                let units = rest.chunks_exact(2).position(|unit| unit == [0, 0]).ok_or_else(truncated)?;
                Ok(Self { octets: 2 * units, wide: true })
            }
            _ => Err(WireError::new(WireErrorKind::BadValue, "Encoded-String-Flag", 0)),
        }
    }

    /// The text, whose Encoded-String `data` starts with.
    pub(super) fn text(self, data: &[u8]) -> Cow<'_, str> {
        to_str(data.get(1..=self.octets).unwrap_or_default(), self.wide)
    }

    /// Octets of the Encoded-String, its flag and terminator included.
    pub(super) const fn length(self) -> usize {
        1 + self.octets + if self.wide { 2 } else { 1 }
    }
}

/// The text of octets that are UTF-16LE or one character each.
fn to_str(octets: &[u8], wide: bool) -> Cow<'_, str> {
    if wide {
        return Cow::Owned(text::utf16_lossy(octets));
    }
    match core::str::from_utf8(octets) {
        Ok(ascii) if octets.is_ascii() => Cow::Borrowed(ascii),
        _ => Cow::Owned(octets.iter().map(|&b| char::from(b)).collect()),
    }
}

fn lower(unit: u16) -> u16 {
    u8::try_from(unit).map_or(unit, |b| u16::from(b.to_ascii_lowercase()))
}

impl Default for CimString {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// The text up to its first NUL, which is where the encoding ends a text.
impl From<&str> for CimString {
    fn from(text: &str) -> Self {
        let text = text.split('\0').next().unwrap_or_default();
        if text.is_ascii() {
            return Self { bytes: Bytes::copy_from_slice(text.as_bytes()), wide: false };
        }
        match text.chars().map(|c| u8::try_from(u32::from(c))).collect::<Result<Vec<u8>, _>>() {
            Ok(compressed) => Self { bytes: compressed.into(), wide: false },
            Err(_) => Self { bytes: text::utf16(text).into(), wide: true },
        }
    }
}

impl From<String> for CimString {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Display for CimString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str())
    }
}

impl fmt::Debug for CimString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}

impl PartialEq for CimString {
    fn eq(&self, other: &Self) -> bool {
        if self.wide == other.wide { self.bytes == other.bytes } else { self.units().eq(other.units()) }
    }
}

impl Eq for CimString {}

impl PartialEq<str> for CimString {
    fn eq(&self, other: &str) -> bool {
        if !self.wide && other.is_ascii() {
            return self.bytes == other.as_bytes();
        }
        self.units().eq(other.encode_utf16())
    }
}

impl PartialEq<&str> for CimString {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl Ord for CimString {
    fn cmp(&self, other: &Self) -> Ordering {
        self.units().cmp(other.units())
    }
}

impl PartialOrd for CimString {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for CimString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.units().for_each(|unit| unit.hash(state));
        0_u16.hash(state);
    }
}

/// [MS-WMIO 2.2.80] DictionaryReference: texts that are written as a number, at their ordinal position.
const DICTIONARY: [CimString; 11] = [
    CimString::from_static("\""),
    CimString::from_static("key"),
    CimString::from_static(""),
    CimString::from_static("read"),
    CimString::from_static("write"),
    CimString::from_static("volatile"),
    CimString::from_static("provider"),
    CimString::from_static("dynamic"),
    CimString::from_static("cimwin32"),
    CimString::from_static("DWORD"),
    CimString::from_static("CIMTYPE"),
];

/// The text of a dictionary ordinal.
pub(super) fn dictionary(ordinal: u32) -> Option<CimString> {
    DICTIONARY.get(usize::try_from(ordinal).ok()?).cloned()
}

/// The ordinal of a text that is in the dictionary in exactly this spelling.
pub(super) fn dictionary_ordinal(text: &CimString) -> Option<u32> {
    let at = DICTIONARY.iter().position(|entry| entry == text)?;
    u32::try_from(at).ok()
}
