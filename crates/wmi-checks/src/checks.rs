//! All checks by their keys, one file each.

mod counters;
mod memory;
mod process;
mod services;
mod storage;
mod system;

use crate::Check;
use crate::plan::Plan;

/// The planned checks, in the order in which help texts list them.
static PLANS: [&Plan; 5] = [&memory::PLAN, &process::PLAN, &services::PLAN, &storage::PLAN, &system::PLAN];

/// The keys of all checks, in the order in which help texts list them.
pub const KEYS: &[&str] = &["memory", "process", "services", "storage", "system"];

/// The check called `key`; `counters:CLASS` is that of a class of raw performance counters.
#[must_use]
pub fn by_key(key: &str) -> Option<Box<dyn Check>> {
    if let Some(counters) = counters::Counters::by_key(key) {
        return Some(Box::new(counters));
    }
    PLANS.iter().find(|plan| plan.key == key).map(|plan| Box::new(*plan) as Box<dyn Check>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_check() {
        for key in KEYS {
            assert_eq!(by_key(key).expect("a check").key(), *key);
        }
        assert!(by_key("weather").is_none());
        let key = "counters:Win32_PerfRawData_PerfOS_Cache";
        assert_eq!(by_key(key).expect("a check").key(), key);
        for key in ["counters:", "counters", "counters:Win32_Process WHERE", "counters:a'b"] {
            assert!(by_key(key).is_none(), "{key}");
        }
    }
}
