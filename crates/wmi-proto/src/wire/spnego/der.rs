//! The few constructs of DER that SPNEGO needs ([X.690 8.1, 10.1]): tags of one octet, lengths in their shortest form.

use crate::wire::{Reader, WireError, WireErrorKind, Writer};

/// SEQUENCE and SEQUENCE OF.
pub(super) const SEQUENCE: u8 = 0x30;
/// BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// ENUMERATED.
pub(super) const ENUMERATED: u8 = 0x0a;
/// GeneralString.
pub(super) const GENERAL_STRING: u8 = 0x1b;
/// `[APPLICATION 0]`, which starts every InitialContextToken of GSS-API.
pub(super) const APPLICATION_0: u8 = 0x60;

/// The tag `[number]` around one element.
pub(super) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// The content of the element that comes next and has to have `tag`.
pub(super) fn read(r: &mut Reader, tag: u8, what: &'static str) -> Result<Reader, WireError> {
    if r.is_empty() {
        return Err(r.error(WireErrorKind::Truncated, what));
    }
    optional(r, tag, what)?.ok_or_else(|| r.bad(what))
}

/// The content of the element that comes next, when it has `tag`.
pub(super) fn optional(r: &mut Reader, tag: u8, what: &'static str) -> Result<Option<Reader>, WireError> {
    if r.peek().first() != Some(&tag) {
        return Ok(None);
    }
    r.skip(1, what)?;
    let length = length(r, what)?;
    r.sub(length, what).map(Some)
}

/// The content of the one element of `tag` inside `[number]`, when that comes next.
pub(super) fn field(r: &mut Reader, number: u8, tag: u8, what: &'static str) -> Result<Option<Reader>, WireError> {
    let Some(mut outer) = optional(r, explicit(number), what)? else { return Ok(None) };
    let inner = read(&mut outer, tag, what)?;
    outer.finish(what)?;
    Ok(Some(inner))
}

fn length(r: &mut Reader, what: &'static str) -> Result<usize, WireError> {
    let first = r.u8(what)?;
    if first < 0x80 {
        return Ok(usize::from(first));
    }
    let length = match first {
        0x80 => return Err(r.error(WireErrorKind::Unsupported, what)),
        0x81 => usize::from(r.u8(what)?),
        0x82 => usize::from(u16::from_be_bytes(r.array(what)?)),
        _ => return Err(r.error(WireErrorKind::TooLong, what)),
    };
    // The shortest form is the only one, so that octets that decode are those that are written.
    let shortest = if first == 0x81 { 0x80 } else { 0x100 };
    if length < shortest { Err(r.bad(what)) } else { Ok(length) }
}

/// Writes an element of `tag` around what `content` writes.
pub(super) fn write(w: &mut Writer, tag: u8, content: impl FnOnce(&mut Writer)) {
    let mut inner = Writer::new();
    content(&mut inner);
    w.u8(tag);
    match (u8::try_from(inner.len()), u16::try_from(inner.len())) {
        (Ok(length @ ..0x80), _) => w.u8(length),
        (Ok(length), _) => w.bytes(&[0x81, length]),
        (_, Ok(length)) => {
            w.u8(0x82);
            w.bytes(&length.to_be_bytes());
        }
        // More does not fit into a PDU: readers refuse it.
        _ => w.u8(0xff),
    }
    w.bytes(inner.as_slice());
}

/// Writes `[number]` around an element of `tag` with `content`, if there is one.
pub(super) fn write_field(w: &mut Writer, number: u8, tag: u8, content: Option<&[u8]>) {
    if let Some(content) = content {
        write(w, explicit(number), |w| write(w, tag, |w| w.bytes(content)));
    }
}
