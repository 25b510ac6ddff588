//! Where the password or its NT hash comes from: a file, the environment, a terminal, in this order; never an argument.

use std::env::{self, VarError};
use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use wmi_proto::{NtHash, Password, Secret};

/// The variable that holds the password.
pub(crate) const VARIABLE: &str = "WMI_PASSWORD";
/// The variable that holds the NT hash of the password.
const HASH_VARIABLE: &str = "WMI_NT_HASH";

/// The file that was named, of the two that can be; clap sees to it that there are not both.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Files<'a> {
    pub(crate) password: Option<&'a Path>,
    pub(crate) nt_hash: Option<&'a Path>,
}

/// The password for `account`, or its NT hash.
///
/// # Errors
/// Why there is none: the caller's to mend.
pub(crate) fn obtain(files: Files<'_>, account: &str) -> Result<Password, String> {
    choose(files, [VARIABLE, HASH_VARIABLE].map(env::var), || {
        if !io::stdin().is_terminal() {
            let either = format!("{VARIABLE} or {HASH_VARIABLE}");
            return Err(format!("no password: give --password-file or --hash-file FILE, or set {either}"));
        }
        let prompt = format!("Password of {account}: ");
        rpassword::prompt_password(prompt).map_err(|error| format!("no password: the terminal cannot be read: {error}"))
    })
}

fn choose(
    files: Files<'_>,
    variables: [Result<String, VarError>; 2],
    ask: impl FnOnce() -> Result<String, String>,
) -> Result<Password, String> {
    match files {
        Files { password: Some(path), .. } => return Ok(secret(read(path)?).into()),
        Files { nt_hash: Some(path), .. } => return hash(read(path)?, &path.display().to_string()),
        Files { password: None, nt_hash: None } => {}
    }
    match variables {
        [Err(VarError::NotUnicode(_)), _] => Err(format!("no password: {VARIABLE} is not UTF-8")),
        [_, Err(VarError::NotUnicode(_))] => Err(format!("no NT hash: {HASH_VARIABLE} is not UTF-8")),
        [Ok(_), Ok(_)] => Err(format!("{VARIABLE} and {HASH_VARIABLE} are both set: one of them is meant")),
        [Ok(password), Err(VarError::NotPresent)] => Ok(secret(password).into()),
        [Err(VarError::NotPresent), Ok(text)] => hash(text, HASH_VARIABLE),
        [Err(VarError::NotPresent), Err(VarError::NotPresent)] => Ok(secret(ask()?).into()),
    }
}

/// The text in a file without one line end.
fn read(path: &Path) -> Result<String, String> {
    let mut text =
        fs::read_to_string(path).map_err(|error| format!("no password: {} cannot be read: {error}", path.display()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn secret(mut text: String) -> Secret<String> {
    // Only this copy is left to be zeroed: growing would leave another behind.
    text.shrink_to_fit();
    Secret::new(text)
}

/// The hash that `text` from `place` is; what it says is told to nobody.
fn hash(text: String, place: &str) -> Result<Password, String> {
    let text = secret(text);
    let hash: NtHash = text.expose().trim().parse().map_err(|error| format!("no NT hash in {place}: {error}"))?;
    Ok(hash.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const NONE: Files<'_> = Files { password: None, nt_hash: None };
    const UNSET: Result<String, VarError> = Err(VarError::NotPresent);
    const HASH: &str = "a4f49c406510bdcab6824ee7c30fd852";

    fn refused() -> Result<String, String> {
        Err("nobody to ask".to_owned())
    }

    fn text(password: Password) -> String {
        match password {
            Password::Text(text) => text.expose().clone(),
            Password::NtHash(_) => "a hash".to_owned(),
        }
    }

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(content).expect("to write");
        file
    }

    fn from_file(content: &[u8]) -> Result<String, String> {
        let file = file(content);
        let variables = [Ok("variable".to_owned()), Ok(HASH.to_owned())];
        choose(Files { password: Some(file.path()), ..NONE }, variables, refused).map(text)
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
        let chosen = choose(NONE, [Ok("variable".to_owned()), UNSET], refused).map(text);
        assert_eq!(chosen, Ok("variable".to_owned()));
        let asked = choose(NONE, [UNSET, UNSET], || Ok("typed".to_owned())).map(text);
        assert_eq!(asked, Ok("typed".to_owned()));
        assert!(choose(NONE, [UNSET, UNSET], refused).is_err());
        assert!(choose(NONE, [Ok("x".to_owned()), Ok(HASH.to_owned())], refused).expect_err("two").contains("both"));
    }

    #[test]
    fn a_hash_comes_from_a_file_or_a_variable_and_is_in_no_message() {
        let expected = Ok(Password::from(NtHash::of(&Secret::from("Password"))));
        assert_eq!(choose(NONE, [UNSET, Ok(HASH.to_owned())], refused), expected);
        let file = file(format!("{}\n", HASH.to_uppercase()).as_bytes());
        let variables = [Ok("variable".to_owned()), UNSET];
        assert_eq!(choose(Files { nt_hash: Some(file.path()), ..NONE }, variables, refused), expected);
        for wrong in ["", &HASH[1..], "a4f49c406510bdcab6824ee7c30fd85x", "a4f49c406510bdcab6824ee7c30fd8521"] {
            let error = choose(NONE, [UNSET, Ok(wrong.to_owned())], refused).expect_err("no hash");
            assert!(error.contains(HASH_VARIABLE) && error.contains("32"), "{error}");
            assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_does_not_fall_back() {
        let missing = Some(Path::new("/nonexistent/password"));
        for files in [Files { password: missing, ..NONE }, Files { nt_hash: missing, ..NONE }] {
            let error = choose(files, [Ok("variable".to_owned()), UNSET], refused).expect_err("no file");
            assert!(error.contains("/nonexistent/password"), "{error}");
        }
    }
}
