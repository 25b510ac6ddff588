//! WMI over DCOM as a state machine without I/O.
//!
//! [`Client`] is the whole protocol: DCE/RPC, NTLM, DCOM, WMI and CIM objects. It has no socket, no clock, no thread and
//! no randomness; it is driven by inputs, timeouts and commands and answers with outputs. What follows is the contract.
#![doc = include_str!("../../../docs/driving.md")]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod path;
pub mod wire;

mod auth;
mod client;
mod cx;
mod dcom;
mod entropy;
mod limits;
mod rpc;
mod secret;
mod stats;
mod time;
mod transport;
mod wmi;

pub use auth::{AuthError, AuthLevel, Credentials, Mechanism, NotAnNtHash, NtHash, Password};
pub use client::{
    AccountKind, CallId, Client, ClientInfo, CommandError, Completion, Concern, Config, Enumerator, Error, ErrorKind,
    Event, ExecMethod, GetObject, Input, Output, Query, QueryId, Row, Stage,
};
pub use entropy::{Draw, Entropy, SeededEntropy, StockedEntropy};
pub use limits::Limits;
pub use secret::Secret;
pub use stats::Stats;
pub use time::{FileTime, Instant};
pub use transport::{Role, Target, TransportFailure, TransportId};
pub use wire::wmi::WbemContext;
pub use wmi::{MethodSignature, NoSuchMethod, Parameter, ParameterError, ParameterProblem, SignatureError};

/// CIM objects and values.
pub mod cim {
    pub use crate::wire::cim::{
        BadDateTime, BuildError, CimClass, CimDateTime, CimInterval, CimMethod, CimObject, CimProperty, CimQualifier,
        CimString, CimTimestamp, CimType, CimValue, ClassBuilder, ClassCache, Decoration, Flavor, Genus,
        InstanceBuilder, MethodBuilder, PropertyBuilder, Source, TimeOfDay,
    };
}

/// What a simulator needs of the inside; not covered by semver.
#[doc(hidden)]
pub mod internals {
    pub use crate::auth::{
        AcceptError, Acceptance, AcceptorOptions, Answer, AuthError, Initiator, NegotiateAcceptor, NtlmAcceptor,
        NtlmInitiator, SecurityContext, SessionKey, Side, SpnegoInitiator, Step, Tampered,
    };
    pub use crate::client::Holdings;
}
