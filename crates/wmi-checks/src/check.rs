//! What a check is: a kind of check, one round of it, and the words between a round and whoever asks the host.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;
use wmi_proto::{CommandError, Error, ErrorKind, FileTime, Row, WbemContext};

use crate::{Report, State};

/// Which of the two forms a report has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Truthful: NULL where the host gave no value, seconds, bytes and ratios, and everything that a check can tell.
    #[default]
    Native,
    /// Types, names, units and value types of InfraSonar's WMI probe.
    Infrasonar,
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "native" => Ok(Self::Native),
            "infrasonar" => Ok(Self::Infrasonar),
            _ => Err(format!("{text}: neither native nor infrasonar")),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Infrasonar => "infrasonar",
        })
    }
}

/// What a round is to do differently from an ordinary one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The form of the report.
    pub shape: Shape,
    /// Whether `software` may query Win32_Product in the native shape. That makes Windows Installer verify, and at times
    /// repair, every package, and takes minutes. The InfraSonar shape has no other source.
    pub win32_product: bool,
    /// Whether `storage` leaves Win32_ShadowStorage alone.
    pub exclude_shadow_storage: bool,
    /// How many calls of a round may be under way at once, at least 1.
    pub calls_in_flight: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { shape: Shape::Native, win32_product: false, exclude_shadow_storage: false, calls_in_flight: 32 }
    }
}

impl Options {
    /// The ordinary options in `shape`.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self { shape, ..Self::default() }
    }
}

/// A kind of check.
pub trait Check: Send + Sync {
    /// The key by which people ask for it, for example `memory`.
    fn key(&self) -> Cow<'static, str>;

    /// What is said of it to people.
    fn about(&self) -> &'static About;

    /// What a round with these options reads.
    fn reads(&self, options: &Options) -> Vec<Reads>;

    /// Begins a round. `state` is what the last round on the same host gave back, or the default.
    fn begin(&self, options: &Options, state: State) -> Box<dyn Round>;
}

/// What is said of a check to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// Which rights it needs beyond those to log on and to enter the namespaces it reads; empty when none are known.
    pub rights: &'static str,
    /// What it returns: types of the native shape, each with a few words.
    pub returns: &'static [(&'static str, &'static str)],
    /// For how long the InfraSonar probe may say `unchanged` instead of sending an equal result again, in seconds; 0 for
    /// never.
    pub unchanged_eol: u32,
}

/// Something that a check reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    /// The namespace.
    pub namespace: Cow<'static, str>,
    /// The class.
    pub class: Cow<'static, str>,
    /// The properties, or the methods.
    pub members: Vec<Cow<'static, str>>,
}

/// One round of a check: it says what it needs, is told what came, and reports.
pub trait Round: Send {
    /// The next thing that may be asked now, beside what is under way; `None` when there is nothing now. A round for
    /// which nothing is under way and that has nothing to ask is over.
    fn next(&mut self) -> Option<Request>;

    /// What the host said to a request.
    fn answer(&mut self, id: RequestId, answer: Answer);

    /// The report, and what the next round is to be given. Possible at any time: parts that lack an answer are reported
    /// as failed.
    fn finish(self: Box<Self>) -> (Report, State);
}

/// A request of a round; the round chooses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u32);

/// Something to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Under which the answer is expected.
    pub id: RequestId,
    /// The part of the check that needs it; a failure is reported under this name.
    pub part: &'static str,
    /// The namespace.
    pub namespace: Cow<'static, str>,
    /// What.
    pub work: Work,
}

/// What is to be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// The rows of a query.
    Query {
        /// The text.
        wql: Cow<'static, str>,
        /// Whether many rows are to be expected: it then pays to have each class sent once, for two round trips more.
        many: bool,
    },
    /// The class or instance at a path.
    Object {
        /// The path.
        path: String,
    },
    /// The out-parameters of a method that changes nothing: it is called again when the connection goes meanwhile.
    Call {
        /// The path of the class or instance.
        path: Cow<'static, str>,
        /// The method.
        method: &'static str,
        /// The in-parameters.
        parameters: Vec<(&'static str, CimValue)>,
        /// Named values for WMI and the provider.
        context: Option<WbemContext>,
    },
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    /// The rows that arrived, even when the query failed after them; of an object or a call the object or the
    /// out-parameters as the only one.
    pub rows: Vec<Row>,
    /// How it ended.
    pub outcome: Result<(), Unanswered>,
    /// The caller's wall time when it was begun.
    pub sent: FileTime,
    /// The caller's wall time when its first rows arrived, or its end.
    pub received: FileTime,
}

/// Why a request was not answered, or not to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Unanswered {
    /// The host refused or failed, was not reached or was too slow.
    Failed(Error),
    /// It cannot be sent.
    NotSent(CommandError),
    /// There are more rows, or longer ones, than are kept.
    TooMuch,
    /// The round was ended before all rows had come.
    Stopped,
}

impl Unanswered {
    /// Whether the host does not know the namespace, the class, a column or the object that was asked for.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let Self::Failed(Error { kind: ErrorKind::Status(status), .. }) = self else { return false };
        [
            HResult::WBEM_E_INVALID_CLASS,
            HResult::WBEM_E_INVALID_NAMESPACE,
            HResult::WBEM_E_INVALID_QUERY,
            HResult::WBEM_E_NOT_FOUND,
        ]
        .contains(status)
    }
}

impl Unanswered {
    /// Whether the connection went while the answer was due.
    pub(crate) const fn is_loss(&self) -> bool {
        matches!(self, Self::Failed(Error { kind: ErrorKind::Disconnected | ErrorKind::Transport(_), .. }))
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
