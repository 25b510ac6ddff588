use super::*;
use crate::assets::{CheckConfig, CheckPath};

fn entry(asset: u64, check: u64, key: &str) -> Entry {
    Entry {
        path: CheckPath { asset, check },
        asset_name: format!("srv{asset}"),
        check_key: key.to_owned(),
        config: CheckConfig::every(300),
    }
}

#[test]
fn codes_are_those_of_the_protocol() {
    let codes: Vec<u8> = PacketType::ALL.iter().map(|kind| (*kind).into()).collect();
    assert_eq!(codes, [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x07, 0x08, 0x81, 0x82, 0xe0, 0xe3, 0xe4]);
    for kind in PacketType::ALL {
        assert_eq!(PacketType::of((*kind).into()), Some(*kind));
    }
}

#[test]
fn each_packet_of_agentcore_is_read() {
    let entries = vec![entry(1, 2, "memory"), entry(1, 3, "system")];
    let listing = Listing { entries: entries.clone(), broken: Vec::new() };
    let cases = [
        (assets(PacketType::Announced, 1, &entries), FromAgentcore::Announced(listing.clone())),
        (assets(PacketType::SetAssets, 0, &entries), FromAgentcore::SetAssets(listing.clone())),
        (upsert_asset(1, &entries), FromAgentcore::UpsertAsset(1, listing)),
        (unset_assets(&[1, 700]), FromAgentcore::UnsetAssets(vec![1, 700])),
        (request(PacketType::Info, 7), FromAgentcore::Info),
        (Frame::new(PacketType::Refused, 1, &"no".into()), FromAgentcore::Refused("no".to_owned())),
        (Frame::new(PacketType::Uploaded, 1, &Value::Nil), FromAgentcore::Other(PacketType::Uploaded)),
    ];
    for (frame, packet) in cases {
        assert_eq!(FromAgentcore::read(&frame), Ok(packet));
    }
}

#[test]
fn what_agentcore_does_not_say_is_an_error() {
    let shape = |kind, value: Value| FromAgentcore::read(&Frame::new(kind, 0, &value)).expect_err("an error");
    let no_list = PacketError::Shape(PacketType::SetAssets, "a list of checks");
    assert_eq!(shape(PacketType::SetAssets, Value::Nil), no_list);
    assert!(matches!(shape(PacketType::UpsertAsset, Value::List(vec![1_u64.into()])), PacketError::Shape(..)));
    assert!(matches!(shape(PacketType::UnsetAssets, Value::List(vec!["1".into()])), PacketError::Shape(..)));
    let unknown = Frame { part: 0, id: 0, kind: 0x55, body: Vec::new() };
    assert_eq!(FromAgentcore::read(&unknown), Err(PacketError::Unknown(0x55)));
    let garbage = Frame { part: 0, id: 0, kind: 0x02, body: vec![0xc1] };
    assert!(matches!(FromAgentcore::read(&garbage), Err(PacketError::Body { kind: 2, .. })));
}
