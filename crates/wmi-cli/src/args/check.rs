//! The command line of `wmi check` and `wmi checks`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use wmi_checks::Shape;

use super::{Connect, TreeFormat, seconds};

#[derive(Args, Debug)]
#[command(mut_arg("timeout", |timeout| timeout.help("Time for a round of each check, in seconds")))]
#[command(mut_arg("context", |context| context.hide(true)))]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// What to check: keys that `wmi checks` lists, counters:CLASS for the counters of a Win32_PerfRawData class, or all
    /// (in the infrasonar shape those that the probe has); all of them run at once over one session
    #[arg(value_name = "CHECK", required = true, value_parser = check)]
    pub(crate) checks: Vec<String>,

    /// Checks to leave out, separated by commas
    #[arg(long, value_name = "CHECK,…", value_delimiter = ',', value_parser = check)]
    pub(crate) skip: Vec<String>,

    /// The form of results: native (NULL stays NULL; seconds, bytes and ratios) or that of InfraSonar's WMI probe
    #[arg(long, value_name = "SHAPE", value_enum, default_value_t = ReportShape::Native)]
    pub(crate) shape: ReportShape,

    /// How results are printed, each as soon as it is complete
    ///
    /// table is for people, with units; json is one document, an array of reports; jsonl is a report per line. In the
    /// infrasonar shape json is {CHECK: {TYPE: ITEMS}}, of a single check {TYPE: ITEMS}, and jsonl a line of it per
    /// report.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = CheckFormat::Table)]
    pub(crate) output: CheckFormat,

    /// Check again every so many seconds, over the same session, until interrupted; a check that takes longer misses turns
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) interval: Option<Duration>,

    /// So many rounds of each check
    #[arg(long, value_name = "N", requires = "interval", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: Option<u32>,

    /// So many calls of the check software under way at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u8).range(1..=128))]
    pub(crate) calls: u8,

    /// Let the check software ask Win32_Product, which makes Windows Installer verify every package and takes minutes
    #[arg(long)]
    pub(crate) win32_product: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ChecksArguments {
    /// The shape of which it is told what is read
    #[arg(long, value_name = "SHAPE", value_enum, default_value_t = ReportShape::Native)]
    pub(crate) shape: ReportShape,

    /// How the list is printed
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = TreeFormat::Table)]
    pub(crate) output: TreeFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Table,
    Json,
    Jsonl,
}

impl CheckFormat {
    /// Whether messages are JSON, too.
    pub(crate) const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportShape {
    Native,
    Infrasonar,
}

impl From<ReportShape> for Shape {
    fn from(shape: ReportShape) -> Self {
        match shape {
            ReportShape::Native => Self::Native,
            ReportShape::Infrasonar => Self::Infrasonar,
        }
    }
}

/// The key of a check as it is listed, or `all`, in whatever case it was written.
fn check(text: &str) -> Result<String, String> {
    let text = text.trim();
    let listed = wmi_checks::KEYS.iter().chain([&ALL]).find(|key| key.eq_ignore_ascii_case(text));
    let key = listed.map_or_else(|| text.to_owned(), |key| (*key).to_owned());
    if let Some(check) = wmi_checks::by_key(&key) {
        return Ok(check.key().into_owned());
    }
    if listed.is_some() {
        return Ok(key);
    }
    if key.to_ascii_lowercase().starts_with("counters:win32_perfformatteddata") {
        return Err("the host has made these values already: take the class Win32_PerfRawData_…".to_owned());
    }
    Err(format!("no such check; there are {}, counters:CLASS and {ALL}", wmi_checks::KEYS.join(", ")))
}

/// The word for all checks.
pub(crate) const ALL: &str = "all";
