//! The program `wmi`: query and check Windows hosts, look into captured objects, and be a simulated host.

mod args;
mod check;
mod connection;
mod decode;
mod demo;
mod host;
mod messages;
mod output;
mod password;
mod progress;
mod query;
mod recorder;
mod replay;
mod signals;
mod sim;
mod status;
mod traffic;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};

fn main() -> ExitCode {
    let status = match Arguments::parse().command {
        Command::Query(arguments) => query::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Decode(arguments) => decode::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    };
    status.into()
}
