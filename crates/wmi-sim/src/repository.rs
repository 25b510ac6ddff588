//! The simulated machine: its namespaces, classes and instances, and the queries over them.

use wmi_proto::FileTime;
use wmi_proto::cim::CimObject;
use wmi_proto::wire::HResult;

/// Why the repository refused: the WBEMSTATUS that Windows gives, and in words for the log of the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// WBEM_E_INVALID_QUERY: not WQL, an unknown column, or an operator that the column's type does not have.
    #[error("invalid query: {0}")]
    InvalidQuery(String),
    /// WBEM_E_INVALID_CLASS: the namespace has no such class.
    #[error("no class {0}")]
    InvalidClass(String),
    /// WBEM_E_INVALID_NAMESPACE: the machine has no such namespace.
    #[error("no namespace {0}")]
    InvalidNamespace(String),
    /// WBEM_E_ACCESS_DENIED: the namespace lets nobody in.
    #[error("access denied")]
    AccessDenied,
    /// WBEM_E_NOT_FOUND: the class has no such instance.
    #[error("no object {0}")]
    NotFound(String),
}

impl QueryError {
    /// The status on the wire ([MS-WMI 2.2.11] WBEMSTATUS).
    #[must_use]
    pub const fn status(&self) -> HResult {
        HResult(match self {
            Self::NotFound(_) => 0x8004_1002,
            Self::AccessDenied => 0x8004_1003,
            Self::InvalidNamespace(_) => 0x8004_100E,
            Self::InvalidClass(_) => 0x8004_1010,
            Self::InvalidQuery(_) => 0x8004_1017,
        })
    }
}

/// The simulated machine. A clone shares everything.
#[derive(Clone, Debug)]
pub struct Repository {}

impl Repository {
    /// A Windows server that was started an hour before `clock`; `Sim_Many` has `rows` rows.
    #[must_use]
    pub fn windows(_rows: u32, _clock: FileTime) -> Self {
        Self {}
    }

    /// The same machine with a clock that is `drift` intervals of 100 ns ahead of the time it is asked at.
    #[must_use]
    pub fn with_drift(self, _drift: i64) -> Self {
        self
    }

    /// Whether there is such a namespace, open or not. Case does not count, nor which slashes;
    /// `\\.\` or `\\NAME\` may go before it.
    #[must_use]
    pub fn namespace_exists(&self, _path: &str) -> bool {
        false
    }

    /// Enters a namespace: its name as the machine spells it (`ROOT\CIMV2`).
    ///
    /// # Errors
    /// `InvalidNamespace`, `AccessDenied`.
    pub fn login(&self, path: &str) -> Result<String, QueryError> {
        Err(QueryError::InvalidNamespace(path.to_owned()))
    }

    /// The objects that `wql` selects at the time `now`.
    ///
    /// # Errors
    /// As [`Self::login`]; `InvalidQuery`, `InvalidClass`.
    pub fn query(&self, _namespace: &str, wql: &str, _now: FileTime) -> Result<ResultSet, QueryError> {
        Err(QueryError::InvalidQuery(wql.to_owned()))
    }

    /// The class or instance at an object path: `Win32_Service`, `Win32_Service.Name="Dhcp"`, `Win32_UTCTime=@`.
    ///
    /// # Errors
    /// As [`Self::login`]; `InvalidClass`, `NotFound`.
    pub fn get_object(&self, _namespace: &str, path: &str, _now: FileTime) -> Result<CimObject, QueryError> {
        Err(QueryError::NotFound(path.to_owned()))
    }
}

/// What a query selects; every row is made when it is asked for.
#[derive(Debug)]
pub struct ResultSet {}

impl Iterator for ResultSet {
    type Item = CimObject;

    fn next(&mut self) -> Option<CimObject> {
        None
    }
}
