//! Runs simulated weeks, each from a seed of its own, on all cores, and tells which seeds fail.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wmi_testkit::weeks::{self, Report, WEEK};

const USAGE: &str = "usage: weeks [--sessions N] [--from SEED] [--hours N]     N sessions from that seed on
       weeks --seed SEED [--hours N]                      the story of one";

struct Arguments {
    sessions: u64,
    from: u64,
    seed: Option<u64>,
    longest: Duration,
}

fn arguments() -> Option<Arguments> {
    let mut found = Arguments { sessions: 1000, from: 0, seed: None, longest: WEEK };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next()?.parse().ok()?;
        match name.as_str() {
            "--sessions" => found.sessions = value,
            "--from" => found.from = value,
            "--seed" => found.seed = Some(value),
            "--hours" => found.longest = Duration::from_secs(value * 3600),
            _ => return None,
        }
    }
    Some(found)
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match arguments.seed {
        Some(seed) => one(seed, arguments.longest),
        None => many(&arguments),
    }
}

fn one(seed: u64, longest: Duration) -> ExitCode {
    match weeks::run(seed, longest, Some(&mut |line| println!("{line}"))) {
        Ok(report) => {
            println!("{report:?}");
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("VIOLATION {violation}");
            ExitCode::FAILURE
        }
    }
}

fn many(arguments: &Arguments) -> ExitCode {
    let Arguments { sessions, from, longest, .. } = *arguments;
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let sum = Mutex::new(Report::default());
    let begun = Instant::now();
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= sessions {
                return;
            }
            let seed = from.wrapping_add(number);
            let result = panic::catch_unwind(AssertUnwindSafe(|| weeks::run(seed, longest, None)));
            let wrong = match result {
                Ok(Ok(report)) => {
                    *sum.lock().expect("nobody panics with it") += report;
                    None
                }
                Ok(Err(violation)) => Some(violation.to_string()),
                Err(_) => Some("panicked".to_owned()),
            };
            if let Some(wrong) = wrong {
                failed.fetch_add(1, Ordering::Relaxed);
                println!("seed {seed}: {wrong}");
            }
            if (number + 1).is_multiple_of(1000) {
                eprintln!("{} sessions in {:.0} s", number + 1, begun.elapsed().as_secs_f64());
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    let sum = sum.into_inner().expect("nobody panics with it");
    println!(
        "{sessions} sessions, {failed} failed; {:.1} days of virtual time in {:.0} s",
        sum.time.as_secs_f64() / 86_400.0,
        begun.elapsed().as_secs_f64(),
    );
    println!(
        "{} commands, {} rows, {} mishaps, {} losses told, {} log-ons, {} pings",
        sum.commands, sum.rows, sum.mishaps, sum.losses, sum.logons, sum.pings
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
