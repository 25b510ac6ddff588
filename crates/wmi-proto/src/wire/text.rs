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

/// A UTF-16 unit in upper case as Windows has it for names: only letters that lower case leads back to, and the final
/// sigma. So ß, µ, ı, ſ and the title case ǅ stay what they are, where Unicode has capital letters for them.
///
/// This agrees with the table that Windows Vista writes onto NTFS volumes for all letters of that time but 25 Greek
/// ones with an iota subscript and six that it exchanges; which later letters newer versions know was not found.
#[must_use]
pub fn uppercase_unit(unit: u16) -> u16 {
    const FINAL_SIGMA: char = 'ς';
    let upper = char::from_u32(u32::from(unit)).and_then(|lower| {
        let upper = only(lower.to_uppercase())?;
        (only(upper.to_lowercase()) == Some(lower) || lower == FINAL_SIGMA).then_some(upper)
    });
    upper.and_then(|c| u16::try_from(u32::from(c)).ok()).unwrap_or(unit)
}

/// The character, when it is one.
fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
    chars.next().filter(|_| chars.next().is_none())
}

impl Writer {
    /// `text` as UTF-16LE, without a terminator.
    pub fn utf16(&mut self, text: &str) {
        for unit in text.encode_utf16() {
            self.u16(unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::uppercase_unit;

    /// Of the table that Windows Vista writes onto NTFS volumes, as ntfs-3g and wimlib have it.
    #[test]
    fn upper_case_as_windows_has_it() {
        let upper = |text: &str| text.encode_utf16().map(uppercase_unit).collect::<Vec<_>>();
        let same = |lower: &str, table: &str| assert_eq!(upper(lower), table.encode_utf16().collect::<Vec<_>>());
        same("abyz@[`{ 09_-.", "ABYZ@[`{ 09_-.");
        same("àöøþÿœšžłőąđ", "ÀÖØÞŸŒŠŽŁŐĄĐ");
        same("αςσώάϋ", "ΑΣΣΏΆΫ");
        same("жёџґ", "ЖЁЏҐ");
        same("աֆ", "ԱՖ");
        // A small roman eight, a circled z, a wide z, Glagolitic, Georgian.
        same("\u{2177}\u{24e9}\u{ff5a}\u{2c30}\u{2d00}", "\u{2167}\u{24cf}\u{ff3a}\u{2c00}\u{10a0}");
        // Vietnamese, and Greek of old.
        same("\u{1e81}\u{1eb7}\u{1f00}\u{1f70}\u{1f7d}", "\u{1e80}\u{1eb6}\u{1f08}\u{1fba}\u{1ffb}");
        // What Unicode has capital letters for, and Windows not.
        same("ßµıſŉǅǈǋǲϐϑϕϖϰϱϵẛ\u{1fbe}\u{345}", "ßµıſŉǅǈǋǲϐϑϕϖϰϱϵẛ\u{1fbe}\u{345}");
        // Surrogates are not letters.
        same("\u{10428}", "\u{10428}");
        // Capital letters stay.
        same("ÀŸΣЖİ", "ÀŸΣЖİ");
    }
}
