//! Where the password comes from: a file, the environment, a terminal, in this order; never an argument.

use std::env::{self, VarError};
use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use wmi_proto::Secret;

/// The variable that holds the password.
pub(crate) const VARIABLE: &str = "WMI_PASSWORD";

/// The password for `account`.
///
/// # Errors
/// Why there is none: the caller's to mend.
pub(crate) fn obtain(file: Option<&Path>, account: &str) -> Result<Secret<String>, String> {
    choose(file, env::var(VARIABLE), || {
        if !io::stdin().is_terminal() {
            return Err(format!("no password: give --password-file FILE or set {VARIABLE}"));
        }
        let prompt = format!("Password of {account}: ");
        rpassword::prompt_password(prompt).map_err(|error| format!("no password: the terminal cannot be read: {error}"))
    })
}

fn choose(
    file: Option<&Path>,
    variable: Result<String, VarError>,
    ask: impl FnOnce() -> Result<String, String>,
) -> Result<Secret<String>, String> {
    let mut password = match (file, variable) {
        (Some(path), _) => {
            let mut text = fs::read_to_string(path)
                .map_err(|error| format!("no password: {} cannot be read: {error}", path.display()))?;
            if text.ends_with('\n') {
                text.pop();
                if text.ends_with('\r') {
                    text.pop();
                }
            }
            text
        }
        (None, Ok(password)) => password,
        (None, Err(VarError::NotUnicode(_))) => return Err(format!("no password: {VARIABLE} is not UTF-8")),
        (None, Err(VarError::NotPresent)) => ask()?,
    };
    // Only this copy is left to be zeroed: growing would leave another behind.
    password.shrink_to_fit();
    Ok(Secret::new(password))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn refused() -> Result<String, String> {
        Err("nobody to ask".to_owned())
    }

    fn from_file(content: &[u8]) -> Result<String, String> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(content).expect("to write");
        choose(Some(file.path()), Ok("variable".to_owned()), refused).map(|p| p.expose().clone())
    }

    #[test]
    fn the_file_comes_first_and_loses_one_line_end() {
        assert_eq!(from_file(b"secret"), Ok("secret".to_owned()));
        assert_eq!(from_file(b"secret\n"), Ok("secret".to_owned()));
        assert_eq!(from_file(b"secret\r\n"), Ok("secret".to_owned()));
        assert_eq!(from_file(b"secret\n\n"), Ok("secret\n".to_owned()));
        assert_eq!(from_file(b" secret \n"), Ok(" secret ".to_owned()));
        assert!(from_file(b"\xff\xfe").expect_err("not UTF-8").contains("cannot be read"));
    }

    #[test]
    fn then_the_variable_then_the_terminal() {
        let chosen = choose(None, Ok("variable".to_owned()), refused).map(|p| p.expose().clone());
        assert_eq!(chosen, Ok("variable".to_owned()));
        let asked = choose(None, Err(VarError::NotPresent), || Ok("typed".to_owned())).map(|p| p.expose().clone());
        assert_eq!(asked, Ok("typed".to_owned()));
        assert!(choose(None, Err(VarError::NotPresent), refused).is_err());
    }

    #[test]
    fn a_file_that_is_not_there_does_not_fall_back() {
        let missing = Path::new("/nonexistent/password");
        let error = choose(Some(missing), Ok("variable".to_owned()), refused).expect_err("no file");
        assert!(error.contains("/nonexistent/password"), "{error}");
    }
}
