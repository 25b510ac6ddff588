//! The command line.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use wmi_proto::{AuthLevel, Enumerator};
use wmi_sim::Fault;

use crate::host::HostPort;
use crate::password::Files;

/// Query Windows hosts over WMI, from anywhere, without an agent.
#[derive(Debug, Parser)]
#[command(name = "wmi", version, about, max_term_width = 100, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUS: &str = "\
Exit status: 0 done; 1 the host refused or failed, or a file is not what it should be; 2 usage;
3 not reached, connection lost or out of time; 130 interrupted.
The password comes from --password-file, then from WMI_PASSWORD, then from a prompt; in its place its NT
hash from --hash-file or WMI_NT_HASH; never from an argument.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a WQL query and print its rows
    Query(QueryArguments),
    /// Run monitoring checks
    Check(CheckArguments),
    /// Print the objects in files, or the messages in captures, as JSON
    Decode(DecodeArguments),
    /// Play a captured session of this program again, compare every octet, and print its rows
    Replay(ReplayArguments),
    /// Be a simulated Windows host
    Sim(SimArguments),
    /// Query and check a simulated host inside this program
    Demo(DemoArguments),
}

/// How to reach a host and who logs on there.
#[derive(Args, Debug)]
pub(crate) struct Connect {
    /// A name, an IPv4 address or an IPv6 address in brackets; PORT is the activator's, 135 when not given
    #[arg(value_name = "HOST[:PORT]")]
    pub(crate) host: HostPort,

    #[command(flatten)]
    pub(crate) account: Account,

    /// Time for everything, from connecting to the last row, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// How messages are protected: signed, or signed and encrypted
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Level::Privacy)]
    pub(crate) auth_level: Level,

    /// Where the host does not answer at the port it told, try the other addresses that it tells; the
    /// account's credentials then go to these addresses, too
    #[arg(long)]
    pub(crate) follow_bindings: bool,

    /// Print each stage with its time on standard error
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// An account and where its password is.
#[derive(Args, Debug)]
pub(crate) struct Account {
    /// The account: DOMAIN\name, name@domain, .\name (a local account of the host) or name
    #[arg(short, long, value_name = "USER", env = "WMI_USER", hide_env_values = true, value_parser = account)]
    pub(crate) user: Option<String>,

    /// A file that holds the password; one trailing newline is dropped
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// A file that holds the NT hash of the password, 32 hexadecimal digits
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    pub(crate) hash_file: Option<PathBuf>,
}

impl Account {
    /// The file that was named.
    pub(crate) fn files(&self) -> Files<'_> {
        Files { password: self.password_file.as_deref(), nt_hash: self.hash_file.as_deref() }
    }
}

#[derive(Args, Debug)]
pub(crate) struct QueryArguments {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// The query, for example "SELECT Name, State FROM Win32_Service"; several run at once over one session
    #[arg(value_name = "WQL", required = true, value_parser = wql)]
    pub(crate) wql: Vec<String>,

    /// The namespace
    #[arg(short, long, value_name = "NAMESPACE", default_value = "root/cimv2", value_parser = namespace)]
    pub(crate) namespace: String,

    /// How rows are printed; a table on a terminal that is too narrow for it has one value per line
    ///
    /// Of several queries, numbered from 1: table prints one after the other under a heading; json is an
    /// array of {"query", "wql", "rows", "error"}; jsonl prints rows as they arrive, each with its number as
    /// "__query"; csv has one header and is refused.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = RowFormat::Table)]
    pub(crate) output: RowFormat,

    /// How rows are fetched; auto takes smart enumeration where the host has it
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Fetch::Auto)]
    pub(crate) enumerator: Fetch,

    /// Rows per round trip at the most
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<NonZeroU32>,

    /// Write what goes over the connections to a pcap file
    #[arg(long, value_name = "FILE")]
    pub(crate) capture: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// What to check
    #[arg(value_name = "CHECK", required = true, value_parser = PossibleValuesParser::new(wmi_checks::NAMES))]
    pub(crate) checks: Vec<String>,

    /// How results are printed; json is one object per check
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = CheckFormat::Table)]
    pub(crate) output: CheckFormat,
}

#[derive(Args, Debug)]
pub(crate) struct DecodeArguments {
    /// .wmio files hold one ENCODING_UNIT, .objblock files one object of a WBEM_DATAPACKET; pcap
    /// and pcapng files hold traffic
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// How objects and messages are printed
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = ObjectFormat::Jsonl)]
    pub(crate) output: ObjectFormat,

    /// The account whose password unseals and verifies captured calls: DOMAIN\name, name@domain or
    /// name; without it no password is asked for
    #[arg(short, long, value_name = "USER", value_parser = account)]
    pub(crate) user: Option<String>,

    /// A file that holds the password; one trailing newline is dropped
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,

    /// A file that holds the NT hash of the password, 32 hexadecimal digits
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with = "password_file")]
    pub(crate) hash_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArguments {
    /// A pcap or pcapng file with one session, as --capture writes them
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) account: Account,

    /// How rows are printed, query after query
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = RowFormat::Table)]
    pub(crate) output: RowFormat,
}

#[derive(Args, Debug)]
pub(crate) struct SimArguments {
    /// Where the activator listens; PORT is 135 when not given, 0 takes any that is free
    #[arg(long, value_name = "ADDR[:PORT]")]
    pub(crate) listen: HostPort,

    #[command(flatten)]
    pub(crate) account: Account,

    /// Rows of the classes that have as many as one wants
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) rows: u32,

    /// What the host does differently; can be given more than once; a name that does not
    /// exist lists all
    #[arg(long = "fault", value_name = "NAME", value_parser = fault)]
    pub(crate) faults: Vec<Fault>,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Keep the host up afterwards, until interrupted
    #[arg(long)]
    pub(crate) hold: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    Table,
    Json,
    Jsonl,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectFormat {
    Table,
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    Integrity,
    Privacy,
}

impl From<Level> for AuthLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Integrity => Self::Integrity,
            Level::Privacy => Self::Privacy,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fetch {
    Auto,
    Smart,
    Next,
}

impl From<Fetch> for Enumerator {
    fn from(fetch: Fetch) -> Self {
        match fetch {
            Fetch::Auto => Self::Auto,
            Fetch::Smart => Self::Smart,
            Fetch::Next => Self::Next,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(timeout) if timeout >= Duration::from_millis(1) && timeout <= LONGEST => Ok(timeout),
        _ => Err("must be between 0.001 and 86400 seconds".to_owned()),
    }
}

/// A day: past that a wait is a mistake.
const LONGEST: Duration = Duration::from_secs(86_400);

fn wql(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("the query is empty".to_owned()) } else { sendable(text) }
}

fn namespace(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("the namespace is empty".to_owned()) } else { sendable(text) }
}

fn account(text: &str) -> Result<String, String> {
    let name = text.split_once('\\').map_or(text, |(_, name)| name);
    if name.is_empty() { Err("the account's name is empty".to_owned()) } else { sendable(text) }
}

/// A NUL would end the text at the host and not here.
fn sendable(text: &str) -> Result<String, String> {
    if text.contains('\0') { Err("contains a NUL".to_owned()) } else { Ok(text.to_owned()) }
}

fn fault(name: &str) -> Result<Fault, String> {
    name.parse().map_err(|error| {
        let list = |legal: bool| {
            let names: Vec<&str> = Fault::ALL.iter().filter(|f| f.is_legal() == legal).map(|f| f.name()).collect();
            names.join(", ")
        };
        format!("{error}\n  legal: {}\n  broken or hostile: {}", list(true), list(false))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &[&str]) -> Result<Command, clap::Error> {
        Arguments::try_parse_from(std::iter::once("wmi").chain(line.iter().copied())).map(|a| a.command)
    }

    fn usage(line: &[&str], word: &str) {
        let error = parse(line).expect_err("a usage error");
        assert_eq!(error.exit_code(), 2, "{line:?}");
        assert!(error.to_string().contains(word), "{line:?}: {error}");
    }

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_query_with_everything() {
        let line = [
            "query",
            "[::1]:1135",
            "SELECT * FROM X",
            "-u",
            r"ACME\monitor",
            "-n",
            r"root\default",
            "-o",
            "csv",
            "--timeout",
            "2.5",
            "--auth-level",
            "integrity",
            "--enumerator",
            "next",
            "--batch",
            "7",
            "-v",
        ];
        let Ok(Command::Query(query)) = parse(&line) else { panic!("a query") };
        assert_eq!(query.connect.host, HostPort { host: "::1".to_owned(), port: Some(1135) });
        assert_eq!(query.connect.account.user.as_deref(), Some(r"ACME\monitor"));
        assert_eq!(query.connect.timeout, Duration::from_millis(2500));
        assert_eq!(query.connect.auth_level, Level::Integrity);
        assert!(query.connect.verbose);
        assert_eq!((query.wql, query.namespace.as_str()), (vec!["SELECT * FROM X".to_owned()], r"root\default"));
        assert_eq!((query.output, query.enumerator), (RowFormat::Csv, Fetch::Next));
        assert_eq!(query.batch, NonZeroU32::new(7));
    }

    #[test]
    fn a_query_with_defaults() {
        let Ok(Command::Query(query)) = parse(&["query", "srv01", "SELECT * FROM X"]) else { panic!("a query") };
        assert_eq!(query.namespace, "root/cimv2");
        assert_eq!(query.connect.timeout, Duration::from_secs(30));
        assert_eq!(query.connect.auth_level, Level::Privacy);
        assert_eq!((query.output, query.enumerator, query.batch), (RowFormat::Table, Fetch::Auto, None));
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        usage(&["query", "srv01"], "WQL");
        usage(&["query", "srv01", ""], "empty");
        usage(&["query", "srv01", " \t "], "empty");
        usage(&["query", "srv01", "SELECT\0 * FROM X"], "NUL");
        usage(&["query", "srv01", "SELECT * FROM X", "-n", ""], "empty");
        usage(&["query", "srv01:99999", "SELECT * FROM X"], "port");
        usage(&["query", "srv01", "SELECT * FROM X", "-u", r"ACME\"], "empty");
        usage(&["query", "srv01", "SELECT * FROM X", "--batch", "0"], "--batch");
        for timeout in ["0", "-1", "NaN", "inf", "1e9", "soon"] {
            usage(&["query", "srv01", "SELECT * FROM X", &format!("--timeout={timeout}")], "seconds");
        }
        usage(&["query", "srv01", "SELECT * FROM X", "--password", "x"], "--password");
        usage(&["check", "srv01"], "CHECK");
        usage(&["check", "srv01", "software"], "services");
        usage(&["sim", "--listen", "127.0.0.1:0", "--fault", "earthquake"], "write-one-octet");
        usage(&["decode"], "FILE");
        usage(&[], "Usage");
    }
}
