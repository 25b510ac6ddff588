//! What must hold for any octets: called by property tests and by fuzz targets.

pub mod dcom;
pub mod ntlm;
pub mod rpc;
