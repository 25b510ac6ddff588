//! Captured sessions of the client, replayed: in one piece, cut at every octet, and with flipped octets.

#[path = "replay/sessions.rs"]
mod sessions;

use wmi_capture::Account;
use wmi_capture::replay::{Cut, Recording};
use wmi_proto::{AuthLevel, Enumerator, Query, Secret};
use wmi_sim::HostConfig;
use wmi_testkit::{OBJECT_PORT, config};

use crate::sessions::Recorded;

fn account() -> Account {
    Account::new("ACME\\monitor", Secret::from(wmi_sim::DEFAULT_PASSWORD))
}

#[test]
fn a_session_replays() {
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        for enumerator in [Enumerator::Auto, Enumerator::Smart, Enumerator::Next] {
            let mut config = config();
            config.auth_level = level;
            let mut recorded = Recorded::new(config, HostConfig::new(OBJECT_PORT).rows(100));
            let rows = recorded.pair.run(Query::new("SELECT * FROM Sim_Many").enumerator(enumerator), 1000).rows;
            recorded.pair.finish_session().expect("the session ends well");
            let pcap = recorded.pcap();
            let recording = Recording::read(&pcap[..], &account()).expect("a session");
            for cut in [Cut::Captured, Cut::Whole] {
                let replay = recording.replay(cut);
                assert_eq!(replay.end, Ok(()), "{level:?} {enumerator:?} {cut:?}");
                assert_eq!(replay.queries[0].rows, rows);
            }
        }
    }
}
