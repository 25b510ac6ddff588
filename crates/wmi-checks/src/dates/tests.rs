use super::*;

fn day(year: u32, month: u32, day: u32) -> Written {
    Written::Day(Date::new(year, month, day).expect("a day"))
}

#[test]
fn every_form_that_says_which_number_is_the_month() {
    for text in
        ["20240312", "2024-03-12", "2024/3/12", "2024.03.12.", "12.03.2024", "12.3.2024 00:00:00", "\u{200e}2024-03-12"]
    {
        assert_eq!(Written::read(text), day(2024, 3, 12), "{text}");
    }
    assert_eq!(Written::read("3/25/2024"), day(2024, 3, 25));
    assert_eq!(Written::read("25/3/2024"), day(2024, 3, 25));
    assert_eq!(Written::read("03-25-2024"), day(2024, 3, 25));
    assert_eq!(Written::read("5/5/2024"), day(2024, 5, 5), "either way it is the same day");
}

#[test]
fn day_and_month_that_could_be_either_are_both_kept() {
    let either = Written::Either {
        month_first: Date::new(2024, 3, 12).expect("a day"),
        day_first: Date::new(2024, 12, 3).expect("a day"),
    };
    assert_eq!(Written::read("3/12/2024"), either);
    assert_eq!(Written::read("03-12-2024"), either);
    assert_eq!(Written::read(" 3/12/2024 12:00:00 AM"), either);
    assert_eq!(Written::proves("3/12/2024"), None);
    assert_eq!(Written::proves("13/2/2024"), Some(Order::DayFirst));
    assert_eq!(Written::proves("2/13/2024"), Some(Order::MonthFirst));
    assert_eq!(Written::proves("13.2.2024"), None, "points say nothing about slashes");
    assert_eq!(Written::proves("2024-02-13"), None);
    assert_eq!(
        Written::proves("\u{200e}13\u{200e}/2/2024"),
        Some(Order::DayFirst),
        "marks of direction prove nothing else"
    );
}

#[test]
fn hexadecimal_file_times_count_from_1601() {
    // 2010-07-13 21:46:40 UTC.
    let seconds = 1_279_057_600_i64;
    let hex = format!("{:016x}", FileTime::UNIX_EPOCH.0 + 12_790_576_000_000_000);
    for text in [hex.clone(), hex.to_uppercase(), hex.trim_start_matches('0').to_owned(), format!("0x{hex}")] {
        assert_eq!(Written::read(&text), Written::Moment(seconds), "{text}");
    }
    assert_eq!(Written::read("0000000000000000"), Written::Unknown, "1601");
    assert_eq!(Written::read("ffffffffffffffff"), Written::Unknown);
}

#[test]
fn what_is_no_date_is_unknown() {
    for text in [
        "",
        " ",
        "3/12/24",
        "12.03.67",
        "30/02/2024",
        "29/02/2023",
        "2024-13-01",
        "00/00/2024",
        "12/03/2567",
        "01/01/1403",
        "yesterday",
        "2024",
        "1/2/3/2024",
        "+1/+2/2024",
        "١٢/٣/٢٠٢٤",
        "99999999",
        "20240230",
        "1/2",
        "//",
        "-1-2-2024",
        "0x",
        "12:30",
    ] {
        assert_eq!(Written::read(text), Written::Unknown, "{text}");
    }
}

#[test]
fn midnight_is_on_the_clock_of_the_host() {
    let date = Date::new(2024, 3, 12).expect("a day");
    assert_eq!(date.midnight(0), Some(1_710_201_600));
    assert_eq!(date.midnight(60), Some(1_710_201_600 - 3600), "a clock ahead of UTC strikes midnight earlier");
    assert_eq!(date.midnight(-480), Some(1_710_201_600 + 8 * 3600));
    assert_eq!(date.midnight(i16::MIN), None);
    assert_eq!(date.to_string(), "2024-03-12");
    assert_eq!(Date::at(1_710_201_600 - 3600, 60), Some(date));
    assert_eq!(Date::at(1_710_201_600 - 3601, 60), Date::new(2024, 3, 11));
    assert_eq!(Date::at(i64::MAX, 0), None);
}

#[test]
fn locales_know_their_order() {
    assert_eq!(Order::of_locale(0x0409), Some(Order::MonthFirst), "en-US");
    for (lcid, name) in [(0x0809, "en-GB"), (0x0407, "de-DE"), (0x040c, "fr-FR"), (0x0416, "pt-BR"), (0x0c07, "de-AT")]
    {
        assert_eq!(Order::of_locale(lcid), Some(Order::DayFirst), "{name}");
    }
    for (lcid, name) in [(0x0411, "ja-JP"), (0x041d, "sv-SE"), (0x1009, "en-CA"), (0x007f, "invariant"), (0, "none")] {
        assert_eq!(Order::of_locale(lcid), None, "{name}");
    }
}
