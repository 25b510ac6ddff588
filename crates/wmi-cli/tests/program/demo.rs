//! `wmi demo`, which needs nothing but loopback.

use std::time::{Duration, Instant};

use crate::support::{finish, line, lines_of, run, signal, start, wait, wmi};

#[test]
fn a_query_a_check_and_what_they_cost() {
    let begun = Instant::now();
    let finished = run(wmi(["demo"])).exits(0);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines[0].contains("listening on 127.0.0.1:"), "{}", lines[0]);
    assert!(lines.iter().any(|l| l.starts_with("Name ") && l.contains("ProcessId")), "a header: {}", finished.stdout);
    assert!(lines.contains(&"time"), "a check: {}", finished.stdout);
    let rows = finished.stdout.lines().skip_while(|l| !l.starts_with("----")).skip(1).take_while(|l| !l.is_empty());
    let rows = rows.count();
    let last = lines.last().expect("a last line");
    let words: Vec<&str> = last.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let ["demo:", counted, "rows", "1", "checks", trips, "round", "trips", seconds, "s"] = words[..] else {
        panic!("{last}")
    };
    assert_eq!(counted.parse(), Ok(rows), "{}", finished.stdout);
    assert!(trips.parse::<u32>().expect("a number") >= 8, "{last}");
    assert!(seconds.parse::<f64>().expect("a number") > 0.0, "{last}");
}

#[test]
fn held_up_the_host_answers_the_line_that_it_prints() {
    let mut demo = start(&mut wmi(["demo", "--hold"]));
    let mut output = lines_of(&mut demo);
    let command = loop {
        let line = line(&mut output);
        if line.starts_with("WMI_PASSWORD=") {
            break line;
        }
        assert!(demo.try_wait().expect("a child").is_none(), "it is held up");
    };
    let words = crate::support::words(&command);
    let (password, words) = words.split_first().expect("words");
    assert_eq!(words[0], "wmi");
    let mut query = wmi(words[1..].iter().map(String::as_str));
    let password = password.strip_prefix("WMI_PASSWORD=").expect("the password");
    query.env("WMI_PASSWORD", password);
    let finished = finish(start(&mut query)).exits(0);
    assert!(finished.stdout.starts_with("Name "), "{}", finished.stdout);
    signal(&demo, "INT");
    assert_eq!(wait(&mut demo).code(), Some(130));
}
