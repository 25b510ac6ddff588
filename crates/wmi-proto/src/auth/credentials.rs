//! Who logs on, and how well what follows is to be protected.

use crate::secret::Secret;
use crate::wire::rpc::AuthnLevel;

/// How the octets of calls are protected ([MS-RPCE 2.2.1.1.8]). Less than integrity does not exist here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthLevel {
    /// RPC_C_AUTHN_LEVEL_PKT_INTEGRITY (5): signed.
    Integrity,
    /// RPC_C_AUTHN_LEVEL_PKT_PRIVACY (6): signed and encrypted.
    #[default]
    Privacy,
}

impl AuthLevel {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.wire().0
    }

    /// The level as the wire knows it.
    #[must_use]
    pub const fn wire(self) -> AuthnLevel {
        match self {
            Self::Integrity => AuthnLevel::PKT_INTEGRITY,
            Self::Privacy => AuthnLevel::PKT_PRIVACY,
        }
    }

    /// From the level of a sec_trailer; `None` when it protects less than integrity.
    #[must_use]
    pub const fn from_wire(level: AuthnLevel) -> Option<Self> {
        match level {
            AuthnLevel::PKT_INTEGRITY => Some(Self::Integrity),
            AuthnLevel::PKT_PRIVACY => Some(Self::Privacy),
            _ => None,
        }
    }
}

/// An account for NTLM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The domain, or empty for a local account or when the name is `name@domain`.
    pub domain: String,
    /// The account's name.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

impl Credentials {
    /// From `DOMAIN\name`, `name@domain` or `name`. Only the first backslash separates.
    #[must_use]
    pub fn new(account: &str, password: Secret<String>) -> Self {
        let (domain, user) = account.split_once('\\').unwrap_or(("", account));
        Self { domain: domain.to_owned(), user: user.to_owned(), password }
    }
}
