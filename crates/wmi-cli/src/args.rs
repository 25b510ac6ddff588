//! The command line.

mod check;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use wmi_proto::cim::{CimDateTime, CimValue};
use wmi_proto::{AuthLevel, Enumerator, FileTime, Mechanism};
use wmi_sim::{Fault, Profile};

pub(crate) use check::{ALL, CheckArguments, CheckFormat, ChecksArguments, ReportShape};

use crate::host::HostPort;
use crate::password::Files;
use crate::values;

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
    /// Run WQL queries and print their rows
    Query(QueryArguments),
    /// Print one object, a class or an instance, by its path
    Get(GetArguments),
    /// Call a method of a class or an instance
    Call(CallArguments),
    /// Print a class: superclasses, qualifiers, properties, keys and methods
    Class(ClassArguments),
    /// List the classes of a namespace
    Classes(ClassesArguments),
    /// List the namespaces
    Namespaces(NamespacesArguments),
    /// Run monitoring checks
    Check(CheckArguments),
    /// Tell what each check reads, which rights that takes, and what it returns
    Checks(ChecksArguments),
    /// Be a probe of InfraSonar: checks come from agentcore, accounts from a local file, settings from the environment
    Probe,
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

    /// How the account logs on: NTLM by itself, or negotiated by SPNEGO, for hosts that insist on it
    #[arg(long, value_name = "MECHANISM", value_enum, default_value_t = LogOn::Ntlm)]
    pub(crate) auth_mechanism: LogOn,

    /// Where the host does not answer at the port it told, try the other addresses that it tells; the
    /// account's credentials then go to these addresses, too
    #[arg(long)]
    pub(crate) follow_bindings: bool,

    /// The language of the session, for example MS_409 (US English), which texts of classes and values come in
    #[arg(long, value_name = "LOCALE", value_parser = locale)]
    pub(crate) locale: Option<String>,

    /// A named value for WMI and its providers, for example __ProviderArchitecture=32; VALUE is JSON or plain
    /// text; can be given more than once
    #[arg(long, value_name = "NAME=VALUE", value_parser = context_value)]
    pub(crate) context: Vec<(String, CimValue)>,

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

    /// How rows are fetched; auto takes smart enumeration for long results, prefer-smart from the first row on, both
    /// where the host has it
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
pub(crate) struct GetArguments {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// The path of a class (Win32_Service) or an instance (Win32_Service.Name="W32Time", X="only key", X=@);
    /// a namespace in it (root/cimv2:…) goes before --namespace, a server in it must be . or HOST
    #[arg(value_name = "PATH")]
    pub(crate) path: String,

    /// The namespace
    #[arg(short, long, value_name = "NAMESPACE", default_value = "root/cimv2", value_parser = namespace)]
    pub(crate) namespace: String,

    /// How the object is printed; a class as `wmi class` does, and not as csv
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = RowFormat::Table)]
    pub(crate) output: RowFormat,

    /// With types and all qualifiers, also those that are texts in the session's language, such as descriptions;
    /// not as csv
    #[arg(long)]
    pub(crate) amended: bool,
}

#[derive(Args, Debug)]
#[command(after_help = CALL_HELP)]
pub(crate) struct CallArguments {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// The path of a class, for its static methods, or of an instance; a namespace in it goes before --namespace
    #[arg(value_name = "PATH")]
    pub(crate) path: String,

    /// The method
    #[arg(value_name = "METHOD", value_parser = method)]
    pub(crate) method: String,

    /// In-parameters of the method; what is left out is NULL, or the default that the method declares
    #[arg(value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) parameters: Vec<(String, String)>,

    /// The namespace
    #[arg(short, long, value_name = "NAMESPACE", default_value = "root/cimv2", value_parser = namespace)]
    pub(crate) namespace: String,

    /// How the out-parameters are printed
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = RowFormat::Table)]
    pub(crate) output: RowFormat,
}

const CALL_HELP: &str = "\
VALUE is read as the type that the method declares. Text, references and dates are taken as they are; what begins with \
a quotation mark is a JSON string, and null is NULL. Numbers (64 bits also in quotation marks), true and false, \
[arrays] and {embedded objects} are JSON; an object names its class as \"__CLASS\" unless the method does. A character \
is its code, or text of one character.

Exit status 0 says that the host carried the method out. What the method itself says of its success is in ReturnValue, \
which means something else with every method: it is printed, not judged.";

#[derive(Args, Debug)]
pub(crate) struct ClassArguments {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// The class; a namespace in front of it (root/cimv2:Win32_Service) goes before --namespace
    #[arg(value_name = "CLASS")]
    pub(crate) class: String,

    /// The namespace
    #[arg(short, long, value_name = "NAMESPACE", default_value = "root/cimv2", value_parser = namespace)]
    pub(crate) namespace: String,

    /// How the class is printed
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = TreeFormat::Table)]
    pub(crate) output: TreeFormat,

    /// With the qualifiers that are texts in the session's language, such as descriptions
    #[arg(long)]
    pub(crate) amended: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ClassesArguments {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// Only the classes of this name, in which * (or %) stands for any characters and ? for one
    #[arg(value_name = "PATTERN", value_parser = class_pattern)]
    pub(crate) pattern: Option<String>,

    /// The namespace
    #[arg(short, long, value_name = "NAMESPACE", default_value = "root/cimv2", value_parser = namespace)]
    pub(crate) namespace: String,

    /// How the list is printed
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = RowFormat::Table)]
    pub(crate) output: RowFormat,
}

#[derive(Args, Debug)]
pub(crate) struct NamespacesArguments {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// The namespace to begin at
    #[arg(short, long, value_name = "NAMESPACE", default_value = "root", value_parser = namespace)]
    pub(crate) namespace: String,

    /// How the list is printed; a namespace that the account may not enter is in it, with the reason
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = RowFormat::Table)]
    pub(crate) output: RowFormat,
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

    /// How rows are printed; of several queries as `wmi query` does, csv with a header each
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

    /// What kind of host it is
    #[arg(long, value_name = "NAME", value_parser = profiles(), default_value_t = Profile::default())]
    pub(crate) profile: Profile,

    /// What the host believes the time to be when it starts, for example 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = utc)]
    pub(crate) clock: Option<FileTime>,

    /// Everything that the host says comes that much later
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) latency: u64,

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

impl RowFormat {
    /// Whether messages are JSON, too.
    pub(crate) const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TreeFormat {
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
pub(crate) enum LogOn {
    Ntlm,
    Negotiate,
}

impl From<LogOn> for Mechanism {
    fn from(log_on: LogOn) -> Self {
        match log_on {
            LogOn::Ntlm => Self::Ntlm,
            LogOn::Negotiate => Self::Negotiate,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fetch {
    Auto,
    PreferSmart,
    Smart,
    Next,
}

impl From<Fetch> for Enumerator {
    fn from(fetch: Fetch) -> Self {
        match fetch {
            Fetch::Auto => Self::Auto,
            Fetch::PreferSmart => Self::PreferSmart,
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

fn locale(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("the locale is empty".to_owned()) } else { sendable(text) }
}

fn method(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("the method has no name".to_owned()) } else { sendable(text) }
}

/// `NAME=VALUE`, the value as it was typed.
fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is NAME=VALUE")?;
    if name.trim().is_empty() {
        return Err("the name in front of = is missing".to_owned());
    }
    sendable(text)?;
    Ok((name.to_owned(), value.to_owned()))
}

fn context_value(text: &str) -> Result<(String, CimValue), String> {
    let (name, value) = assignment(text)?;
    Ok((name, values::of_context(&value)?))
}

/// A pattern with `*` and `?`; who is used to WQL may write `%`.
fn class_pattern(text: &str) -> Result<String, String> {
    if let Some(odd) = text.chars().find(|&c| !(c.is_alphanumeric() || "_*?%".contains(c))) {
        return Err(format!("no class has a {odd:?} in its name; wildcards are * and ?"));
    }
    if text.is_empty() { Err("the pattern is empty".to_owned()) } else { Ok(text.replace('%', "*")) }
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

fn profiles() -> impl TypedValueParser<Value = Profile> {
    let all = Profile::ALL.iter().map(|profile| PossibleValue::new(profile.name()).help(profile.description()));
    PossibleValuesParser::new(all).try_map(|name| name.parse::<Profile>())
}

/// A time as RFC 3339 writes it in UTC, down to the second.
fn utc(text: &str) -> Result<FileTime, String> {
    let cim = || {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let shape = |text: &str, by: char, widths: [usize; 3]| text.split(by).map(str::len).eq(widths);
        let plain = format!("{}{}.000000+000", date.replace('-', ""), time.replace(':', ""));
        let is_written_so = shape(date, '-', [4, 2, 2]) && shape(time, ':', [2, 2, 2]);
        plain.parse::<CimDateTime>().ok().filter(|_| is_written_so)
    };
    let micros = cim().and_then(CimDateTime::to_unix_micros).and_then(|micros| u64::try_from(micros).ok());
    let micros = micros.ok_or("a time is written like 2026-03-01T12:00:00Z")?;
    Ok(FileTime::from_unix(Duration::from_micros(micros)))
}

#[cfg(test)]
mod tests;
