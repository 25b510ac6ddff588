//! The environment variables of a probe.

use core::time::Duration;

use thiserror::Error;

use crate::agent::Level;
use crate::fernet::{Key, PUBLIC_KEY};

/// What a dry run prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputType {
    /// JSON, for programs.
    #[default]
    Json,
    /// As Python's `pprint`, for people.
    Pprint,
}

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// `LOG_LEVEL`: what matters less is not written.
    pub level: Level,
    /// `LOG_COLORIZED`: whether lines are coloured.
    pub colorized: bool,
    /// `LOG_FMT`: how times are written, in the letters of `strftime`.
    pub time_format: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: Level::Warning, colorized: false, time_format: "%y%m%d %H:%M:%S".to_owned() }
    }
}

/// What the environment says.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `AGENTCORE_HOST`: a name or an address.
    pub agentcore_host: String,
    /// `AGENTCORE_PORT`.
    pub agentcore_port: u16,
    /// `INFRASONAR_CONF`: the file with accounts.
    pub config_path: String,
    /// `ENCRYPTION_KEY`: what passwords in that file are encrypted with.
    pub key: Key,
    /// `MAX_PACKAGE_SIZE`, which is in units of 1,000 octets: octets of a packet.
    pub max_package: usize,
    /// `MAX_CHECK_TIMEOUT`, in seconds.
    pub max_check_timeout: Duration,
    /// `DRY_RUN`: the file that names the one check to be run.
    pub dry_run: Option<String>,
    /// `OUTPUT_TYPE` of a dry run.
    pub output_type: OutputType,
    /// `LOG_LEVEL`, `LOG_COLORIZED` and `LOG_FMT`.
    pub log: LogSettings,
}

/// A variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{variable} is {value:?}, and must be {wanted}")]
pub struct EnvironmentError {
    /// Its name.
    pub variable: &'static str,
    /// What it is; a key is not repeated.
    pub value: String,
    /// What it must be.
    pub wanted: &'static str,
}

impl Environment {
    /// What `variable` says of each name. One that is empty counts as missing.
    ///
    /// # Errors
    /// A variable that cannot be used.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let variable = |name: &'static str| variable(name).filter(|value| !value.is_empty());
        let or = |name, default: &str| variable(name).unwrap_or_else(|| default.to_owned());
        let key = Key::parse(&or("ENCRYPTION_KEY", PUBLIC_KEY)).map_err(|_| EnvironmentError {
            variable: "ENCRYPTION_KEY",
            value: "..".to_owned(),
            wanted: "32 octets in URL-safe base64",
        })?;
        let dry_run = variable("DRY_RUN");
        let output_type = match or("OUTPUT_TYPE", "JSON") {
            value if dry_run.is_none() || value.eq_ignore_ascii_case("JSON") => OutputType::Json,
            value if value.eq_ignore_ascii_case("PPRINT") => OutputType::Pprint,
            value => return Err(EnvironmentError { variable: "OUTPUT_TYPE", value, wanted: "JSON or PPRINT" }),
        };
        let port = "a port from 1 to 65535";
        let size = "a number from 1 to 2000";
        let timeout = "a number of seconds above zero";
        let package = parsed("MAX_PACKAGE_SIZE", or("MAX_PACKAGE_SIZE", "500"), size, |text| {
            number::<usize>(text).filter(|size| (1..=2000).contains(size))
        })?;
        Ok(Self {
            agentcore_host: or("AGENTCORE_HOST", "127.0.0.1"),
            agentcore_port: parsed("AGENTCORE_PORT", or("AGENTCORE_PORT", "8750"), port, |text| {
                number(text).filter(|port| *port > 0)
            })?,
            config_path: or("INFRASONAR_CONF", "/data/config/infrasonar.yaml"),
            key,
            max_package: package * 1000,
            max_check_timeout: parsed("MAX_CHECK_TIMEOUT", or("MAX_CHECK_TIMEOUT", "300"), timeout, |text| {
                // What is longer than a time can be bounds nothing.
                let seconds = number::<f64>(text).filter(|seconds| *seconds > 0.0)?;
                Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)).filter(|time| !time.is_zero())
            })?,
            dry_run,
            output_type,
            log: LogSettings::read(&or)?,
        })
    }
}

impl LogSettings {
    fn read(or: &impl Fn(&'static str, &str) -> String) -> Result<Self, EnvironmentError> {
        let levels = "debug, info, warning, error or critical";
        Ok(Self {
            level: parsed("LOG_LEVEL", or("LOG_LEVEL", "warning"), levels, |text| {
                Some(match text.to_ascii_lowercase().as_str() {
                    "debug" => Level::Debug,
                    "info" => Level::Info,
                    "warning" => Level::Warning,
                    "error" => Level::Error,
                    "critical" => Level::Critical,
                    _ => return None,
                })
            })?,
            colorized: parsed("LOG_COLORIZED", or("LOG_COLORIZED", "0"), "0 or 1", |text| {
                number::<i64>(text).map(|number| number != 0)
            })?,
            time_format: or("LOG_FMT", &Self::default().time_format),
        })
    }
}

/// A number as Python's `int` and `float` read it: with single underscores between digits.
fn number<T: core::str::FromStr>(text: &str) -> Option<T> {
    let octets = text.as_bytes();
    let is_digit = |octet: Option<&u8>| octet.is_some_and(u8::is_ascii_digit);
    let is_between_digits =
        |at: usize| is_digit(at.checked_sub(1).and_then(|before| octets.get(before))) && is_digit(octets.get(at + 1));
    let is_right = text.match_indices('_').all(|(at, _)| is_between_digits(at));
    is_right.then(|| text.replace('_', "").parse().ok()).flatten()
}

fn parsed<T>(
    variable: &'static str,
    value: String,
    wanted: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, EnvironmentError> {
    parse(value.trim()).ok_or(EnvironmentError { variable, value, wanted })
}

#[cfg(test)]
mod tests;
