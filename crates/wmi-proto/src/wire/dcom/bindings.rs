//! DUALSTRINGARRAY: where an exporter listens and how it authenticates.

use bytes::Bytes;

use crate::wire::{Reader, Wire, WireError, WireErrorKind, Writer, text};

/// The tower identifier of ncacn_ip_tcp ([C706 appendix I]).
pub const TOWER_TCP: u16 = 7;

/// [MS-DCOM 2.2.19.3] STRINGBINDING.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringBinding {
    /// The protocol sequence ([C706 appendix I]), never 0.
    pub tower_id: u16,
    /// `host` or `host[endpoint]`.
    pub address: String,
}

impl StringBinding {
    /// A TCP binding of `host`, with a port when it is an exporter's and without when it is a resolver's.
    #[must_use]
    pub fn tcp(host: &str, port: Option<u16>) -> Self {
        let address = match port {
            Some(port) => format!("{host}[{port}]"),
            None => host.to_owned(),
        };
        Self { tower_id: TOWER_TCP, address }
    }

    /// Host and port of a TCP binding; `None` for another protocol or an endpoint that is no port.
    #[must_use]
    pub fn as_tcp(&self) -> Option<(&str, Option<u16>)> {
        if self.tower_id != TOWER_TCP {
            return None;
        }
        match self.address.strip_suffix(']').and_then(|address| address.rsplit_once('[')) {
            Some((host, endpoint)) => Some((host, Some(endpoint.parse().ok()?))),
            None => Some((&self.address, None)),
        }
    }
}

/// [MS-DCOM 2.2.19.4] SECURITYBINDING. Its reserved field is written as 0xffff and ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityBinding {
    /// The security provider ([MS-RPCE 2.2.1.1.7]), never 0.
    pub authn_svc: u16,
    /// The principal name, often empty.
    pub principal: String,
}

/// [MS-DCOM 2.2.19] DUALSTRINGARRAY.
///
/// Decoding stops at the first empty entry of each part; what lies behind it is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DualStringArray {
    /// Where the exporter or resolver listens, in its order of preference.
    pub string_bindings: Vec<StringBinding>,
    /// How it authenticates, in its order of preference.
    pub security_bindings: Vec<SecurityBinding>,
}

impl DualStringArray {
    /// The TCP bindings as (host, port), in the server's order.
    pub fn tcp(&self) -> impl Iterator<Item = (&str, Option<u16>)> {
        self.string_bindings.iter().filter_map(StringBinding::as_tcp)
    }

    /// Reads the form of an OBJREF, without the count of a conformant structure ([MS-DCOM 2.2.19.1]).
    ///
    /// # Errors
    /// `Truncated`; `BadValue` when the parts overlap.
    pub fn decode_packet(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "DUALSTRINGARRAY";
        let (entries, security) = (usize::from(r.u16(WHAT)?), usize::from(r.u16(WHAT)?));
        let Some(security_units) = entries.checked_sub(security) else {
            return Err(r.bad("DUALSTRINGARRAY security offset"));
        };
        let mut strings = Units(r.units(security, WHAT)?);
        let mut securities = Units(r.units(security_units, WHAT)?);
        let mut array = Self::default();
        while let Some(tower_id) = strings.next_nonzero() {
            let address = strings.text().ok_or_else(|| r.error(WireErrorKind::Truncated, "STRINGBINDING"))?;
            array.string_bindings.push(StringBinding { tower_id, address });
        }
        while let Some(authn_svc) = securities.next_nonzero() {
            let principal = securities.next().and_then(|_reserved| securities.text());
            let principal = principal.ok_or_else(|| r.error(WireErrorKind::Truncated, "SECURITYBINDING"))?;
            array.security_bindings.push(SecurityBinding { authn_svc, principal });
        }
        Ok(array)
    }

    /// Writes the form of an OBJREF ([MS-DCOM 2.2.19.1]). An empty part is two zero units, as in the smallest array
    /// that the specification gives.
    pub fn encode_packet(&self, w: &mut Writer) {
        let (strings, securities) = self.parts();
        w.u16(half(strings.len() + securities.len()));
        w.u16(half(strings.len()));
        w.bytes(strings.as_slice());
        w.bytes(securities.as_slice());
    }

    fn parts(&self) -> (Writer, Writer) {
        let mut strings = Writer::new();
        for binding in &self.string_bindings {
            strings.u16(binding.tower_id);
            strings.utf16(&binding.address);
            strings.u16(0);
        }
        strings.zeros(if self.string_bindings.is_empty() { 4 } else { 2 });
        let mut securities = Writer::new();
        for binding in &self.security_bindings {
            securities.u16(binding.authn_svc);
            securities.u16(0xffff);
            securities.utf16(&binding.principal);
            securities.u16(0);
        }
        securities.zeros(if self.security_bindings.is_empty() { 4 } else { 2 });
        (strings, securities)
    }
}

/// The form of a parameter: a conformant structure ([MS-DCOM 2.2.19.2]).
impl Wire for DualStringArray {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let max = r.ndr_u32("DUALSTRINGARRAY")?;
        let mut ahead = r.clone();
        if u32::from(ahead.u16("DUALSTRINGARRAY wNumEntries")?) != max {
            return Err(r.bad("DUALSTRINGARRAY wNumEntries"));
        }
        Self::decode_packet(r)
    }

    fn encode(&self, w: &mut Writer) {
        let (strings, securities) = self.parts();
        w.ndr_u32(half(strings.len() + securities.len()).into());
        self.encode_packet(w);
    }
}

/// Octets as a count of 16-bit units; too many become the largest count, which readers refuse as truncated.
fn half(octets: usize) -> u16 {
    u16::try_from(octets / 2).unwrap_or(u16::MAX)
}

/// Little-endian 16-bit units.
struct Units(Bytes);

impl Units {
    fn next(&mut self) -> Option<u16> {
        let unit = self.0.first_chunk::<2>().copied().map(u16::from_le_bytes)?;
        drop(self.0.split_to(2));
        Some(unit)
    }

    fn next_nonzero(&mut self) -> Option<u16> {
        self.next().filter(|unit| *unit != 0)
    }

    /// Text up to a NUL, which is consumed.
    fn text(&mut self) -> Option<String> {
        let end = self.0.as_chunks::<2>().0.iter().position(|unit| *unit == [0, 0])?;
        let octets = self.0.split_to(end * 2);
        self.next()?;
        Some(text::utf16_lossy(&octets))
    }
}
