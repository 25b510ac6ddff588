//! What is to be checked: entries of asset lists.

use core::time::Duration;

use crate::value::Value;

/// A check of an asset. Its order is that of assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckPath {
    /// The asset's number.
    pub asset: u64,
    /// The check's number.
    pub check: u64,
}

/// What InfraSonar configures for a check: its own keys over those of the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckConfig {
    /// `_interval`: seconds from one run to the next, at least 1.
    pub interval: u64,
    /// `_use`: the section of the local configuration in place of the probe's own.
    pub section: Option<String>,
    /// `address`: where the asset is; without it, its name.
    pub address: Option<String>,
    /// `authentication`: `NTLM` or `Kerberos`.
    pub authentication: Option<String>,
    /// `exclude_shadow_storage`: whether the storage check leaves shadow storage out.
    pub exclude_shadow_storage: bool,
}

impl CheckConfig {
    /// A configuration with an interval of `interval` seconds and nothing else.
    #[must_use]
    pub const fn every(interval: u64) -> Self {
        Self { interval, section: None, address: None, authentication: None, exclude_shadow_storage: false }
    }

    /// What `value`, a map, configures. `interval` is for those that have none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(value: &Value, interval: Option<u64>) -> Result<Self, &'static str> {
        let text = |key: &str| value.get(key).and_then(Value::text).filter(|text| !text.is_empty()).map(str::to_owned);
        let Value::Map(_) = value else { return Err("its configuration is no map") };
        let interval = value.get("_interval").map_or(interval, Value::unsigned).filter(|interval| *interval > 0);
        Ok(Self {
            interval: interval.ok_or("_interval is no number of seconds from 1 on")?,
            section: text("_use"),
            address: text("address"),
            authentication: text("authentication"),
            exclude_shadow_storage: value.get("exclude_shadow_storage").is_some_and(Value::is_truthy),
        })
    }

    fn value(&self) -> Value {
        let mut entries = vec![("_interval".to_owned(), Value::Uint(self.interval))];
        for (key, value) in
            [("_use", &self.section), ("address", &self.address), ("authentication", &self.authentication)]
        {
            entries.extend(value.as_deref().map(|value| (key.to_owned(), value.into())));
        }
        if self.exclude_shadow_storage {
            entries.push(("exclude_shadow_storage".to_owned(), true.into()));
        }
        Value::Map(entries)
    }

    /// The time a check may take: 80 % of its interval, at most `most`.
    #[must_use]
    pub fn time_limit(&self, most: Duration) -> Duration {
        let milliseconds = self.interval.saturating_mul(800);
        Duration::from_millis(milliseconds).min(most)
    }
}

/// A check to be done for an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which check of which asset.
    pub path: CheckPath,
    /// The asset's name.
    pub asset_name: String,
    /// The key of the check, such as `memory`.
    pub check_key: String,
    /// Its configuration.
    pub config: CheckConfig,
}

impl Entry {
    /// As it stands in a list.
    #[must_use]
    pub fn value(&self) -> Value {
        Value::List(vec![
            Value::List(vec![self.path.asset.into(), self.path.check.into()]),
            Value::List(vec![self.asset_name.as_str().into(), self.check_key.as_str().into()]),
            self.config.value(),
        ])
    }

    fn read(value: &Value) -> Result<Self, &'static str> {
        let Some([path, names, config]) = value.list() else { return Err("it is no path, names and configuration") };
        let Some([asset, check]) = path.list() else { return Err("its path is no pair") };
        let (Some(asset), Some(check)) = (asset.unsigned(), check.unsigned()) else {
            return Err("its path is no pair of numbers");
        };
        let Some([asset_name, check_key]) = names.list() else { return Err("its names are no pair") };
        let (Some(asset_name), Some(check_key)) = (asset_name.text(), check_key.text()) else {
            return Err("its names are no texts");
        };
        Ok(Self {
            path: CheckPath { asset, check },
            asset_name: asset_name.to_owned(),
            check_key: check_key.to_owned(),
            config: CheckConfig::read(config, None)?,
        })
    }
}

/// The entries of a list, and those that are none: one that is broken does not take the others with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// What is to be checked.
    pub entries: Vec<Entry>,
    /// What could not be read, and why: one text each, of the first few.
    pub broken: Vec<String>,
}

/// Broken entries that are told of one list.
const TOLD: usize = 10;

impl Listing {
    /// The entries of `value`; `None` when it is no list.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let mut listing = Self::default();
        for (number, value) in value.list()?.iter().enumerate() {
            match Entry::read(value) {
                Ok(entry) => listing.entries.push(entry),
                Err(why) if listing.broken.len() < TOLD => {
                    let which = value
                        .list()
                        .and_then(|parts| parts.first())
                        .map(|path| format!(" {}", short(&path.to_string())));
                    listing.broken.push(format!("entry {number}{}: {why}", which.unwrap_or_default()));
                }
                Err(_) => {}
            }
        }
        Some(listing)
    }
}

/// The first characters of a text that agentcore decides: enough to find the entry by.
fn short(text: &str) -> String {
    const MOST: usize = 100;
    let start: String = text.chars().take(MOST).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests;
