//! A blocking WMI session with one host: the sans-IO core of `wmi-proto`, driven by mio.
//!
//! ```no_run
//! use wmi_mio::Session;
//! use wmi_proto::{Config, Credentials, Query, Secret};
//!
//! # fn main() -> Result<(), wmi_mio::SessionError> {
//! let account = Credentials::new(r"ACME\monitor", Secret::from("password"));
//! let mut session = Session::connect(Config::new("server.example", account))?;
//! for row in session.query(Query::new("SELECT Name, State FROM Win32_Service"))? {
//!     println!("{:?}", row?);
//! }
//! session.close()
//! # }
//! ```
//!
//! Everything that the core can do is reached through [`Session::command`]; [`Session::query`] is the short way for one
//! query at a time. The session runs on the caller's thread. Only the look-up of a name uses a thread of its own, so
//! that a silent name server cannot outlast a deadline; an address needs none.

mod driver;
mod error;
mod link;
mod os;
mod reactor;
mod resolve;
mod rows;
mod session;
mod tap;
mod waker;

pub use error::SessionError;
pub use os::OsEntropy;
pub use reactor::{Reactor, SessionId};
pub use rows::Rows;
pub use session::Session;
pub use tap::Tap;
pub use waker::Waker;
