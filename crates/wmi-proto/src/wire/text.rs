//! Text on the wire: UTF-16LE, mostly.

use crate::wire::Writer;

/// UTF-16LE octets as text; an odd last octet is dropped, a lone surrogate becomes U+FFFD.
#[must_use]
pub fn utf16_lossy(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| match *pair {
        [lo, hi] => u16::from_le_bytes([lo, hi]),
        _ => 0,
    });
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Text as UTF-16LE octets, without a terminator.
#[must_use]
pub fn utf16(text: &str) -> Vec<u8> {
    // Counted first: what is moved while it grows leaves a copy behind, and some of these texts are passwords.
    let mut octets = Vec::with_capacity(2 * text.encode_utf16().count());
    octets.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    octets
}

/// A UTF-16 unit in upper case where that is one unit, as Windows does: ß stays ß.
///
/// Windows' own table differs from Unicode's for a few letters outside Latin-1; no example of those was found.
#[must_use]
pub fn uppercase_unit(unit: u16) -> u16 {
    let single = char::from_u32(u32::from(unit)).and_then(|c| {
        let mut upper = c.to_uppercase();
        upper.next().filter(|_| upper.next().is_none())
    });
    single.and_then(|c| u16::try_from(u32::from(c)).ok()).unwrap_or(unit)
}

impl Writer {
    /// `text` as UTF-16LE, without a terminator.
    pub fn utf16(&mut self, text: &str) {
        for unit in text.encode_utf16() {
            self.u16(unit);
        }
    }
}
