//! SPNEGO tokens ([RFC 4178 4], [MS-SPNG 2.2]): which mechanisms are offered, which is chosen, and its tokens inside.

use core::fmt;

use bytes::Bytes;

use crate::wire::codes::open_enum;
use crate::wire::{Reader, Wire, WireError, WireErrorKind, Writer};

mod der;

#[cfg(test)]
mod tests;

open_enum! {
    /// NegState ([RFC 4178 4.2.2]).
    pub struct NegState(u8);
    /// Nothing more is expected: the context stands.
    ACCEPT_COMPLETED = 0,
    /// At least one more token is needed.
    ACCEPT_INCOMPLETE = 1,
    /// The negotiation is over.
    REJECT = 2,
    /// A mechListMIC will have to be exchanged.
    REQUEST_MIC = 3,
}

/// A mechanism by its object identifier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MechType(Bytes);

impl MechType {
    /// NTLM, 1.3.6.1.4.1.311.2.2.10 ([MS-NLMP 1.9]).
    #[must_use]
    pub const fn ntlmssp() -> Self {
        Self(Bytes::from_static(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a]))
    }

    /// Kerberos, 1.2.840.113554.1.2.2 ([RFC 4121]).
    #[must_use]
    pub const fn kerberos() -> Self {
        Self(Bytes::from_static(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]))
    }

    /// Kerberos as Windows 2000 wrote it, 1.2.840.48018.1.2.2, and Windows still offers it first ([MS-SPNG 3.1.5.2]).
    #[must_use]
    pub const fn ms_kerberos() -> Self {
        Self(Bytes::from_static(&[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02]))
    }

    /// The content octets of an object identifier; `None` when they are none.
    #[must_use]
    pub fn new(content: Bytes) -> Option<Self> {
        content.last().is_some_and(|last| *last < 0x80).then_some(Self(content))
    }

    /// The content octets of the object identifier.
    #[must_use]
    pub const fn content(&self) -> &Bytes {
        &self.0
    }

    fn decode(r: &Reader) -> Result<Self, WireError> {
        Self::new(r.peek().clone()).ok_or_else(|| r.bad("MechType"))
    }
}

/// In dots; arcs beyond 64 bits are cut to their low ones.
impl fmt::Display for MechType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut arc, mut first) = (0_u64, true);
        for octet in &self.0 {
            arc = arc << 7 | u64::from(octet & 0x7f);
            if *octet >= 0x80 {
                continue;
            }
            if first {
                let root = (arc / 40).min(2);
                write!(f, "{root}.{}", arc - root * 40)?;
            } else {
                write!(f, ".{arc}")?;
            }
            (arc, first) = (0, false);
        }
        Ok(())
    }
}

impl fmt::Debug for MechType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The octets of a MechTypeList, over which a mechListMIC is computed ([RFC 4178 5]).
#[must_use]
pub fn mech_type_list(mech_types: &[MechType]) -> Bytes {
    let mut w = Writer::new();
    write_mech_types(&mut w, mech_types);
    w.finish()
}

fn write_mech_types(w: &mut Writer, mech_types: &[MechType]) {
    der::write(w, der::SEQUENCE, |w| {
        for mech_type in mech_types {
            der::write(w, der::OBJECT_IDENTIFIER, |w| w.bytes(mech_type.content()));
        }
    });
}

/// NegHints ([MS-SPNG 2.2.1]): what an acceptor that speaks first adds, and nobody needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegHints {
    /// hintName, a GeneralString.
    pub name: Option<Bytes>,
    /// hintAddress.
    pub address: Option<Bytes>,
}

/// NegTokenInit ([RFC 4178 4.2.1]) and, when it has hints, NegTokenInit2 ([MS-SPNG 2.2.1]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegTokenInit {
    /// mechTypes, the favourite first. None at all is the same as the field left out.
    pub mech_types: Vec<MechType>,
    /// reqFlags: the content of the BIT STRING, with its count of unused bits.
    pub req_flags: Option<Bytes>,
    /// mechToken: the first token of the favourite.
    pub mech_token: Option<Bytes>,
    /// negHints.
    pub hints: Option<NegHints>,
    /// mechListMIC: `[3]` without hints, `[4]` with hints.
    pub mech_list_mic: Option<Bytes>,
    /// What comes behind the known fields, undecoded.
    pub extensions: Bytes,
}

/// NegTokenResp ([RFC 4178 4.2.2]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegTokenResp {
    /// negState.
    pub state: Option<NegState>,
    /// supportedMech: which one the acceptor chose.
    pub supported_mech: Option<MechType>,
    /// responseToken: a token of the chosen mechanism.
    pub response_token: Option<Bytes>,
    /// mechListMIC.
    pub mech_list_mic: Option<Bytes>,
    /// What comes behind the known fields, undecoded.
    pub extensions: Bytes,
}

/// NegotiationToken ([RFC 4178 4.2]), the first one in the frame of GSS-API ([RFC 2743 3.1]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NegotiationToken {
    /// The first token of the initiator, or of an acceptor that speaks first.
    Init(NegTokenInit),
    /// Every other token.
    Resp(NegTokenResp),
}

impl Wire for NegotiationToken {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        if let Some(mut framed) = der::optional(r, der::APPLICATION_0, "InitialContextToken")? {
            if **der::read(&mut framed, der::OBJECT_IDENTIFIER, "thisMech")?.peek() != SPNEGO {
                return Err(framed.error(WireErrorKind::Unsupported, "thisMech"));
            }
            let mut token = one(&mut framed, der::explicit(0), "NegTokenInit")?;
            framed.finish("InitialContextToken")?;
            return NegTokenInit::decode_fields(&mut token).map(Self::Init);
        }
        let mut token = one(r, der::explicit(1), "NegTokenResp")?;
        NegTokenResp::decode_fields(&mut token).map(Self::Resp)
    }

    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Init(token) => der::write(w, der::APPLICATION_0, |w| {
                der::write(w, der::OBJECT_IDENTIFIER, |w| w.bytes(&SPNEGO));
                der::write(w, der::explicit(0), |w| der::write(w, der::SEQUENCE, |w| token.encode_fields(w)));
            }),
            Self::Resp(token) => {
                der::write(w, der::explicit(1), |w| der::write(w, der::SEQUENCE, |w| token.encode_fields(w)));
            }
        }
    }
}

/// The content of the one SEQUENCE in the element of `tag` that has to come next.
fn one(r: &mut Reader, tag: u8, what: &'static str) -> Result<Reader, WireError> {
    let mut choice = der::read(r, tag, what)?;
    let sequence = der::read(&mut choice, der::SEQUENCE, what)?;
    choice.finish(what)?;
    Ok(sequence)
}

/// What is left of a SEQUENCE behind its known fields. One of those in another place is an error.
fn extensions(r: &mut Reader, known: u8) -> Result<Bytes, WireError> {
    match r.peek().first() {
        Some(tag) if (der::explicit(0)..=der::explicit(known)).contains(tag) => Err(r.bad("field out of order")),
        _ => Ok(r.rest()),
    }
}

impl NegTokenInit {
    fn decode_fields(r: &mut Reader) -> Result<Self, WireError> {
        let mut mech_types = Vec::new();
        if let Some(mut list) = der::field(r, 0, der::SEQUENCE, "mechTypes")? {
            while mech_types.is_empty() || !list.is_empty() {
                if mech_types.len() == MAX_MECH_TYPES {
                    return Err(list.error(WireErrorKind::TooLong, "mechTypes"));
                }
                mech_types.push(MechType::decode(&der::read(&mut list, der::OBJECT_IDENTIFIER, "MechType")?)?);
            }
        }
        let req_flags = der::field(r, 1, der::BIT_STRING, "reqFlags")?.map(Reader::into_rest);
        let mech_token = der::field(r, 2, der::OCTET_STRING, "mechToken")?.map(Reader::into_rest);
        let (mut hints, mut mech_list_mic) = (None, None);
        if let Some(mut third) = der::optional(r, der::explicit(3), "negHints")? {
            if let Some(mut fields) = der::optional(&mut third, der::SEQUENCE, "negHints")? {
                hints = Some(NegHints {
                    name: der::field(&mut fields, 0, der::GENERAL_STRING, "hintName")?.map(Reader::into_rest),
                    address: der::field(&mut fields, 1, der::OCTET_STRING, "hintAddress")?.map(Reader::into_rest),
                });
                fields.finish("negHints")?;
                mech_list_mic = der::field(r, 4, der::OCTET_STRING, "mechListMIC")?.map(Reader::into_rest);
            } else {
                mech_list_mic = Some(der::read(&mut third, der::OCTET_STRING, "mechListMIC")?.into_rest());
            }
            third.finish("negHints")?;
        }
        let extensions = extensions(r, if hints.is_some() { 4 } else { 3 })?;
        Ok(Self { mech_types, req_flags, mech_token, hints, mech_list_mic, extensions })
    }

    fn encode_fields(&self, w: &mut Writer) {
        if !self.mech_types.is_empty() {
            der::write(w, der::explicit(0), |w| write_mech_types(w, &self.mech_types));
        }
        der::write_field(w, 1, der::BIT_STRING, self.req_flags.as_deref());
        der::write_field(w, 2, der::OCTET_STRING, self.mech_token.as_deref());
        let mic = if let Some(hints) = &self.hints {
            let fields = |w: &mut Writer| {
                der::write_field(w, 0, der::GENERAL_STRING, hints.name.as_deref());
                der::write_field(w, 1, der::OCTET_STRING, hints.address.as_deref());
            };
            der::write(w, der::explicit(3), |w| der::write(w, der::SEQUENCE, fields));
            4
        } else {
            3
        };
        der::write_field(w, mic, der::OCTET_STRING, self.mech_list_mic.as_deref());
        w.bytes(&self.extensions);
    }
}

impl NegTokenResp {
    fn decode_fields(r: &mut Reader) -> Result<Self, WireError> {
        let state = match der::field(r, 0, der::ENUMERATED, "negState")? {
            None => None,
            Some(mut value) => {
                let state = NegState(value.u8("negState")?);
                value.finish("negState")?;
                Some(state)
            }
        };
        let supported_mech = match der::field(r, 1, der::OBJECT_IDENTIFIER, "supportedMech")? {
            None => None,
            Some(content) => Some(MechType::decode(&content)?),
        };
        Ok(Self {
            state,
            supported_mech,
            response_token: der::field(r, 2, der::OCTET_STRING, "responseToken")?.map(Reader::into_rest),
            mech_list_mic: der::field(r, 3, der::OCTET_STRING, "mechListMIC")?.map(Reader::into_rest),
            extensions: extensions(r, 3)?,
        })
    }

    fn encode_fields(&self, w: &mut Writer) {
        der::write_field(w, 0, der::ENUMERATED, self.state.map(|state| [state.0]).as_ref().map(<[u8; 1]>::as_slice));
        let mech = self.supported_mech.as_ref().map(|mech| &**mech.content());
        der::write_field(w, 1, der::OBJECT_IDENTIFIER, mech);
        der::write_field(w, 2, der::OCTET_STRING, self.response_token.as_deref());
        der::write_field(w, 3, der::OCTET_STRING, self.mech_list_mic.as_deref());
        w.bytes(&self.extensions);
    }
}

/// 1.3.6.1.5.5.2.
const SPNEGO: [u8; 6] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];

/// Mechanisms in one list; Windows offers at most five.
const MAX_MECH_TYPES: usize = 64;
