//! Captured sessions of the client, replayed: in one piece, cut at every octet, and with changed octets.

#[path = "replay/sessions.rs"]
mod sessions;

use std::num::NonZeroUsize;
use std::time::Duration;

use wmi_capture::Account;
use wmi_capture::replay::{Cut, Recording};
use wmi_proto::{AuthLevel, Enumerator, Query, Row, Secret};
use wmi_sim::{Fault, HostConfig};
use wmi_testkit::{OBJECT_PORT, config};

use crate::sessions::Recorded;

fn account() -> Account {
    Account::new("ACME\\monitor", Secret::from(wmi_sim::DEFAULT_PASSWORD))
}

/// The capture must replay to its end and bring `rows`, however the octets of the host are cut.
#[track_caller]
fn replays(pcap: &[u8], rows: &[Row], case: &str) {
    let recording = Recording::read(pcap, &account()).unwrap_or_else(|refusal| panic!("{case}: {refusal}"));
    for cut in [Cut::Captured, Cut::Whole, Cut::Every(NonZeroUsize::MIN)] {
        let replay = recording.replay(cut);
        assert_eq!(replay.end, Ok(()), "{case}, {cut:?}");
        let replayed: Vec<Row> = replay.queries.into_iter().flat_map(|query| query.rows).collect();
        assert!(replayed == rows, "{case}, {cut:?}: {} rows instead of {}", replayed.len(), rows.len());
    }
}

/// Every way in which a host can behave, with two queries one after the other: octets as captured, and all rows.
#[test]
fn sessions_with_every_kind_of_host_replay() {
    for fault in Fault::ALL {
        for (level, enumerator) in [
            (AuthLevel::Privacy, Enumerator::Auto),
            (AuthLevel::Privacy, Enumerator::Next),
            (AuthLevel::Integrity, Enumerator::Smart),
        ] {
            let mut config = config();
            config.auth_level = level;
            let mut recorded = Recorded::new(config, HostConfig::new(OBJECT_PORT).rows(40).faults([*fault]));
            let query = Query::new("SELECT * FROM Sim_Many").enumerator(enumerator);
            let mut rows = Vec::new();
            for (max, timeout) in [(1000, Duration::from_millis(5300)), (5, Duration::from_secs(30))] {
                if let Ok(id) = recorded.pair.try_exec(query.clone().timeout(timeout)) {
                    rows.extend(recorded.pair.finish(id, max).rows);
                }
            }
            // How it ends is not the point.
            let _ = recorded.pair.finish_session();
            replays(&recorded.pcap(), &rows, &format!("{fault}, {level:?}, {enumerator:?}"));
        }
    }
}
