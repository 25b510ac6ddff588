use super::*;

fn config(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

#[test]
fn configuration_keys_interval_use_address_authentication_and_exclude_shadow_storage() {
    let value = config(&[
        ("_interval", 60_u64.into()),
        ("_use", "other".into()),
        ("address", "192.0.2.7".into()),
        ("authentication", "Kerberos".into()),
        ("exclude_shadow_storage", true.into()),
        ("something", Value::Nil),
    ]);
    let read = CheckConfig::read(&value, None).expect("a configuration");
    let expected = CheckConfig {
        interval: 60,
        section: Some("other".to_owned()),
        address: Some("192.0.2.7".to_owned()),
        authentication: Some("Kerberos".to_owned()),
        exclude_shadow_storage: true,
    };
    assert_eq!(read, expected);
    assert_eq!(CheckConfig::read(&read.value(), None), Ok(read));
}

#[test]
fn empty_texts_count_as_missing_as_in_the_original() {
    let value = config(&[("_interval", 60_u64.into()), ("_use", "".into()), ("address", "".into())]);
    assert_eq!(CheckConfig::read(&value, None), Ok(CheckConfig::every(60)));
}

#[test]
fn an_interval_is_a_number_from_1_on() {
    for interval in [Value::Nil, 0_u64.into(), (-1_i64).into(), 1.5.into(), "60".into()] {
        assert!(CheckConfig::read(&config(&[("_interval", interval)]), None).is_err());
    }
    assert!(CheckConfig::read(&Value::Nil, Some(1)).is_err());
}

#[test]
fn a_check_has_80_percent_of_its_interval_and_at_most_max_check_timeout() {
    let most = Duration::from_secs(300);
    assert_eq!(CheckConfig::every(60).time_limit(most), Duration::from_secs(48));
    assert_eq!(CheckConfig::every(1).time_limit(most), Duration::from_millis(800));
    assert_eq!(CheckConfig::every(3600).time_limit(most), most);
    assert_eq!(CheckConfig::every(u64::MAX).time_limit(most), most);
}

#[test]
fn a_broken_entry_does_not_take_the_others_with_it() {
    let good = Entry {
        path: CheckPath { asset: 1, check: 2 },
        asset_name: "srv01".to_owned(),
        check_key: "memory".to_owned(),
        config: CheckConfig::every(300),
    };
    let broken = Value::List(vec![
        Value::List(vec![7_u64.into(), 8_u64.into()]),
        Value::List(vec!["srv07".into(), "memory".into()]),
        config(&[]),
    ]);
    let list = Value::List(vec![Value::Nil, broken, good.value()]);
    let listing = Listing::read(&list).expect("a list");
    assert_eq!(listing.entries, [good]);
    assert_eq!(
        listing.broken,
        [
            "entry 0: it is no path, names and configuration",
            "entry 1 [7, 8]: _interval is no number of seconds from 1 on"
        ]
    );
    assert_eq!(Listing::read(&Value::Nil), None);
}

#[test]
fn what_is_told_of_broken_entries_is_short_however_long_and_many_they_are() {
    let path = Value::List(vec!["ä".repeat(100_000).as_str().into(), 8_u64.into()]);
    let broken = Value::List(vec![path, Value::List(vec!["srv07".into(), "memory".into()]), config(&[])]);
    let told = Listing::read(&Value::List(vec![broken; 1000])).expect("a list").broken;
    assert_eq!(told.len(), 10);
    for (number, text) in told.iter().enumerate() {
        assert!(text.starts_with(&format!("entry {number} ")) && text.contains('…'), "{text}");
        assert!(text.chars().count() < 200, "{text}");
    }
}
