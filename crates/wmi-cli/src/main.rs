//! The program `wmi`: query and check Windows hosts, look into captured objects, and be a simulated host.

mod args;
mod call;
mod check;
mod checks;
mod classes;
mod connection;
mod decode;
mod demo;
mod get;
mod host;
mod messages;
mod namespaces;
mod output;
mod password;
mod probe;
mod progress;
mod query;
mod recorder;
mod replay;
mod signals;
mod sim;
mod status;
mod target;
mod traffic;
mod values;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};

fn main() -> ExitCode {
    let status = match Arguments::parse().command {
        Command::Query(arguments) => query::run(&arguments),
        Command::Get(arguments) => get::run(&arguments),
        Command::Call(arguments) => call::run(&arguments),
        Command::Class(arguments) => get::run_class(&arguments),
        Command::Classes(arguments) => classes::run(&arguments),
        Command::Namespaces(arguments) => namespaces::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Checks(arguments) => checks::run(&arguments),
        Command::Probe => probe::run(),
        Command::Decode(arguments) => decode::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    };
    status.into()
}
