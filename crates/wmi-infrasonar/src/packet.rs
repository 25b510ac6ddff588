//! Packet types, and what agentcore says in them.

use thiserror::Error;

use crate::assets::{Entry, Listing};
use crate::frame::Frame;
use crate::msgpack;
use crate::value::Value;

macro_rules! packet_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The types of packets between a probe and agentcore.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum PacketType { $($(#[$doc])* $name = $code,)* }

        impl PacketType {
            /// All types.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

packet_types! {
    /// A result, to agentcore; not answered.
    Dump = 0x00,
    /// Name and version of a probe, to agentcore.
    Announce = 0x01,
    /// The full list of checks, to the probe; not answered.
    SetAssets = 0x02,
    /// Heartbeat, to the probe.
    Info = 0x03,
    /// The checks of one asset, to the probe; not answered.
    UpsertAsset = 0x04,
    /// Assets that are gone, to the probe; not answered.
    UnsetAssets = 0x05,
    /// A file, to agentcore. No check of this probe has one.
    UploadFile = 0x07,
    /// A file is wanted, to agentcore.
    DownloadFile = 0x08,
    /// The answer to [`PacketType::Announce`]: the full list of checks.
    Announced = 0x81,
    /// The answer to a heartbeat: the probe's time.
    InfoAnswer = 0x82,
    /// Agentcore refuses what was asked for.
    Refused = 0xe0,
    /// The answer to [`PacketType::UploadFile`].
    Uploaded = 0xe3,
    /// The answer to [`PacketType::DownloadFile`].
    Downloaded = 0xe4,
}

impl From<PacketType> for u8 {
    fn from(kind: PacketType) -> Self {
        kind as Self
    }
}

impl PacketType {
    /// The type with this code.
    #[must_use]
    pub fn of(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| u8::from(*kind) == code)
    }
}

/// What agentcore says to a probe.
#[derive(Clone, Debug, PartialEq)]
pub enum FromAgentcore {
    /// The announcement is accepted; the full list of checks.
    Announced(Listing),
    /// The full list of checks, from now on.
    SetAssets(Listing),
    /// The checks of one asset, from now on.
    UpsertAsset(u64, Listing),
    /// Assets that have no checks any more.
    UnsetAssets(Vec<u64>),
    /// A heartbeat, to be answered with the same id.
    Info,
    /// What was asked for is refused, with agentcore's reason.
    Refused(String),
    /// Nothing that a probe without files has to know.
    Other(PacketType),
}

/// What is wrong with a whole frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// Its body is no msgpack: the packet is passed over.
    #[error("the body of a packet of type {kind:#04x} is no msgpack: {error}")]
    Body {
        /// The type.
        kind: u8,
        /// What is wrong.
        error: msgpack::DecodeError,
    },
    /// Its body says something else than its type: the packet is passed over.
    #[error("a packet of type {0:?} without {1}")]
    Shape(PacketType, &'static str),
    /// Nobody knows its type: the packet is passed over.
    #[error("a packet of unknown type {0:#04x}")]
    Unknown(u8),
}

impl FromAgentcore {
    /// What `frame` says.
    ///
    /// # Errors
    /// It is nothing that agentcore says.
    pub fn read(frame: &Frame) -> Result<Self, PacketError> {
        let kind = PacketType::of(frame.kind).ok_or(PacketError::Unknown(frame.kind))?;
        let value = frame.value().map_err(|error| PacketError::Body { kind: frame.kind, error })?;
        let listing = |value: &Value| Listing::read(value).ok_or(PacketError::Shape(kind, "a list of checks"));
        match kind {
            PacketType::Announced => listing(&value).map(Self::Announced),
            PacketType::SetAssets => listing(&value).map(Self::SetAssets),
            PacketType::UpsertAsset => match value.list() {
                Some([asset, checks]) => {
                    let asset = asset.unsigned().ok_or(PacketError::Shape(kind, "the number of an asset"))?;
                    Ok(Self::UpsertAsset(asset, listing(checks)?))
                }
                _ => Err(PacketError::Shape(kind, "an asset and its checks")),
            },
            PacketType::UnsetAssets => {
                let assets = value.list().and_then(|assets| assets.iter().map(Value::unsigned).collect());
                assets.map(Self::UnsetAssets).ok_or(PacketError::Shape(kind, "a list of assets"))
            }
            PacketType::Info => Ok(Self::Info),
            PacketType::Refused => Ok(Self::Refused(value.text().map_or_else(|| format!("{value}"), str::to_owned))),
            other => Ok(Self::Other(other)),
        }
    }
}

/// What agentcore sends, for stand-ins of it.
#[must_use]
pub fn assets(kind: PacketType, id: u16, entries: &[Entry]) -> Frame {
    Frame::new(kind, id, &Value::List(entries.iter().map(Entry::value).collect()))
}

/// The checks of `asset` from now on, for stand-ins of agentcore.
#[must_use]
pub fn upsert_asset(asset: u64, entries: &[Entry]) -> Frame {
    let entries = entries.iter().map(Entry::value).collect();
    Frame::new(PacketType::UpsertAsset, 0, &Value::List(vec![asset.into(), Value::List(entries)]))
}

/// Assets without checks from now on, for stand-ins of agentcore.
#[must_use]
pub fn unset_assets(assets: &[u64]) -> Frame {
    Frame::new(PacketType::UnsetAssets, 0, &Value::List(assets.iter().map(|asset| (*asset).into()).collect()))
}

/// A request without content: its body is the empty octet string.
#[must_use]
pub fn request(kind: PacketType, id: u16) -> Frame {
    Frame::new(kind, id, &Value::Bytes(Vec::new()))
}

#[cfg(test)]
mod tests;
