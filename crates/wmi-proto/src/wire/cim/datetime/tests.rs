//! Text of [DMTF-DSP0004] section 5.5.1 and of real hosts.

use core::time::Duration;

use super::*;

fn parse(text: &str) -> CimDateTime {
    let value = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(CimDateTime::to_string(&value), text);
    value
}

#[test]
fn complete_timestamps_are_points_in_time() {
    // Checked with `date -u -d`.
    for (text, seconds) in [
        ("19700101000000.000000+000", 0),
        ("20240229000000.000000+060", 1_709_161_200),
        ("20251231235958.000000-300", 1_767_243_598),
        ("16010101000000.000000+000", -11_644_473_600),
        ("20000301000000.000000+000", 951_868_800),
        ("19000228235959.000000+000", -2_203_891_201),
        ("99991231235959.000000+000", 253_402_300_799),
        ("00000101000000.000000+000", -62_167_219_200),
    ] {
        assert_eq!(parse(text).to_unix_micros(), Some(seconds * 1_000_000), "{text}");
    }
    assert_eq!(parse("19700101000000.000001+000").to_unix_micros(), Some(1));
    assert_eq!(parse("20240229000000.000000+060").to_duration(), None);
}

#[test]
fn points_in_time_become_timestamps() {
    for text in ["20240229000000.123456+060", "16010101000000.000000-300", "19691231235959.999999+000"] {
        let CimDateTime::Timestamp(t) = parse(text) else { panic!("{text}") };
        let offset = i16::try_from(t.offset_minutes.unwrap()).unwrap();
        let offset = if t.west { -offset } else { offset };
        assert_eq!(CimTimestamp::from_unix_micros(t.to_unix_micros().unwrap(), offset), Some(t));
    }
    for days in -719_528..0 {
        let (year, month, day) = civil_from_days(days).unwrap();
        assert_eq!(days_from_civil(year, month, day), days);
    }
    for (micros, offset) in [(i64::MAX, 0), (i64::MIN, 0), (253_402_300_800_000_000, 0), (0, 1000), (0, i16::MIN)] {
        assert_eq!(CimTimestamp::from_unix_micros(micros, offset), None, "{micros} {offset}");
    }
}

#[test]
fn intervals_are_lengths() {
    let value = parse("00000003010203.000004:000");
    let length = Duration::from_micros(((3 * 24 + 1) * 3600 + 2 * 60 + 3) * 1_000_000 + 4);
    assert_eq!(value.to_duration(), Some(length));
    assert_eq!(CimInterval::from_duration(length).map(CimDateTime::Interval), Some(value));
    assert_eq!(parse("00000000000000.000000:000").to_duration(), Some(Duration::ZERO));
    let longest = parse("99999999235959.999999:000").to_duration().unwrap();
    assert!(CimInterval::from_duration(longest).is_some());
    assert_eq!(CimInterval::from_duration(longest + Duration::from_micros(1)), None);
    assert_eq!(value.to_unix_micros(), None);
}

#[test]
fn open_fields_are_kept_and_have_no_number() {
    for text in [
        "****0101000000.000000+000",
        "20240229******.******+***",
        "20240229120000.000000+***",
        "20240229120000.123***-060",
        "********010203.000000:000",
        "00000001**0203.000000:000",
    ] {
        let value = parse(text);
        assert_eq!((value.to_unix_micros(), value.to_duration()), (None, None), "{text}");
    }
    parse("20240229120000.000000-000");
    parse("20240229120000.000000-***");
}

#[test]
fn what_is_no_datetime_is_refused() {
    for text in [
        "",
        "2024-02-29T12:00:00Z",
        "20230229120000.000000+000",
        "20241301120000.000000+000",
        "20240431120000.000000+000",
        "20240229240000.000000+000",
        "20240229126000.000000+000",
        "20240229120060.000000+000",
        "20240229120000,000000+000",
        "20240229120000.000000:001",
        "20240229120000.000000 000",
        "2024*229120000.000000+000",
        "20240229120000.12*456+000",
        "20240229120000.000000+00",
        "20240229120000.000000+0000",
        "\u{e9}0240229120000.00000+000",
    ] {
        assert!(text.parse::<CimDateTime>().is_err(), "{text}");
    }
}
