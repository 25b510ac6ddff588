//! The program `wmi` run as people run it, against simulated hosts in this process.

mod bad_input;
mod call;
mod check;
mod decode;
mod demo;
mod faults;
#[cfg(target_os = "linux")]
mod memory;
mod objects;
mod output;
mod password;
#[cfg(unix)]
mod probe;
mod readme;
mod replay;
mod several;
mod sim;
mod stop;
#[path = "../support/mod.rs"]
mod support;
mod traffic;
