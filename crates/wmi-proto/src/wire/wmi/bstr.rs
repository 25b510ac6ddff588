//! BSTR, the text parameter of Automation.

use crate::wire::{Reader, Wire, WireError, Writer, text};

/// [MS-OAUT 2.2.23] BSTR: a unique pointer to a FLAGGED_WORD_BLOB.
///
/// One NUL at the end of the counted text is dropped, since some clients count it; it is written without, as Windows
/// does, unless the text itself ends with one. cBytes is only looked at to tell NULL. Lone surrogates become U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bstr(pub Option<String>);

impl Bstr {
    /// No string at all.
    pub const NULL: Self = Self(None);

    /// The text; empty for NULL, which is what Automation says of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<&str> for Bstr {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl From<String> for Bstr {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl Wire for Bstr {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "BSTR";
        if !r.ndr_pointer(WHAT)? {
            return Ok(Self::NULL);
        }
        let (max, bytes, units) = (r.ndr_u32(WHAT)?, r.u32(WHAT)?, r.u32(WHAT)?);
        if max != units {
            return Err(r.bad("FLAGGED_WORD_BLOB clSize"));
        }
        if bytes == u32::MAX && units == 0 {
            return Ok(Self::NULL);
        }
        let octets = r.units(r.fitting(units, 2, WHAT)?, WHAT)?;
        let counted = octets.strip_suffix(&[0, 0]).unwrap_or(&octets);
        Ok(Self(Some(text::utf16_lossy(counted))))
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(self.0.is_some());
        if let Some(text) = &self.0 {
            let terminator = usize::from(text.ends_with('\0'));
            let units = text.encode_utf16().count().saturating_add(terminator);
            w.ndr_len(units);
            w.len32(units.saturating_mul(2));
            w.len32(units);
            w.utf16(text);
            w.zeros(terminator * 2);
        }
    }
}
