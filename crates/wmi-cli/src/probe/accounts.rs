//! The file with accounts: made when it is missing, encrypted in place, and read again when it changes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use wmi_infrasonar::fernet::Key;
use wmi_infrasonar::local::{Account, HEADER, Reading};
use wmi_infrasonar::{Environment, Level, LocalConfig};
use wmi_proto::Secret;

use super::log::Log;

/// What the file says, and since when.
pub(crate) struct Accounts<'l> {
    path: PathBuf,
    key: Key,
    config: LocalConfig,
    /// Of the file as it was read last, or refused.
    modified: SystemTime,
    /// Why it cannot be read since then.
    unread: Option<String>,
    log: &'l Log,
}

/// Why there is nothing to be used.
enum Failure {
    /// The file could not be read: that may pass.
    Unread(String),
    /// The file of this time says nothing that could be used.
    Refused(SystemTime, String),
}

impl<'l> Accounts<'l> {
    /// Reads the file of `environment`; one that is missing is made.
    ///
    /// # Errors
    /// It cannot be made, or says nothing that could be used.
    pub(crate) fn open(environment: &Environment, log: &'l Log) -> Result<Self, String> {
        let path = PathBuf::from(&environment.config_path);
        let shown = path.display();
        match create(&path) {
            Ok(true) => log.write(Level::Warning, &format!("created a new configuration file: {shown}")),
            Ok(false) => {}
            Err(error) => return Err(format!("cannot write file: {shown}: {error}")),
        }
        let key = environment.key.clone();
        let (config, modified) = read(&path, &key, log).map_err(|failure| {
            let (Failure::Unread(why) | Failure::Refused(_, why)) = failure;
            format!("configuration file invalid: {shown}: {why}")
        })?;
        Ok(Self { path, key, config, modified, unread: None, log })
    }

    /// What is configured for an asset, by the file as it is now.
    pub(crate) fn account(&mut self, probe: &str, asset: u64, section: Option<&str>) -> Account {
        self.refresh();
        let mut warnings = Vec::new();
        let account = self.config.account(probe, asset, section, &mut warnings);
        warnings.iter().for_each(|warning| self.log.write(Level::Warning, warning));
        account
    }

    /// Reads the file again when it has changed. One that cannot be used changes nothing, and is told once: one that
    /// could not be read is tried again each time, one that was refused when it has changed once more.
    fn refresh(&mut self) {
        let read = match modified(&self.path) {
            Ok(modified) if modified == self.modified => return self.unread = None,
            Ok(_) => read(&self.path, &self.key, self.log),
            Err(failure) => Err(failure),
        };
        let why = match read {
            Ok((config, modified)) => {
                (self.config, self.modified, self.unread) = (config, modified, None);
                return;
            }
            Err(Failure::Unread(why)) if self.unread.as_ref() == Some(&why) => return,
            Err(Failure::Unread(why)) => self.unread.insert(why).clone(),
            Err(Failure::Refused(modified, why)) => {
                (self.modified, self.unread) = (modified, None);
                why
            }
        };
        let text = format!("new configuration file invalid, keep using previous: {}: {why}", self.path.display());
        self.log.write(Level::Warning, &text);
    }
}

/// Makes the file with its folder, unless there is one.
fn create(path: &Path) -> io::Result<bool> {
    if path.try_exists()? {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, HEADER)?;
    Ok(true)
}

/// When the file was written last.
fn modified(path: &Path) -> Result<SystemTime, Failure> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(|error| Failure::Unread(error.to_string()))
}

/// What the file says, with its time; its secrets are encrypted.
fn read(path: &Path, key: &Key, log: &Log) -> Result<(LocalConfig, SystemTime), Failure> {
    let modified = modified(path)?;
    let text = fs::read_to_string(path).map(Secret::new).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => Failure::Refused(modified, error.to_string()),
        _ => Failure::Unread(error.to_string()),
    })?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut failure = None;
    let mut random = || {
        let mut octets = [0; 16];
        failure = getrandom::fill(&mut octets).err();
        octets
    };
    let Reading { config, encrypted, warnings } = LocalConfig::read(text.expose(), key, now, &mut random)
        .map_err(|error| Failure::Refused(modified, error.to_string()))?;
    if let Some(failure) = failure {
        return Err(Failure::Unread(format!("no random numbers: {failure}")));
    }
    warnings.iter().for_each(|warning| log.write(Level::Warning, warning));
    if let Some(encrypted) = encrypted {
        match replace(path, encrypted.expose()) {
            Ok(modified) => return Ok((config, modified)),
            // A folder that may not be written to is nothing unusual.
            Err(error) => log.write(
                Level::Warning,
                &format!("passwords stay readable: failed to write `{}`: {error}", path.display()),
            ),
        }
    }
    Ok((config, modified))
}

/// Puts `text` in place of a file, whole or not at all, with its mode and owner. What a link leads to is replaced, not the
/// link.
fn replace(path: &Path, text: &str) -> io::Result<SystemTime> {
    let path = fs::canonicalize(path)?;
    let before = fs::metadata(&path)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(ErrorKind::InvalidInput)?);
    name.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write(&temporary, text, &before).and_then(|()| fs::rename(&temporary, &path));
    if let Err(error) = written {
        // It may not be there.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    fs::metadata(&path)?.modified()
}

fn write(path: &Path, text: &str, like: &fs::Metadata) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (like.uid(), like.gid()) {
            fchown(&file, Some(like.uid()), Some(like.gid()))?;
        }
    }
    file.set_permissions(like.permissions())?;
    file.sync_all()
}
