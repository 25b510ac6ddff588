//! The verification trailer at the end of a request's stub ([MS-RPCE 2.2.2.13]).

use bytes::Bytes;
use smallvec::SmallVec;

use crate::wire::rpc::PduType;
use crate::wire::rpc::bind::{encode_syntax, syntax};
use crate::wire::{Interface, Reader, Wire, WireError, Writer};

/// What a request says about itself inside the protected stub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerificationTrailer {
    /// The commands in order. The last one is marked as such when written.
    pub commands: SmallVec<[VerificationCommand; 3]>,
}

/// One command, with the bit that obliges the server to understand it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationCommand {
    /// SEC_VT_MUST_PROCESS_COMMAND.
    pub must_process: bool,
    /// The command itself.
    pub body: VerificationBody,
}

/// The commands of [MS-RPCE 2.2.2.13.2] to 2.2.2.13.4.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerificationBody {
    /// rpc_sec_vt_bitmask: 1 when the client can sign headers.
    Bitmask(u32),
    /// rpc_sec_vt_pcontext: the presentation context that the request means.
    PContext {
        /// The interface.
        interface: Interface,
        /// The transfer syntax.
        transfer_syntax: Interface,
    },
    /// rpc_sec_vt_header2: the fields of the PDU header that matter.
    Header2 {
        /// The type of the PDU.
        ptype: PduType,
        /// The data representation label.
        drep: [u8; 4],
        /// The call.
        call_id: u32,
        /// The presentation context.
        context_id: u16,
        /// The method's number.
        opnum: u16,
    },
    /// A command that is not known here; its number without the two upper bits. Octets up to the next multiple of
    /// four are part of it.
    Unknown {
        /// Bits 0 to 13 of the command.
        command: u16,
        /// What follows its header.
        data: Bytes,
    },
}

impl VerificationTrailer {
    /// What Windows clients send with the first request of a presentation context ([MS-RPCE 2.2.2.13.4]).
    #[must_use]
    pub fn pcontext(interface: Interface, transfer_syntax: Interface) -> Self {
        let body = VerificationBody::PContext { interface, transfer_syntax };
        Self { commands: SmallVec::from_iter([VerificationCommand { must_process: false, body }]) }
    }

    /// The same behind the bitmask that the client's bind offered header signing, which Windows clients send with the
    /// first request of a connection ([MS-RPCE 2.2.2.13.2]).
    #[must_use]
    pub fn with_header_signing(mut self) -> Self {
        let body = VerificationBody::Bitmask(CLIENT_SUPPORT_HEADER_SIGNING);
        self.commands.insert(0, VerificationCommand { must_process: false, body });
        self
    }

    /// Splits `stub` into what comes before the trailer and the trailer, when one ends it. `stub` is the whole
    /// reassembled stub without authentication padding; octets after the trailer make it no trailer.
    ///
    /// Up to three octets of padding stay at the end of the first part. Since stubs are arbitrary octets the last
    /// occurrence of the signature that is followed by a well-formed list of commands decides.
    #[must_use]
    pub fn split(stub: &Bytes) -> Option<(Bytes, Self)> {
        // Signature and commands are multiples of four long, and start at a multiple of four.
        let last = stub.len() & !3;
        (last.saturating_sub(MAX_LEN)..=last.saturating_sub(SIGNATURE.len())).rev().step_by(4).find_map(|at| {
            stub.get(at..)?.starts_with(&SIGNATURE).then_some(())?;
            let trailer = Self::from_bytes(stub.slice(at..)).ok()?;
            Some((stub.slice(..at), trailer))
        })
    }

    /// `stub` with padding to a multiple of four and this trailer.
    #[must_use]
    pub fn append(&self, stub: &[u8]) -> Bytes {
        let mut w = Writer::new();
        w.bytes(stub);
        w.align(4);
        self.encode(&mut w);
        w.finish()
    }
}

impl Wire for VerificationTrailer {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        if r.array::<8>("signature")? != SIGNATURE {
            return Err(r.bad("signature"));
        }
        let mut commands = SmallVec::new();
        loop {
            let command = r.u16("command")?;
            let length = r.u16("length")?;
            if length & 3 != 0 {
                return Err(r.bad("length"));
            }
            let mut data = r.sub(usize::from(length), "command body")?;
            let body = match command & 0x3fff {
                BITMASK_1 => VerificationBody::Bitmask(data.u32("bits")?),
                PCONTEXT => VerificationBody::PContext {
                    interface: syntax(&mut data, "InterfaceId")?,
                    transfer_syntax: syntax(&mut data, "TransferSyntax")?,
                },
                HEADER2 => {
                    let ptype = PduType(data.u8("PTYPE")?);
                    data.skip(3, "Reserved")?;
                    let drep = data.array("drep")?;
                    let call_id = data.u32("call_id")?;
                    let (context_id, opnum) = (data.u16("p_cont_id")?, data.u16("opnum")?);
                    VerificationBody::Header2 { ptype, drep, call_id, context_id, opnum }
                }
                command => VerificationBody::Unknown { command, data: data.rest() },
            };
            data.finish("command body")?;
            commands.push(VerificationCommand { must_process: command & MUST_PROCESS != 0, body });
            if command & END != 0 {
                return Ok(Self { commands });
            }
        }
    }

    fn encode(&self, w: &mut Writer) {
        w.bytes(&SIGNATURE);
        for (i, command) in self.commands.iter().enumerate() {
            let mut bits = if i + 1 == self.commands.len() { END } else { 0 };
            bits |= if command.must_process { MUST_PROCESS } else { 0 };
            match &command.body {
                VerificationBody::Bitmask(mask) => {
                    w.u16(BITMASK_1 | bits);
                    w.u16(4);
                    w.u32(*mask);
                }
                VerificationBody::PContext { interface, transfer_syntax } => {
                    w.u16(PCONTEXT | bits);
                    w.u16(40);
                    encode_syntax(interface, w);
                    encode_syntax(transfer_syntax, w);
                }
                VerificationBody::Header2 { ptype, drep, call_id, context_id, opnum } => {
                    w.u16(HEADER2 | bits);
                    w.u16(16);
                    w.bytes(&[ptype.0, 0, 0, 0]);
                    w.bytes(drep);
                    w.u32(*call_id);
                    w.u16(*context_id);
                    w.u16(*opnum);
                }
                VerificationBody::Unknown { command, data } => {
                    w.u16((command & 0x3fff) | bits);
                    w.u16(u16::try_from(data.len().next_multiple_of(4)).unwrap_or(u16::MAX));
                    w.bytes(data);
                    w.align(4);
                }
            }
        }
    }
}

const SIGNATURE: [u8; 8] = [0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71];
/// The longest trailer that is looked for; the three known commands once each make 80 octets.
const MAX_LEN: usize = 512;
/// The one bit of [`VerificationBody::Bitmask`].
const CLIENT_SUPPORT_HEADER_SIGNING: u32 = 1;
const BITMASK_1: u16 = 1;
const PCONTEXT: u16 = 2;
const HEADER2: u16 = 3;
const END: u16 = 0x4000;
const MUST_PROCESS: u16 = 0x8000;
