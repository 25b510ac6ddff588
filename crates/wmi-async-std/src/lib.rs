//! A WMI session as futures: the sans-IO core of `wmi-proto`, driven over async-std or any other runtime.
//!
//! ```no_run
//! use wmi_async_std::Session;
//! use wmi_proto::{Config, Credentials, Query, Secret};
//!
//! # async fn rows() -> Result<(), wmi_async_std::SessionError> {
//! let account = Credentials::new(r"ACME\monitor", Secret::from("password"));
//! let mut session = Session::connect(Config::new("server.example", account));
//! let mut rows = session.query(Query::new("SELECT Name, State FROM Win32_Service"))?;
//! while let Some(row) = rows.next().await {
//!     println!("{:?}", row?);
//! }
//! drop(rows);
//! session.close().await
//! # }
//! ```
//!
//! async-std is discontinued. It stands in one place, [`AsyncStd`]; everything else ([`driver::Session`], [`Rows`]) knows
//! only the traits of futures-io and the two methods of [`driver::Runtime`]. The crate's README tells how to bring another
//! runtime.

pub mod driver;

mod error;
mod link;
mod os;
mod rows;
mod shim;

pub use error::SessionError;
pub use os::OsEntropy;
pub use rows::Rows;
pub use shim::{AsyncStd, Session};
