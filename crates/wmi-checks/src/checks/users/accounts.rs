//! What the references of Win32_LoggedOnUser and Win32_SessionProcess name.

use wmi_proto::path::{KeyValue, Keys, ObjectPath};

/// An account of Windows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Account {
    /// The domain, or the computer for a local account.
    pub(crate) domain: String,
    /// The name within it.
    pub(crate) name: String,
}

impl Account {
    /// The account of `…Win32_Account.Domain="D",Name="N"`, or of a class derived from it.
    pub(crate) fn of_reference(reference: &str) -> Option<Self> {
        let path: ObjectPath = reference.parse().ok()?;
        let text = |key: &str| path.key(key).and_then(KeyValue::as_str).map(str::to_owned);
        Some(Self { domain: text("Domain")?, name: text("Name").filter(|name| !name.is_empty())? })
    }

    /// Whether Windows made it up for the window manager or the font driver of a session: their logons are interactive
    /// ones, but nobody sits there. Their names are the same in every language, their domains are not.
    pub(crate) fn is_of_a_session(&self) -> bool {
        ["DWM-", "UMFD-"].iter().any(|prefix| {
            self.name.strip_prefix(prefix).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
    }
}

/// `DOMAIN\name`, or the name alone without a domain.
impl core::fmt::Display for Account {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !self.domain.is_empty() {
            write!(f, "{}\\", self.domain)?;
        }
        f.write_str(&self.name)
    }
}

/// The LogonId of `…Win32_LogonSession.LogonId="997"`.
pub(crate) fn logon_of_reference(reference: &str) -> Option<u64> {
    number_key(reference, "LogonId")
}

/// The process id of `…Win32_Process.Handle="4242"`.
pub(crate) fn process_of_reference(reference: &str) -> Option<u64> {
    number_key(reference, "Handle")
}

fn number_key(reference: &str, name: &str) -> Option<u64> {
    let path: ObjectPath = reference.parse().ok()?;
    let value = match path.keys() {
        Keys::Single(value) => value,
        _ => path.key(name)?,
    };
    match value {
        KeyValue::Integer(number) => u64::try_from(*number).ok(),
        text => text.as_str()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(domain: &str, name: &str) -> Option<Account> {
        Some(Account { domain: domain.to_owned(), name: name.to_owned() })
    }

    #[test]
    fn an_account_is_read_from_its_reference() {
        let read = Account::of_reference;
        assert_eq!(read(r#"\\.\root\cimv2:Win32_Account.Domain="ACME",Name="bo""#), account("ACME", "bo"));
        assert_eq!(read(r#"\\H\ROOT\CIMV2:Win32_UserAccount.Name="bo",Domain="ACME""#), account("ACME", "bo"));
        assert_eq!(account("", "bo").expect("account").to_string(), "bo");
        assert_eq!(account("ACME", "bo").expect("account").to_string(), r"ACME\bo");
    }

    #[test]
    fn quirk_a_reference_is_not_split_at_quotes_or_commas() {
        let read = |reference| Account::of_reference(reference).map(|a| a.to_string());
        let text = r#"\\.\root\cimv2:Win32_Account.Domain="ACME, \"Inc\"",Name="o'neil, \"Bo\"""#;
        assert_eq!(read(text).as_deref(), Some(r#"ACME, "Inc"\o'neil, "Bo""#));
        assert_eq!(read(r"\\.\root\cimv2:Win32_Account.Domain='ACME',Name='bo'").as_deref(), Some(r"ACME\bo"));
    }

    #[test]
    fn what_is_no_account_is_none() {
        for text in ["", "bo", r#"Win32_Account.Domain="ACME""#, r#"Win32_Account.Domain="A",Name="""#, "\"", "a=\""] {
            assert_eq!(Account::of_reference(text), None, "{text}");
        }
    }

    #[test]
    fn logons_and_processes_are_numbers() {
        assert_eq!(logon_of_reference(r#"\\.\root\cimv2:Win32_LogonSession.LogonId="997""#), Some(997));
        assert_eq!(logon_of_reference(r#"Win32_LogonSession="997""#), Some(997));
        assert_eq!(process_of_reference(r#"\\H\root\cimv2:Win32_Process.Handle="4242""#), Some(4242));
        assert_eq!(process_of_reference(r"Win32_Process.Handle=4242"), Some(4242));
        for text in
            ["", r#"Win32_LogonSession.LogonId="x""#, r#"Win32_LogonSession.Name="9""#, "Win32_Process.Handle=-1"]
        {
            assert_eq!(logon_of_reference(text).or_else(|| process_of_reference(text)), None, "{text}");
        }
    }

    #[test]
    fn accounts_of_a_session_are_known_by_name() {
        for (name, is) in [("DWM-1", true), ("UMFD-0", true), ("DWM-", false), ("DWM-x", false), ("bo", false)] {
            assert_eq!(account("Window Manager", name).expect("account").is_of_a_session(), is, "{name}");
        }
    }
}
