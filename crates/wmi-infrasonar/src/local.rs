//! The local configuration: accounts by section and asset, with secrets that are encrypted where they stand.

use core::ops::Range;
use core::time::Duration;
use std::collections::BTreeSet;

use base64::Engine;
use thiserror::Error;
use wmi_proto::Secret;
use zeroize::Zeroize as _;

use crate::fernet::Key;
use crate::value::Value;
use crate::yaml::{self, Node, Sensitive};

/// What a configuration that was missing begins with.
pub const HEADER: &str = "\
# Accounts of InfraSonar probes.
#
# WARNING: each `password` and `secret` is made unreadable when a probe reads this file. That is no protection: unless
# ENCRYPTION_KEY names a key of your own, everybody knows the key.
#
# wmi:
#   config:
#     username: alice@example.org
#     password: \"her password\"
#   assets:
#   - id: 12345
#     config:
#       username: EXAMPLE\\bob
#       password: \"his password\"
#   - id: [456, 789]
#     config:
#       username: carol@example.org
#       password: \"her password\"
";

/// Why a file is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LocalError {
    /// It is no YAML.
    #[error("no YAML: {0}")]
    Yaml(String),
    /// Its outermost value is no map.
    #[error("the outermost value is no map of sections")]
    Shape,
    /// A secret is a token of another key.
    #[error("a password or secret cannot be decrypted: {0}")]
    Secret(crate::fernet::FernetError),
}

/// What a file says, decrypted. Secrets are zeroed when dropped and never printed.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalConfig {
    sections: Vec<(String, Node)>,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What it says.
    pub config: LocalConfig,
    /// Its text with those secrets encrypted that were readable, when there are any that can be.
    pub encrypted: Option<Secret<String>>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// What is configured for an asset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// `username`, in whatever form.
    pub username: Option<String>,
    /// `password`.
    pub password: Option<Secret<String>>,
    /// `kdc_host`, for Kerberos.
    pub kdc_host: Option<String>,
    /// `kdc_port`, for Kerberos.
    pub kdc_port: Option<u16>,
}

impl LocalConfig {
    /// What `text` says. `now` since the Unix epoch and `random` are for encrypting its secrets.
    ///
    /// # Errors
    /// It says nothing that could be used.
    pub fn read(
        text: &str,
        key: &Key,
        now: Duration,
        random: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<Reading, LocalError> {
        let root = yaml::parse(text).map_err(LocalError::Yaml)?;
        let readable = readable(text, &root, key, now, random);
        let root = open(root, key)?;
        let (encrypted, left) = encrypt(text, &readable, |changed| {
            yaml::parse(changed).is_ok_and(|node| open(node, key).as_ref() == Ok(&root))
        });
        let mut warnings: Vec<String> = left
            .iter()
            .map(|line| {
                format!("line {line}: a password cannot be encrypted where it stands: write it in quotes on one line")
            })
            .collect();
        let sections = match root {
            Node::Map(sections) => sections,
            node if node.is_nothing() => Vec::new(),
            _ => return Err(LocalError::Shape),
        };
        for (name, section) in &sections {
            match section {
                Node::Map(_) => {
                    let own = section.get("config").into_iter().flat_map(no_secrets);
                    warnings.extend(own.map(|why| format!("section `{name}`: {why}")));
                    if let Some(Node::List(assets)) = section.get("assets") {
                        warnings.extend(assets.iter().zip(1..).flat_map(|(asset, at)| {
                            let own = asset.get("config").into_iter().flat_map(no_secrets).chain(no_id(asset));
                            own.map(move |why| format!("section `{name}`, entry {at} of its assets: {why}"))
                        }));
                    }
                    for other in ["assets", "config"] {
                        if section.get("use").is_some() && section.get(other).is_some() {
                            warnings.push(format!("section `{name}` has both `use` and `{other}`: `use` counts"));
                        }
                    }
                }
                _ => warnings.push(format!("section `{name}` is no map")),
            }
        }
        Ok(Reading { config: Self { sections }, encrypted, warnings })
    }

    /// What `asset` is configured with: by the section that InfraSonar names, otherwise the one of `probe`; in it the
    /// first entry of the asset, which replaces the section's `config` wholly. What is odd is added to `warnings`.
    #[must_use]
    pub fn account(&self, probe: &str, asset: u64, section: Option<&str>, warnings: &mut Vec<String>) -> Account {
        let section = section.filter(|section| !section.is_empty());
        let Some(node) = self.section(section.unwrap_or(probe), warnings) else {
            if let Some(section) = section {
                warnings.push(format!("section `{section}` is configured explicitly, and is not there"));
            }
            return Account::default();
        };
        let is_asset = |id: &Node| id.number() == Some(asset);
        let has_asset = |entry: &&Node| match entry.get("id") {
            Some(Node::List(ids)) => ids.iter().any(is_asset),
            Some(id) => is_asset(id),
            None => false,
        };
        let own = match node.get("assets") {
            Some(Node::List(assets)) => assets.iter().find(has_asset),
            _ => None,
        };
        own.unwrap_or(node).get("config").map(Account::read).unwrap_or_default()
    }

    /// The section that `name` leads to; `use` is followed, but in no circle.
    fn section(&self, name: &str, warnings: &mut Vec<String>) -> Option<&Node> {
        let mut name = name;
        let mut seen = BTreeSet::new();
        loop {
            // Of several the last counts, as in PyYAML.
            let (_, section) = self.sections.iter().rev().find(|(known, _)| known == name)?;
            let Node::Map(_) = section else { return None };
            let Some(next) = section.get("use").and_then(Node::text) else { return Some(section) };
            if !seen.insert(name) {
                warnings.push(format!("section `{name}` uses itself"));
                return None;
            }
            name = next;
        }
    }
}

impl Account {
    fn read(node: &Node) -> Self {
        let text = |key: &str| match node.get(key)? {
            Node::Scalar(Value::Text(text)) => Some(text.clone()),
            Node::Scalar(Value::Nil) => None,
            Node::Scalar(value) => Some(value.to_string()),
            _ => None,
        };
        let password = match node.get("password") {
            Some(Node::Secret(Sensitive::Plain(secret, _) | Sensitive::Open(secret))) => Some(secret.clone()),
            _ => None,
        };
        Self {
            username: text("username"),
            password,
            kdc_host: text("kdc_host").filter(|host| !host.is_empty()),
            kdc_port: node.get("kdc_port").and_then(Node::number).and_then(|port| u16::try_from(port).ok()),
        }
    }
}

/// What is wrong with secrets of `config` that are lists or maps: nothing can be done with them but to say so.
fn no_secrets(config: &Node) -> impl Iterator<Item = String> {
    yaml::SECRETS.iter().filter_map(|key| {
        let kind = match config.get(key)? {
            Node::List(_) => "list",
            Node::Map(_) => "map",
            Node::Scalar(_) | Node::Secret(_) => return None,
        };
        Some(format!("`{key}` is a {kind} and no text: it is not used, and stays readable in the file"))
    })
}

/// What is wrong with the id of an entry of assets, by which it is found.
fn no_id(asset: &Node) -> Option<String> {
    let is_number = |id: &Node| id.number().is_some();
    let is_right = match asset.get("id") {
        Some(Node::List(ids)) => ids.iter().all(is_number),
        Some(id) => is_number(id),
        None => false,
    };
    (!is_right).then(|| "`id` is neither a number nor a list of numbers".to_owned())
}

/// A secret that can be read in the file, and what is to stand in its place.
struct Readable {
    place: Option<Range<usize>>,
    token: String,
}

/// Every secret of `root` that can be read in `text`, in the order of their places.
fn readable(text: &str, root: &Node, key: &Key, now: Duration, random: &mut dyn FnMut() -> [u8; 16]) -> Vec<Readable> {
    let mut root = root.clone();
    let mut secrets = Vec::new();
    root.secrets_mut(&mut secrets);
    let mut found = Vec::new();
    for secret in secrets {
        if let Sensitive::Plain(secret, place) = secret {
            let token = key.encrypt(secret.expose().as_bytes(), now, random());
            let token = base64::engine::general_purpose::STANDARD.encode(token);
            let place = place.clone().filter(|place| text.get(place.clone()).is_some());
            found.push(Readable { place, token: format!("{{encrypted: !!binary \"{token}\"}}") });
        }
    }
    found.sort_by_key(|secret| secret.place.as_ref().map(|place| place.start));
    // An alias stands where its anchor does.
    found.dedup_by(|one, other| one.place.is_some() && one.place == other.place);
    found
}

/// The text with tokens in place of those secrets of which it is still `right` then, if there are any, and the lines of
/// the others.
fn encrypt(text: &str, secrets: &[Readable], right: impl Fn(&str) -> bool) -> (Option<Secret<String>>, Vec<usize>) {
    let mut good: Vec<&Readable> = Vec::new();
    // Halves, because one that cannot be replaced is the exception.
    let mut pending = vec![secrets.iter().filter(|secret| secret.is_inline(text)).collect::<Vec<_>>()];
    while let Some(some) = pending.pop() {
        let with = [good.as_slice(), &some].concat();
        if right(replaced(text, &with).expose()) {
            good = with;
        } else if let (one @ [_, ..], other @ [_, ..]) = some.split_at(some.len() / 2) {
            pending.extend([other.to_vec(), one.to_vec()]);
        }
    }
    let changed = (!good.is_empty()).then(|| replaced(text, &good));
    // Lines of the text as it is to be: a token has one, whatever it stands for.
    let breaks = |text: &str| text.bytes().filter(|octet| *octet == b'\n').count();
    let mut line = 1 + if changed.is_some() { breaks(header(text)) } else { 0 };
    let (mut read, mut left) = (0, Vec::new());
    for secret in secrets {
        let place = secret.place.clone().unwrap_or(read..read);
        line += breaks(text.get(read..place.start).unwrap_or_default());
        if good.binary_search_by_key(&Some(place.start), |good| Some(good.place.as_ref()?.start)).is_ok() {
            read = place.end;
        } else {
            left.push(line);
            read = place.start;
        }
    }
    (changed, left)
}

impl Readable {
    /// Whether it is where a token can stand in its place: blocks, aliases, and what has a tag or an anchor are not.
    fn is_inline(&self, text: &str) -> bool {
        let written = self.place.clone().and_then(|place| text.get(place));
        written.is_some_and(|written| !written.starts_with(['|', '>', '*', '&', '!']))
    }
}

/// What is put before a text that has it not yet, and can have it.
fn header(text: &str) -> &'static str {
    let body = text.trim_start_matches('\u{feff}');
    let has_header = HEADER.lines().next().is_some_and(|first| body.lines().any(|line| line == first));
    if has_header || body.starts_with('%') { "" } else { HEADER }
}

/// The text with tokens in place of `secrets`, which are in the order of their places.
fn replaced(text: &str, secrets: &[&Readable]) -> Secret<String> {
    // Behind a header it would be no mark of the encoding but a character of the text.
    let mut done = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    // All at once: a text that moved would leave what it says behind.
    let tokens: usize = secrets.iter().map(|secret| secret.token.len()).sum();
    let mut out = Secret::new(String::with_capacity(HEADER.len() + text.len() + tokens));
    out.expose_mut().push_str(header(text));
    for secret in secrets {
        let Some(place) = &secret.place else { continue };
        out.expose_mut().push_str(text.get(done..place.start).unwrap_or_default());
        out.expose_mut().push_str(&secret.token);
        done = place.end;
    }
    out.expose_mut().push_str(text.get(done..).unwrap_or_default());
    out
}

/// The same tree with all secrets decrypted.
fn open(mut root: Node, key: &Key) -> Result<Node, LocalError> {
    let mut secrets = Vec::new();
    root.secrets_mut(&mut secrets);
    for secret in secrets {
        if let Sensitive::Encrypted(token) = secret {
            // The base64 of a token, as `!!binary` has it; a token by itself is taken, too.
            let octets: String = token.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            let inner = base64::engine::general_purpose::STANDARD.decode(octets).ok();
            let token = inner.and_then(|inner| String::from_utf8(inner).ok()).unwrap_or_else(|| token.clone());
            let mut octets = key.decrypt(&token).map_err(LocalError::Secret)?;
            let text = std::mem::take(octets.expose_mut());
            let text = String::from_utf8(text).map_err(|error| {
                error.into_bytes().zeroize();
                LocalError::Secret(crate::fernet::FernetError::Format)
            })?;
            *secret = Sensitive::Open(Secret::new(text));
        }
    }
    Ok(root)
}

#[cfg(test)]
mod tests;
