//! Some hundred simulated sessions; `weeks` (a program of `wmi-testkit`) runs as many as are wanted.

use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

use wmi_testkit::weeks::{self, Report, WEEK};

const HALF_A_DAY: Duration = Duration::from_secs(12 * 3600);

/// Runs the sessions of `seeds` on two threads; all of them hold.
fn all(seeds: std::ops::Range<u64>, longest: Duration) -> Report {
    let half = |odd: u64| {
        let mut sum = Report::default();
        for seed in seeds.clone().filter(|seed| seed % 2 == odd) {
            match panic::catch_unwind(AssertUnwindSafe(|| weeks::run(seed, longest, None))) {
                Ok(Ok(report)) => sum += report,
                Ok(Err(violation)) => panic!("weeks --seed {seed} --hours {}: {violation}", longest.as_secs() / 3600),
                Err(_) => panic!("weeks --seed {seed} --hours {}: panicked", longest.as_secs() / 3600),
            }
        }
        sum
    };
    thread::scope(|scope| {
        let odd = scope.spawn(|| half(1));
        let mut sum = half(0);
        sum += odd.join().expect("the other half holds");
        sum
    })
}

#[test]
fn sessions_of_hours_end_every_command_once_and_leave_nothing() {
    let report = all(0..300, HALF_A_DAY);
    // So many that nothing of what is checked was idle.
    assert!(
        report.mishaps > 1000 && report.losses > 500 && report.commands > 5000 && report.rows > 20_000,
        "{report:?}"
    );
}

#[test]
fn whole_weeks_of_pings_keep_what_is_held() {
    let report = all(1000..1006, WEEK);
    assert!(report.time > WEEK / 4 && report.pings > 24 * 30, "{report:?}");
}

#[test]
fn a_seed_decides_everything() {
    let told = |seed| {
        let mut story = Vec::new();
        let report = weeks::run(seed, HALF_A_DAY, Some(&mut |line| story.push(line)));
        (report, story)
    };
    assert_eq!(told(7), told(7));
    assert_ne!(told(7).1, told(8).1);
}
