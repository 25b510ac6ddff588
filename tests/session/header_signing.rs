//! Header signing: offered, granted in the bind or in mid connection, or refused; all rows come in any case.

use std::cell::RefCell;
use std::rc::Rc;

use wmi_proto::wire::rpc::{CommonHeader, PduType};
use wmi_proto::{AuthLevel, Enumerator, ErrorKind, Query, Role, Stage};
use wmi_sim::Fault;
use wmi_testkit::{Direction, Pair, config};

use crate::{MANY, host, ids};

#[test]
fn it_is_agreed_in_the_bind_or_in_mid_connection() {
    // How many of the two connections agree, and how.
    let cases: [(&[Fault], u64); 4] = [
        (&[], 2),
        (&[Fault::LazyInterfaces], 2),
        (&[Fault::LazyInterfaces, Fault::NoHeaderSigning], 0),
        (&[Fault::LazyInterfaces, Fault::LateHeaderSigning], 1),
    ];
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        for (faults, agreed) in cases {
            let mut config = config();
            config.auth_level = level;
            let mut pair = Pair::new(config, host().faults(faults.iter().copied()));
            let sent: Rc<RefCell<Vec<(PduType, u8)>>> = Rc::default();
            let seen = Rc::clone(&sent);
            pair.tap = Some(Box::new(move |direction, role, data| {
                if direction == Direction::ToHost && role == Role::ObjectServer {
                    let header = CommonHeader::peek(data).expect("a header").expect("a whole one");
                    seen.borrow_mut().push((header.ptype, header.flags.0));
                }
            }));
            let query = Query::new(MANY).enumerator(Enumerator::Smart);
            assert_eq!(ids(&pair.run(query, 1000)).len(), 100, "{faults:?}");
            assert_eq!(pair.finish_session(), Ok(()), "{faults:?}");
            assert_eq!(pair.client.stats().header_signing, agreed, "{faults:?}");
            assert_eq!(pair.host.stats().header_signing, agreed, "{faults:?}");
            assert_eq!(pair.host.stats().unverified, 0, "{faults:?}");
            let flags = |of| sent.borrow().iter().filter(|(t, _)| *t == of).map(|(_, f)| *f).collect::<Vec<_>>();
            assert_eq!(flags(PduType::BIND), [0x17], "{faults:?}");
            assert_eq!(flags(PduType::AUTH3), [if agreed == 2 { 0x07 } else { 0x03 }], "{faults:?}");
            // Offered until it is granted.
            let altered = flags(PduType::ALTER_CONTEXT);
            let expected: &[u8] = match (faults, agreed) {
                ([], _) => &[],
                (_, 0) => &[0x07; 4],
                (_, 1) => &[0x07, 0x03, 0x03, 0x03],
                _ => &[0x03; 4],
            };
            assert_eq!(altered, expected, "{faults:?}");
        }
    }
}

#[test]
fn an_offer_that_somebody_took_away_is_noticed_by_the_host() {
    // Binds are not protected; the first request tells inside its protected stub what the bind offered.
    let mut pair = Pair::ordinary();
    pair.tap = Some(Box::new(|direction, _, data| {
        if direction == Direction::ToHost && data[2] == PduType::BIND.0 {
            data[3] &= !0x04;
        }
    }));
    let error = pair.run(Query::new(MANY), 10).end.expect_err("the host noticed");
    assert!(matches!(error.kind, ErrorKind::Fault(_)), "{error:?}");
    assert_eq!((&error.stage, error.code_name()), (&Stage::Activate, Some("ERROR_ACCESS_DENIED")));
    assert_eq!(pair.host.stats().logons, 1);
    assert_eq!(pair.host.stats().total_calls(), 0);
}
