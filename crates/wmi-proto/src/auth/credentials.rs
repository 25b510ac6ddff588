//! Who logs on, and how well what follows is to be protected.

use core::str::FromStr;

use thiserror::Error;

use crate::auth::ntlm::nt_owf_v1;
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

/// A password, or the hash that is all that NTLM needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// The password itself.
    Text(Secret<String>),
    /// Its NT hash.
    NtHash(NtHash),
}

impl Password {
    /// What NTLM makes its keys of.
    #[must_use]
    pub fn nt_hash(&self) -> NtHash {
        match self {
            Self::Text(password) => NtHash::of(password),
            Self::NtHash(hash) => hash.clone(),
        }
    }
}

impl From<Secret<String>> for Password {
    fn from(password: Secret<String>) -> Self {
        Self::Text(password)
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Self::Text(password.into())
    }
}

impl From<NtHash> for Password {
    fn from(hash: NtHash) -> Self {
        Self::NtHash(hash)
    }
}

/// The NT hash of a password ([MS-NLMP 3.3.1] NTOWFv1). Whoever has it can log on as if he had the password: it is zeroed
/// and never printed like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NtHash(Secret<[u8; 16]>);

impl NtHash {
    /// The hash of `password`.
    #[must_use]
    pub fn of(password: &Secret<String>) -> Self {
        Self(nt_owf_v1(password))
    }

    /// A hash that is known.
    #[must_use]
    pub const fn new(hash: Secret<[u8; 16]>) -> Self {
        Self(hash)
    }

    /// Its octets.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 16] {
        self.0.expose()
    }
}

/// A text that is no NT hash. It does not say which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an NT hash is 32 hexadecimal digits")]
pub struct NotAnNtHash;

impl FromStr for NtHash {
    type Err = NotAnNtHash;

    fn from_str(text: &str) -> Result<Self, NotAnNtHash> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(NotAnNtHash) };
        let mut hash = Secret::new([0; 16]);
        if pairs.len() != 16 {
            return Err(NotAnNtHash);
        }
        for (octet, [high, low]) in hash.expose_mut().iter_mut().zip(pairs) {
            let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            *octet = digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low).ok_or(NotAnNtHash)?;
        }
        Ok(Self(hash))
    }
}

/// An account for NTLM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The domain, or the name of the host for a local account of it. `.` is the host's name, which its challenge
    /// tells; empty when the name is `name@domain`, or when the host is to find out.
    pub domain: String,
    /// The account's name.
    pub user: String,
    /// The password or its hash.
    pub password: Password,
}

impl Credentials {
    /// From `DOMAIN\name`, `name@domain`, `HOST\name` or `.\name` for a local account of the host, or `name`, and a password or an NT hash. Only the first backslash separates.
    #[must_use]
    pub fn new(account: &str, password: impl Into<Password>) -> Self {
        let (domain, user) = account.split_once('\\').unwrap_or(("", account));
        Self { domain: domain.to_owned(), user: user.to_owned(), password: password.into() }
    }
}
