//! WMI sessions over mio: the sans-IO core of `wmi-proto` on sockets and a clock. [`Session`] is one, and blocks;
//! [`Reactor`] is any number of them in one thread.
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
//! query at a time. The session runs on the caller's thread. Only the look-up of a name uses threads of its own, so
//! that a silent name server cannot outlast a deadline; an address needs none.
//!
//! Many hosts are asked at the same time, each at its own pace:
//!
//! ```
//! use std::num::NonZeroU32;
//!
//! use wmi_mio::Reactor;
//! use wmi_proto::{Client, Event, Query};
//!
//! # use std::net::{IpAddr, Ipv4Addr};
//! # use wmi_proto::{Config, Credentials, Secret};
//! # use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, Fleet, HostConfig};
//! # fn main() -> Result<(), wmi_mio::SessionError> {
//! # let fleet = Fleet::start((0..3).map(|_| HostConfig::new(0)), IpAddr::V4(Ipv4Addr::LOCALHOST))?;
//! # let hosts = fleet.hosts().iter().map(|host| {
//! #     let account = format!(r"{DEFAULT_DOMAIN}\{DEFAULT_USER}");
//! #     let mut config = Config::new("127.0.0.1", Credentials::new(&account, Secret::from(DEFAULT_PASSWORD)));
//! #     config.port = host.activator_addr().port();
//! #     config
//! # });
//! # let mut all = 0;
//! let mut reactor = Reactor::new()?;
//! for config in hosts {
//!     let host = reactor.add(config);
//!     let begun = reactor.command(host, |client, now| {
//!         let query = client.exec_query(Query::new("SELECT Name, State FROM Win32_Service"), now)?;
//!         client.fetch(query, NonZeroU32::MAX, now)
//!     });
//!     begun.transpose()?;
//! }
//! while let Some((host, event)) = reactor.next_event()? {
//!     match event {
//!         Event::Batch { query, rows } => {
//!             println!("{host:?}: {} rows", rows.len());
//! #           all += rows.len();
//!             // The next ones, unless these were the last; then the query is over already.
//!             let _ = reactor.command(host, |client, now| client.fetch(query, NonZeroU32::MAX, now));
//!         }
//!         Event::QueryDone { outcome, .. } => {
//!             println!("{host:?}: {outcome:?}");
//! #           outcome?;
//!             reactor.command(host, Client::close);
//!         }
//!         Event::Closed { .. } => {
//!             reactor.remove(host);
//!         }
//!         _ => {}
//!     }
//! }
//! # assert!(all > 0 && reactor.is_empty());
//! # Ok(())
//! # }
//! ```

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
