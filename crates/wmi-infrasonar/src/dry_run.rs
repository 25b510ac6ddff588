//! The file of a dry run: one check of one asset.

use crate::assets::{CheckConfig, CheckPath};
use crate::value::Value;
use crate::yaml::{self, Node};

/// A file that can be used, to be shown with each message on one that cannot.
pub const EXAMPLE: &str = "
asset:
  name: \"foo.local\"
  check: \"system\"
  config:
    address: \"192.168.1.2\"
";

/// What a dry run is to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// The asset's number, by which its account is found; 0 when there is none. The check has none.
    pub path: CheckPath,
    /// The asset's name.
    pub asset_name: String,
    /// The key of the check.
    pub check_key: String,
    /// What InfraSonar would configure.
    pub config: CheckConfig,
}

impl DryRun {
    /// What `text` names; `known` are the keys of the checks that there are.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn read(text: &str, known: &[&str]) -> Result<Self, String> {
        let root = yaml::parse(text).map_err(|error| format!("it is no YAML: {error}; example: {EXAMPLE}"))?;
        let invalid = |key: &str| format!("missing or invalid `{key}`; example: {EXAMPLE}");
        let asset = root.get("asset").filter(|asset| matches!(asset, Node::Map(_))).ok_or_else(|| invalid("asset"))?;
        let text = |key: &str| asset.get(key).and_then(Node::text).map(str::to_owned).ok_or_else(|| invalid(key));
        let asset_name = text("name")?;
        let id = match asset.get("id") {
            None => 0,
            Some(id) => id.number().ok_or("invalid optional `id`: it must be a number")?,
        };
        let check_key = text("check")?;
        if !known.contains(&check_key.as_str()) {
            return Err(format!("unknown check `{check_key}`; available checks: {}", known.join(", ")));
        }
        let config = match asset.get("config") {
            None => Value::Map(Vec::new()),
            Some(node) if node.is_nothing() => Value::Map(Vec::new()),
            Some(node) => node.value(),
        };
        let config = CheckConfig::read(&config, Some(NO_INTERVAL)).map_err(|_| invalid("config"))?;
        Ok(Self { path: CheckPath { asset: id, check: 0 }, asset_name, check_key, config })
    }
}

/// The interval of a check that runs once.
const NO_INTERVAL: u64 = 300;

#[cfg(test)]
mod tests;
