//! Witness: foreign clients against the simulated host, and our client against a foreign host.
//!
//! Prints a line for each witness and a count at the end. What is missing on the machine (Python, a registry to install
//! from, Go, the captures) is a witness skipped; with `CI=true` it is a failure, except a missing Go.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use wmi_proto::FileTime;
use wmi_sim::repository::{Expected, ExpectedRow, Repository};

use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, Fault, HostConfig, Profile, Server};

use compare::{Selected, compare};
use differences::Differences;
use drivers::{CLIENTS, Client, Job, Level, Logon, Report};
use fold::Stubs;
use peers::{PEERS, Peer};
use tools::{Missing, Toolbox};

#[path = "interop/calls.rs"]
mod calls;
#[path = "interop/compare.rs"]
mod compare;
#[path = "interop/differences.rs"]
mod differences;
#[path = "interop/drivers.rs"]
mod drivers;
#[path = "interop/fold.rs"]
mod fold;
#[path = "interop/foreign_host.rs"]
mod foreign_host;
#[path = "interop/infrasonar.rs"]
mod infrasonar;
#[path = "interop/peers.rs"]
mod peers;
#[path = "interop/tools.rs"]
mod tools;

fn main() -> ExitCode {
    let bench = Bench {
        tools: Toolbox::install(),
        known: Mutex::new(match Differences::read(include_str!("data/interop_differences.tsv")) {
            Ok(known) => known,
            Err(why) => return abort(&format!("tests/data/interop_differences.tsv: {why}")),
        }),
        results: Mutex::default(),
        only: std::env::args().nth(1).filter(|word| !word.starts_with('-')),
    };
    let mut tasks: Vec<Task> = Vec::new();
    // The slow ones first.
    for &(client, levels) in CLIENTS {
        for &level in levels {
            tasks.push(Box::new(move |bench| bench.row_counts(client, level)));
            tasks.push(Box::new(move |bench| bench.all_classes(client, level)));
            tasks.push(Box::new(move |bench| bench.wrong_password(client, level)));
        }
    }
    // At PKT_PRIVACY go-msrpc deciphers and looks at no signature: its verifying is worth something at PKT_INTEGRITY only.
    for (client, level) in
        [(Client::Pyspnego, Level::Integrity), (Client::Pyspnego, Level::Privacy), (Client::GoMsrpc, Level::Integrity)]
    {
        tasks.push(Box::new(move |bench| bench.tampered(client, level)));
    }
    for (client, smart) in
        [(Client::Impacket, false), (Client::Pyspnego, false), (Client::Pyspnego, true), (Client::GoMsrpc, false)]
    {
        tasks.push(Box::new(move |bench| bench.walk(client, smart)));
    }
    for client in [Client::Pyspnego, Client::GoMsrpc] {
        for level in [Level::Integrity, Level::Privacy] {
            tasks.push(Box::new(move |bench| bench.negotiated(client, level)));
        }
    }
    for (client, level) in [
        (Client::Impacket, Level::Integrity),
        (Client::Impacket, Level::Privacy),
        (Client::GoMsrpc, Level::Integrity),
        (Client::GoMsrpc, Level::Privacy),
    ] {
        tasks.push(Box::new(move |bench| bench.pings(client, level)));
    }
    tasks.push(Box::new(|bench| bench.mic_demanded(Client::Pyspnego, Level::Privacy, true)));
    tasks.push(Box::new(|bench| bench.mic_demanded(Client::GoMsrpc, Level::Privacy, true)));
    tasks.push(Box::new(|bench| bench.mic_demanded(Client::Aiowmi, Level::Integrity, false)));
    for scenario in foreign_host::SCENARIOS {
        tasks.push(Box::new(move |bench| {
            bench.witness(&scenario.name(), || {
                captures()?;
                bench.tools.script("host_pyspnego.py").map(|host| scenario.run(host))
            });
        }));
    }
    for level in [Level::Integrity, Level::Privacy] {
        tasks.push(Box::new(move |bench| {
            let name = format!("our client against a pyspnego host: {} objects and methods", level.name());
            bench.witness(&name, || {
                captures()?;
                bench.tools.script("host_pyspnego.py").map(|host| calls::of_a_foreign_host(host, level))
            });
        }));
    }
    for (client, level) in [
        (Client::Impacket, Level::Integrity),
        (Client::Impacket, Level::Privacy),
        (Client::GoMsrpc, Level::Integrity),
        (Client::GoMsrpc, Level::Privacy),
    ] {
        tasks.push(Box::new(move |bench| bench.calls(client, level)));
    }
    tasks.push(Box::new(|bench| {
        bench.witness("InfraSonar's packets, secrets and results of Python", || {
            bench.tools.script("infrasonar.py").map(infrasonar::compare)
        });
    }));
    for peer in PEERS {
        tasks.push(Box::new(move |bench| bench.decodes(peer)));
    }
    tasks
        .push(Box::new(|bench| bench.witness("captured replies decode to their checksums", || Ok(stubs()?.map(drop)))));
    let queue = Mutex::new(tasks.into_iter());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let task = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(task) = task else { return };
                    task(&bench);
                }
            });
        }
    });
    bench.differences_needed();
    bench.report()
}

/// The captured replies, each decoded to its checksum.
fn stubs() -> Result<Result<Vec<Stubs>, String>, Missing> {
    captures()?;
    Ok(fold::SETS.into_iter().map(|name| Stubs::read(name).and_then(|set| set.verify().map(|()| set))).collect())
}

/// Whether the captures are to be read.
fn captures() -> Result<(), Missing> {
    match std::env::var("WMI_CAPTURES") {
        Ok(value) if value == "none" => Err(Missing::Allowed("WMI_CAPTURES=none".to_owned())),
        _ => Ok(()),
    }
}

/// One thing to find out.
type Task = Box<dyn FnOnce(&Bench) + Send>;

/// How a witness ended.
enum Outcome {
    Ok,
    Failed(String),
    /// And whether CI may.
    Skipped(String, bool),
}

/// What all witnesses share.
struct Bench {
    tools: Toolbox,
    known: Mutex<Differences>,
    results: Mutex<BTreeMap<String, Outcome>>,
    /// Part of the names of the witnesses that are wanted; all of them when nothing was said.
    only: Option<String>,
}

impl Bench {
    /// Runs one witness and keeps how it ended. `body` says what is missing, or what was wrong.
    fn witness(&self, name: &str, body: impl FnOnce() -> Result<Result<(), String>, Missing>) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return;
        }
        let start = Instant::now();
        let outcome = match body() {
            Ok(Ok(())) => Outcome::Ok,
            Ok(Err(why)) => Outcome::Failed(why),
            Err(Missing::Allowed(why)) => Outcome::Skipped(why, true),
            Err(Missing::Tool(why)) => Outcome::Skipped(why, false),
        };
        match &outcome {
            Outcome::Ok => println!("witness {name}: ok ({:.1} s)", start.elapsed().as_secs_f32()),
            Outcome::Skipped(why, allowed) if *allowed || !in_ci() => println!("witness {name}: skipped: {why}"),
            Outcome::Failed(why) | Outcome::Skipped(why, _) => println!("witness {name}: FAILED\n    {why}"),
        }
        self.results.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), outcome);
    }

    /// Every class of the machine, through both enumerators: the same rows, the same values.
    fn all_classes(&self, client: Client, level: Level) {
        self.witness(&format!("{} {} every class", client.name(), level.name()), || {
            let command = client.command(&self.tools)?;
            // impacket's decoder, which pyspnego's client has as well, is slow: a host of all classes with few rows, and
            // one enumerator at each level.
            let profile = match client {
                Client::Impacket | Client::Pyspnego => Profile::DomainController,
                _ => Profile::Server2022,
            };
            let server = serve(HostConfig::new(0).profile(profile).rows(100));
            let classes = look(&server.repository(), now()).0.into_iter();
            let smart: &[bool] = match (client, level) {
                (Client::Impacket | Client::Pyspnego, Level::Integrity) => &[false],
                (Client::Impacket | Client::Pyspnego, Level::Privacy) => &[true],
                _ => &[false, true],
            };
            let each = |of: Expected| smart.iter().map(move |&smart| job(&of.namespace, &of.class, smart, 7));
            let jobs: Vec<Job> = classes.filter(|of| !UNREAD.contains(&of.class.as_str())).flat_map(each).collect();
            let result = self.run_and_compare(client, level, &server, command, &jobs);
            // Those two offer header signing.
            if matches!(client, Client::GoMsrpc | Client::Pyspnego) && server.stats().header_signing == 0 {
                return Ok(Err("no connection agreed on header signing".to_owned()));
            }
            // The Python clients give back one of the references that they were given, go-msrpc all.
            Ok(match server.alive_objects() {
                0 => result,
                left if client == Client::GoMsrpc => result.and(Err(format!("{left} objects were not given back"))),
                left => {
                    println!("    {} {}: {left} objects were not given back", client.name(), level.name());
                    result
                }
            })
        });
    }

    /// Objects by path and calls of methods: what our client gets, the foreign one gets from a host in the same state.
    fn calls(&self, client: Client, level: Level) {
        self.witness(&format!("{} {} objects and methods", client.name(), level.name()), || {
            let command = client.command(&self.tools)?;
            let server = serve(HostConfig::new(0));
            let ours = match calls::ours(logon(&server, level)) {
                Ok(ours) => ours,
                Err(why) => return Ok(Err(why)),
            };
            let server = serve(HostConfig::new(0));
            let plan = serde_json::json!({ "client": "WITNESS" });
            let (calls, jobs): (Vec<_>, Vec<_>) = calls::of(client).map(|call| (call.clone(), call.job())).unzip();
            let report = drivers::run_plan(command, logon(&server, level), plan, jobs, PATIENCE);
            if let Some(why) = report.error {
                return Ok(Err(why));
            }
            let told = server.stats().client_info;
            if told != Some(("WITNESS".to_owned(), 4711)) {
                return Ok(Err(format!("it called itself {told:?}")));
            }
            let opened = server.stats().calls_of("IWbemServices::OpenNamespace");
            if opened != calls.iter().filter(|call| call.is_opened()).count() as u64 {
                return Ok(Err(format!("{opened} namespaces opened from the one above")));
            }
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let wrong: Vec<_> = calls
                .iter()
                .zip(&report.answers)
                .flat_map(|(call, answer)| call.compare(client.name(), &ours, answer, &mut known))
                .collect();
            Ok(if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n    ")) })
        });
    }

    /// The captured replies through a foreign decoder: every value of every row is folded into the checksum of ours.
    fn decodes(&self, peer: Peer) {
        self.witness(&format!("{} decodes to the checksums", peer.name()), || {
            let sets = match stubs()? {
                Ok(sets) => sets,
                Err(why) => return Ok(Err(why)),
            };
            let results = peer.decode(&self.tools, Duration::ZERO)?;
            Ok(results.and_then(|results| {
                results.iter().try_for_each(|result| peer.verify(result, &sets))?;
                if results.is_empty() { Err("nothing was decoded".to_owned()) } else { Ok(()) }
            }))
        });
    }

    /// 1, 2, 100 and 10,000 rows, in batches that do not divide them.
    fn row_counts(&self, client: Client, level: Level) {
        self.witness(&format!("{} {} row counts", client.name(), level.name()), || {
            // One row for each round trip or a slow decoder: of 10,000 rows two columns, and each enumerator once.
            let slow = client != Client::GoMsrpc;
            for (rows, batches) in [(1, [3, 1]), (2, [1, 3]), (100, [7, 33]), (10_000, [999, 1999])] {
                let command = client.command(&self.tools)?;
                let server = serve(HostConfig::new(0).rows(rows));
                let many = |smart, batch| job(CIMV2, "Sim_Many", smart, batch);
                let two_columns = |smart, batch| Job { columns: Some(&["Id", "Name"]), ..many(smart, batch) };
                let jobs = match (client, level) {
                    _ if rows <= 100 || !slow => batches.map(|batch| [many(false, batch), many(true, batch)]).concat(),
                    (Client::Aiowmi, _) => vec![two_columns(false, 1), two_columns(true, 1)],
                    (Client::Impacket, Level::Integrity) => vec![two_columns(true, 1999)],
                    (Client::Impacket, Level::Privacy) => vec![two_columns(false, 999)],
                    (_, Level::Privacy) => vec![two_columns(true, 999)],
                    (_, Level::Integrity) => continue,
                };
                if let Err(why) = self.run_and_compare(client, level, &server, command, &jobs) {
                    return Ok(Err(format!("{rows} rows: {why}")));
                }
            }
            Ok(Ok(()))
        });
    }

    /// Next, Skip, Reset and Clone lead where they should, and a forward-only enumerator refuses all but the first.
    fn walk(&self, client: Client, smart: bool) {
        let through = if smart { "smart" } else { "next" };
        self.witness(&format!("{} back and forth through {through}", client.name()), || {
            let command = client.command(&self.tools)?;
            let server = serve(HostConfig::new(0).rows(100));
            let columns = Some::<&[&str]>(&["Id"]);
            let jobs = [Job { walk: true, columns, ..job(CIMV2, "Sim_Many", smart, 1) }];
            let report = drivers::run(command, logon(&server, Level::Privacy), &jobs, PATIENCE);
            if let Some(why) = failure(&report) {
                return Ok(Err(why));
            }
            let ids: Vec<_> = report.answers.iter().flat_map(|a| &a.rows).map(|row| row["Id"].as_u64()).collect();
            let expected = [0, 1, 2, 13, 14, 3, 4, 0, 0].map(Some);
            Ok(if ids == expected { Ok(()) } else { Err(format!("rows {ids:?} in place of {expected:?}")) })
        });
    }

    /// With a wrong password nobody gets in.
    fn wrong_password(&self, client: Client, level: Level) {
        self.witness(&format!("{} {} wrong password", client.name(), level.name()), || {
            let command = client.command(&self.tools)?;
            let server = serve(HostConfig::new(0));
            let logon = Logon { password: "not the password", ..logon(&server, level) };
            let report = drivers::run(command, logon, &[job(CIMV2, "Sim_Thing", false, 1)], PATIENCE);
            let stats = server.stats();
            Ok(if report.error.is_none() || report.answers.iter().any(|answer| !answer.rows.is_empty()) {
                Err("it got in".to_owned())
            } else if stats.failed_logons == 0 || stats.logons > 0 {
                Err(format!("the host counted {} failed log-ons and {} others", stats.failed_logons, stats.logons))
            } else {
                Ok(())
            })
        });
    }

    /// Pings keep what a client holds: the host has the set that it made, and nothing else.
    fn pings(&self, client: Client, level: Level) {
        self.witness(&format!("{} {} pings", client.name(), level.name()), || {
            let command = match client {
                Client::Impacket => self.tools.script("ping_impacket.py")?,
                _ => client.command(&self.tools)?,
            };
            let server = serve(HostConfig::new(0));
            let plan = serde_json::json!({ "pings": true });
            let report = drivers::run_plan(command, logon(&server, level), plan, Vec::new(), PATIENCE);
            if let Some(why) = report.error {
                return Ok(Err(why));
            }
            let (stats, objects) = (server.stats(), server.objects());
            let sets = Vec::from_iter(server.ping_sets().into_values());
            let count = |name| stats.calls_of(name);
            let pings = [count("IObjectExporter::ComplexPing"), count("IObjectExporter::SimplePing")];
            Ok(match objects.len() == 1 && sets == [objects] && pings.iter().all(|pings| *pings > 0) {
                true => Ok(()),
                false => Err(format!("{sets:x?} after {pings:?} pings")),
            })
        });
    }

    /// NTLM inside of SPNEGO: the right password gives all rows, a wrong one nothing.
    fn negotiated(&self, client: Client, level: Level) {
        self.witness(&format!("{} {} by SPNEGO", client.name(), level.name()), || {
            let mut outcome = Ok(());
            for password in [DEFAULT_PASSWORD, "not the password"] {
                let command = client.command(&self.tools)?;
                let server = serve(HostConfig::new(0).rows(20).faults([Fault::DemandMic]));
                let logon = Logon { password, negotiate: true, ..logon(&server, level) };
                let report = drivers::run(command, logon, &[job(CIMV2, "Sim_Many", false, 7)], PATIENCE);
                let rows: usize = report.answers.iter().map(|answer| answer.rows.len()).sum();
                let stats = server.stats();
                outcome = outcome.and(match (failure(&report), password == DEFAULT_PASSWORD) {
                    (None, true) if rows == 20 && stats.negotiated == stats.logons && stats.unverified == 0 => Ok(()),
                    (Some(_), false) if rows == 0 && stats.failed_logons == 1 && stats.logons == 0 => Ok(()),
                    (failure, right) => Err(format!("right password {right}: {rows} rows, {failure:?}, {stats:?}")),
                });
            }
            Ok(outcome)
        });
    }

    /// A client that verifies what it receives finds a wrong signature, and delivers nothing of it.
    fn tampered(&self, client: Client, level: Level) {
        self.witness(&format!("{} {} finds a bad signature", client.name(), level.name()), || {
            for smart in [false, true] {
                let command = client.command(&self.tools)?;
                let server = serve(HostConfig::new(0).rows(20).faults([Fault::BadSignature]));
                let report =
                    drivers::run(command, logon(&server, level), &[job(CIMV2, "Sim_Many", smart, 2)], PATIENCE);
                let rows: usize = report.answers.iter().map(|answer| answer.rows.len()).sum();
                if failure(&report).is_none() {
                    return Ok(Err("it noticed nothing".to_owned()));
                }
                if rows != 4 {
                    return Ok(Err(format!("{rows} rows in place of the 4 that came before")));
                }
            }
            Ok(Ok(()))
        });
    }

    /// A host that demands a MIC lets in the clients that send one.
    fn mic_demanded(&self, client: Client, level: Level, sends: bool) {
        self.witness(&format!("{} {} where a MIC is demanded", client.name(), level.name()), || {
            let command = client.command(&self.tools)?;
            let server = serve(HostConfig::new(0).faults([Fault::DemandMic]));
            let report = drivers::run(command, logon(&server, level), &[job(CIMV2, "Sim_Thing", false, 5)], PATIENCE);
            Ok(match (failure(&report), sends) {
                (None, true) | (Some(_), false) => Ok(()),
                (None, false) => Err("it got in without one".to_owned()),
                (Some(why), true) => Err(why),
            })
        });
    }

    /// Runs a plan and compares every row of every job with the machine.
    fn run_and_compare(
        &self,
        client: Client,
        level: Level,
        server: &Server,
        command: std::process::Command,
        jobs: &[Job],
    ) -> Result<(), String> {
        let begin = now();
        let report = drivers::run(command, logon(server, level), jobs, PATIENCE);
        let course = Course::new(server.repository(), begin, now());
        if let Some(why) = &report.error {
            return Err(why.clone());
        }
        let mut wrong = Vec::new();
        for (job, answer) in jobs.iter().zip(&report.answers) {
            let place = format!("{} through {}: ", job.query(), if job.smart { "smart" } else { "next" });
            wrong.extend(answer.error.iter().map(|error| format!("{place}{error}")));
            let (Some(before), Some(after)) = (course.before.of(job), course.after.of(job)) else {
                return Err(format!("{place}the machine has no such class"));
            };
            if answer.error.is_none() {
                let cells = |row: usize, column: usize| {
                    let rows = course.looks().iter().filter_map(|look| look.of(job));
                    rows.filter_map(|rows| Some(rows.get(row)?.values.get(column)?.1.clone())).collect()
                };
                let expected = Selected { before, after, course: &cells, columns: job.columns };
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let found = compare(client.decoder().name(), &expected, &answer.rows, &mut known);
                wrong.extend(found.into_iter().map(|what| format!("{place}{what}")));
            }
        }
        match wrong.len() {
            0 => Ok(()),
            count => {
                let shown: Vec<String> = wrong.into_iter().take(SHOWN).collect();
                Err(format!("{count} differences:\n    {}", shown.join("\n    ")))
            }
        }
    }

    /// Every entry of the list was needed by some client that ran.
    fn differences_needed(&self) {
        for client in [Client::Aiowmi, Client::Impacket, Client::GoMsrpc] {
            self.witness(&format!("{} list of differences", client.name()), || {
                client.command(&self.tools)?;
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let idle = known.unneeded(client.name());
                if idle.is_empty() {
                    println!("    {}: {} entries", client.name(), known.count(client.name()));
                    return Ok(Ok(()));
                }
                Ok(Err(format!("no longer needed: {}", idle.join("; "))))
            });
        }
    }

    /// Prints the count.
    fn report(self) -> ExitCode {
        let results = self.results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for outcome in results.values() {
            match outcome {
                Outcome::Ok => passed += 1,
                Outcome::Skipped(_, allowed) if *allowed || !in_ci() => skipped += 1,
                Outcome::Failed(_) | Outcome::Skipped(..) => failed += 1,
            }
        }
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The first thing that went wrong, if anything did.
fn failure(report: &Report) -> Option<String> {
    report.error.clone().or_else(|| report.answers.iter().find_map(|answer| answer.error.clone()))
}

/// A host on free ports of 127.0.0.1.
fn serve(config: HostConfig) -> Server {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Server::start(config, any, any).expect("two free ports on 127.0.0.1")
}

/// The right account on `server`.
fn logon(server: &Server, level: Level) -> Logon<'static> {
    const USER: &str = "ACME\\monitor";
    debug_assert_eq!(USER, format!("{DEFAULT_DOMAIN}\\{DEFAULT_USER}"));
    Logon { port: server.activator_addr().port(), user: USER, password: DEFAULT_PASSWORD, level, negotiate: false }
}

/// All rows of a class.
fn job(namespace: &str, class: &str, smart: bool, batch: u32) -> Job {
    Job { namespace: namespace.to_owned(), class: class.to_owned(), columns: None, smart, batch, walk: false }
}

/// What the machine has at some time.
struct Look(Vec<Expected>);

impl Look {
    /// The rows that a job asks for.
    fn of(&self, job: &Job) -> Option<&[ExpectedRow]> {
        let found = self.0.iter().find(|it| it.namespace == job.namespace && it.class == job.class);
        found.map(|it| it.rows.as_slice())
    }
}

/// What the machine had while a client was at work, give or take the difference between two clocks.
struct Course {
    machine: Repository,
    begin: Duration,
    end: Duration,
    before: Look,
    after: Look,
    looks: OnceCell<Vec<Look>>,
}

impl Course {
    fn new(machine: Repository, begin: Duration, end: Duration) -> Self {
        let (begin, end) = (begin.saturating_sub(CLOCKS), end + CLOCKS);
        let [before, after] = [begin, end].map(|at| look(&machine, at));
        Self { machine, begin, end, before, after, looks: OnceCell::new() }
    }

    /// A look for every second, so that no clock goes round between two of them.
    fn looks(&self) -> &[Look] {
        self.looks.get_or_init(|| {
            let times = (0..).map(|seconds| self.begin + Duration::from_secs(seconds));
            let times = times.take_while(|at| *at < self.end).chain([self.end]);
            times.map(|at| look(&self.machine, at)).collect()
        })
    }
}

/// What the machine has at a time since 1970.
fn look(machine: &Repository, at: Duration) -> Look {
    Look(machine.expected(FileTime::from_unix(at)).collect())
}

/// What is not read by every client: a provider that says nothing for a minute would cost a minute each time, and the
/// others have no instances but those that are read through their own classes and through CIM_StatisticalInformation.
const UNREAD: [&str; 4] = ["Sim_Silent", "Win32_Perf", "Win32_PerfRawData", "Win32_PerfFormattedData"];

/// The time since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Whether a skip is a failure.
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Says why nothing was run.
fn abort(why: &str) -> ExitCode {
    println!("witness interop: FAILED\n    {why}\n0 passed, 1 failed, 0 skipped");
    ExitCode::FAILURE
}

/// The namespace of everything but a few classes.
const CIMV2: &str = "root\\cimv2";

/// How many witnesses run at once.
const WORKERS: usize = 2;

/// Differences that are printed for one witness.
const SHOWN: usize = 120000;

/// How far the clock of the host and ours can be apart.
const CLOCKS: Duration = Duration::from_millis(100);

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(300);
