//! A simulated Windows host without I/O: the acceptor side of DCE/RPC, NTLM, DCOM and WMI.

pub mod repository;
