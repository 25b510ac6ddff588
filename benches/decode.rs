//! How fast rows are decoded, beside foreign decoders over the same octets in the same run.
//!
//! Everybody folds every value of every row into one checksum, which `rows.json` foretells; a wrong one fails the bench,
//! and so does a rate below fifty times aiowmi's for replies of a hundred rows. The replies of one row, two of a class,
//! tell what a class costs. All rates are rows per second of CPU time, because the machine may be shared.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};

use fold::Stubs;
use peers::{PEERS, Peer};
use tools::{Missing, Toolbox};

#[path = "../tests/interop/fold.rs"]
mod fold;
#[path = "../tests/interop/peers.rs"]
mod peers;
#[path = "../tests/interop/tools.rs"]
mod tools;

/// How many times aiowmi's rate ours is at least, for this set.
const TIMES_AIOWMI: (&str, f64) = ("smart_100", 50.0);

/// For how long a decoder runs before it is watched.
const WARM_UP: Duration = Duration::from_secs(1);

/// For how long a decoder is watched, for each set.
const PATIENCE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("decode: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let sets = fold::SETS.map(Stubs::read).into_iter().collect::<Result<Vec<_>, _>>()?;
    if !std::env::args().any(|argument| argument == "--bench") {
        // As a test: nothing is measured.
        return sets.iter().try_for_each(Stubs::verify);
    }
    let mut criterion = Criterion::default().warm_up_time(WARM_UP).measurement_time(PATIENCE).configure_from_args();
    let ours: Vec<f64> = sets.iter().map(|set| measure(&mut criterion, set)).collect::<Result<_, _>>()?;
    criterion.final_summary();

    let tools = Toolbox::install();
    println!("rows per second of CPU time\n{:10} {:>11}", "stubs", "this");
    for (set, rate) in sets.iter().zip(&ours) {
        println!("{:10} {rate:11.0}", set.name);
    }
    let mut slow = None;
    for peer in PEERS {
        let results = match peer.decode(&tools, PATIENCE) {
            Ok(results) => results?,
            Err(Missing::Tool(why) | Missing::Allowed(why)) => {
                println!("{}: not measured: {why}", peer.name());
                continue;
            }
        };
        for result in results {
            peer.verify(&result, &sets)?;
            let at = sets.iter().position(|set| set.name == result.stubs).unwrap_or_default();
            let times = ours[at] / result.rows_per_second;
            println!("{:10} {:11.0} {times:8.1} times {}", result.stubs, result.rows_per_second, peer.name());
            let (set, least) = TIMES_AIOWMI;
            if peer == Peer::Aiowmi && result.stubs == set && times < least {
                slow = Some(format!("{set}: {times:.1} times aiowmi's rate, not {least}"));
            }
        }
    }
    slow.map_or(Ok(()), Err)
}

/// Decodes a set under criterion, and gives the rate over all of its samples.
fn measure(criterion: &mut Criterion, set: &Stubs) -> Result<f64, String> {
    set.verify()?;
    let (mut passes, mut time) = (0, Duration::ZERO);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(set.rows as u64));
    group.bench_function(set.name, |bencher| {
        bencher.iter_custom(|iterations| {
            let begun = cpu();
            for _ in 0..iterations {
                assert_eq!(black_box(set).decode(), Ok(set.exact));
            }
            let taken = cpu().saturating_sub(begun);
            (passes, time) = (passes + iterations, time + taken);
            taken
        });
    });
    group.finish();
    Ok((passes * set.rows as u64) as f64 / time.as_secs_f64())
}

/// The CPU time that this process has had.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
