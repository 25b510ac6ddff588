//! What must hold for any octets: octets in, nothing out, a panic when something is wrong. Called by property tests
//! and by fuzz targets.

pub mod capture;
pub mod cim;
pub mod client;
pub mod dcom;
pub mod infrasonar;
pub mod ntlm;
pub mod path;
pub mod rpc;
pub mod session;
pub mod spnego;
