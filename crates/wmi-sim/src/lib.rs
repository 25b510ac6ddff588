//! A simulated Windows host without I/O: the acceptor side of DCE/RPC, NTLM, DCOM and WMI.
//!
//! [`Host`] is driven like the client core it is tested against: connections, octets and time go in, octets come out.
//! It frames, authenticates and dispatches with code of its own; only the encodings (`wmi_proto::wire`) and the NTLM
//! primitives are shared with the client.

pub mod repository;

mod classes;
mod config;
mod connection;
mod context;
mod cursor;
mod dispatch;
mod enumeration;
mod exporter;
mod faults;
mod framer;
mod host;
mod io;
mod life;
mod login;
mod machine;
mod methods;
mod net;
mod pings;
mod profiles;
mod refusal;
mod registry;
mod rem_unknown;
mod reply;
mod scm;
mod security;
mod serve;
mod services;
mod stats;
mod wql;

pub use config::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, HostConfig};
pub use faults::{Fault, UnknownFault};
pub use host::Host;
pub use io::{ConnId, HostInput, HostOutput};
pub use life::{Gone, Restart};
pub use net::{Fleet, Listening, Server};
pub use profiles::{Profile, UnknownProfile};
pub use refusal::{Refused, Shape};
pub use stats::HostStats;
