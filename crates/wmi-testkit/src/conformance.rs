//! What every runtime around the core must do, as one list of cases over real loopback sockets.
//!
//! A runtime joins by implementing [`Runtime`] in a test target and writing `wmi_testkit::conformance_tests!(Mine);`.

mod relay;
mod script;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant as StdInstant};

use wmi_proto::cim::CimValue;
use wmi_proto::{
    Client, Config, Credentials, Error, ErrorKind, Event, Instant, Query, Role, Secret, Stage, TransportFailure,
    WbemContext,
};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, Fault, HostConfig, Server};

use relay::Relay;
use script::{Ask, Script, Transcript};

/// A runtime under test.
pub trait Runtime {
    /// Makes a client for `config` and drives it until `Event::Closed` was delivered. `application` is called once
    /// before the first event and then with each, and may give any commands.
    fn run(config: Config, application: impl FnMut(&mut Client, Option<Event>, Instant) + Send + 'static);
}

/// Makes one test of each case for the runtime `$runtime`.
#[macro_export]
macro_rules! conformance_tests {
    ($runtime:ty) => {
        $crate::conformance_tests! { $runtime;
            all_rows_arrive
            answers_cut_into_single_octets
            several_queries_at_once
            a_name_with_several_addresses
            an_ipv6_address_without_brackets
            ipv6_addresses_with_a_scope
            refused_activator
            refused_object_server
            a_name_that_does_not_resolve
            silence_at_every_stage
            a_peer_that_never_reads
            reset_at_the_bind
            reset_in_mid_reply
            cut_in_mid_reply
            eight_mebibytes
            a_request_larger_than_socket_buffers
            cancelled_query
            closed_while_connecting
        }
    };
    ($runtime:ty; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::$case::<$runtime>();
            }
        )*
    };
}

/// A query brings all rows, and a clean close leaves no object and no connection behind.
pub fn all_rows_arrive<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(100));
    let said = run::<R>(config(&server), Script::new([[Ask::all(MANY)]]));
    said.assert_rows(&[100]);
    assert_eq!(said.ended, Ok(()));
    eventually("every object is released", || server.alive_objects() == 0);
}

/// The host writes one octet per segment, the port of the object server among them.
pub fn answers_cut_into_single_octets<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(20).faults([Fault::WriteOneOctet]));
    run::<R>(config(&server), Script::new([[Ask::all(MANY)]])).assert_rows(&[20]);
}

/// Queries of one session run side by side, and one after another.
pub fn several_queries_at_once<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(30));
    let ask = || Ask::all(MANY);
    let said = run::<R>(config(&server), Script::new([vec![ask(), ask(), ask()], vec![ask()]]));
    said.assert_rows(&[30, 30, 30, 30]);
}

/// `localhost` has an IPv6 address on most machines and the host listens at the IPv4 one only: the refusal of one
/// address is not the end.
pub fn a_name_with_several_addresses<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(1));
    let mut config = config(&server);
    config.host = "localhost".to_owned();
    run::<R>(config, Script::new([[Ask::all(MANY)]])).assert_rows(&[1]);
}

/// An IPv6 address comes as it is; where the machine has no IPv6 there is nothing to test.
pub fn an_ipv6_address_without_brackets<R: Runtime>() {
    let any = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let Ok(server) = Server::start(HostConfig::new(0).rows(1), any, any) else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    let mut config = config(&server);
    config.host = "::1".to_owned();
    run::<R>(config, Script::new([[Ask::all(MANY)]])).assert_rows(&[1]);
}

/// An interface by number or by name: of the loopback, and of a link-local address where there is one.
pub fn ipv6_addresses_with_a_scope<R: Runtime>() {
    let hosts = scoped_addresses();
    if hosts.is_empty() {
        println!("skipped: this machine does not tell its IPv6 addresses");
    }
    for host in hosts {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let server = Server::start(HostConfig::new(0).rows(1), any, any).expect("the host starts");
        let config = config_of(&host, server.activator_addr().port());
        println!("{host}");
        run::<R>(config, Script::new([[Ask::all(MANY)]])).assert_rows(&[1]);
    }
}

/// `::1%1`, `fe80::1%2` and `fe80::1%eth0`, as Linux tells the interfaces. The loopback takes its number only.
fn scoped_addresses() -> Vec<String> {
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let mut hosts = Vec::new();
    for line in table.lines() {
        let mut columns = line.split_whitespace();
        let (Some(address), Some(index)) = (columns.next(), columns.next()) else { continue };
        let (Ok(bits), Ok(index)) = (u128::from_str_radix(address, 16), u32::from_str_radix(index, 16)) else {
            continue;
        };
        let address = Ipv6Addr::from_bits(bits);
        let link_local = address.is_unicast_link_local();
        if link_local || address.is_loopback() {
            hosts.push(format!("{address}%{index}"));
        }
        if let (true, Some(name)) = (link_local, columns.last()) {
            hosts.push(format!("{address}%{name}"));
        }
    }
    hosts
}

/// Nobody listens at the activator's port.
pub fn refused_activator<R: Runtime>() {
    let said = run::<R>(config_of("127.0.0.1", unused_port()), Script::new([[Ask::all(MANY)]]));
    assert_refused(&said, Role::Activator);
}

/// Nobody listens at the port that activation told.
pub fn refused_object_server<R: Runtime>() {
    let server = start(HostConfig::new(unused_port()));
    let said = run::<R>(config(&server), Script::new([[Ask::all(MANY)]]));
    assert_refused(&said, Role::ObjectServer);
}

fn assert_refused(said: &Transcript, role: Role) {
    let refused = ErrorKind::Transport(TransportFailure::Refused);
    for error in [said.only_error(), said.ended.as_ref().expect_err("nobody listens")] {
        assert_eq!(what(error), (&Stage::Connect(role), &refused));
    }
}

const fn what(error: &Error) -> (&Stage, &ErrorKind) {
    (&error.stage, &error.kind)
}

/// RFC 6761 promises that the name does not exist. A name server that cannot be reached stays silent instead: then the
/// deadline ends it, whatever the system's resolver waits for.
pub fn a_name_that_does_not_resolve<R: Runtime>() {
    let query = Query::new(MANY).timeout(Duration::from_secs(2));
    let begin = StdInstant::now();
    let said = run::<R>(config_of("no-such-host.invalid", 135), Script::new([[Ask::of(query)]]));
    let error = said.only_error();
    assert_eq!(error.stage, Stage::Connect(Role::Activator));
    let unresolved = ErrorKind::Transport(TransportFailure::NameResolution);
    assert!(error.kind == unresolved || error.kind == ErrorKind::TimedOut, "{error}");
    assert!(begin.elapsed() < Duration::from_secs(10), "took {:?}", begin.elapsed());
}

/// A peer that says nothing costs the query's deadline and not more, at whatever stage.
pub fn silence_at_every_stage<R: Runtime>() {
    let stages = [
        (Fault::SilenceAtBind, Stage::Bind(Role::Activator)),
        (Fault::SilenceAtActivate, Stage::Activate),
        (Fault::SilenceAtObjectBind, Stage::Bind(Role::ObjectServer)),
        (Fault::SilenceAtLogin, Stage::Login { namespace: "root/cimv2".to_owned() }),
        (Fault::SilenceAtQuery, Stage::Query),
        (Fault::SilenceAtNext, Stage::Fetch),
    ];
    thread::scope(|scope| {
        for (fault, stage) in stages {
            scope.spawn(move || {
                let server = start(HostConfig::new(0).rows(1000).faults([fault]));
                // Long enough for a slow machine to reach the stage.
                let query = Query::new(MANY).timeout(Duration::from_secs(2));
                let begin = StdInstant::now();
                let said = run::<R>(config(&server), Script::new([[Ask::of(query)]]));
                assert_eq!(what(said.only_error()), (&stage, &ErrorKind::TimedOut), "{fault}");
                assert!(begin.elapsed() < Duration::from_secs(10), "{fault}: took {:?}", begin.elapsed());
            });
        }
    });
}

/// A peer that stops reading while much is to be sent: writing blocks, the deadline holds, and the goodbye that cannot
/// be sent is given up after [`Config::linger`].
pub fn a_peer_that_never_reads<R: Runtime>() {
    let relay = Relay::bind();
    let server = start(HostConfig::new(relay.port()));
    let relay = relay.forward(server.object_addr(), 64 * 1024);
    let query = || Ask::of(large_query().timeout(Duration::from_secs(3)));
    let begin = StdInstant::now();
    let said = run::<R>(config(&server), Script::new([[(); 8].map(|()| query())]));
    assert!(relay.is_stalled(), "the peer was still reading");
    assert_eq!(said.queries.len(), 8);
    for query in &said.queries {
        assert_eq!(query.outcome.as_ref().unwrap().as_ref().unwrap_err().kind, ErrorKind::TimedOut);
    }
    assert!(begin.elapsed() < Duration::from_secs(15), "took {:?}", begin.elapsed());
}

/// A reset before anything else was said.
pub fn reset_at_the_bind<R: Runtime>() {
    let server = start(HostConfig::new(0).faults([Fault::ResetAtBind]));
    let begin = StdInstant::now();
    let said = run::<R>(config(&server), Script::new([[Ask::all(MANY)]]));
    let error = said.only_error();
    assert_eq!(error.stage, Stage::Bind(Role::Activator));
    assert_lost(error);
    assert_at_once(begin);
}

/// A reset in the middle of a reply: the rows before it stay.
pub fn reset_in_mid_reply<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(10_000).faults([Fault::ResetMidReply]));
    let begin = StdInstant::now();
    let said = run::<R>(config(&server), Script::new([[Ask::all(MANY)]]));
    let error = said.only_error();
    assert_eq!(error.stage, Stage::Fetch);
    assert_lost(error);
    assert!((1..10_000).contains(&said.queries[0].rows), "{} rows", said.queries[0].rows);
    assert_lost(&said.lost[0]);
    assert_eq!((said.lost.len(), said.ended), (1, Ok(())), "and closes well without its host");
    assert_at_once(begin);
}

/// An end of stream in the middle of a reply: the rows before it stay.
pub fn cut_in_mid_reply<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(10_000).faults([Fault::CutMidReply]));
    let begin = StdInstant::now();
    let said = run::<R>(config(&server), Script::new([[Ask::all(MANY)]]));
    assert_eq!(what(said.only_error()), (&Stage::Fetch, &ErrorKind::Disconnected));
    assert!((1..10_000).contains(&said.queries[0].rows), "{} rows", said.queries[0].rows);
    assert_at_once(begin);
}

/// A result that no buffer on the way holds as a whole.
pub fn eight_mebibytes<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(LARGE_RESULT));
    let said = run::<R>(config(&server), Script::new([[Ask::all(MANY)]]));
    said.assert_rows(&[LARGE_RESULT.into()]);
    assert!(said.octets_in >= 8 << 20, "only {} octets", said.octets_in);
    eventually("every object is released", || server.alive_objects() == 0);
}

/// Requests that a socket takes in several parts: the host reads and verifies them to their end.
pub fn a_request_larger_than_socket_buffers<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(10));
    let query = || Ask::of(large_query());
    let said = run::<R>(config(&server), Script::new([vec![query(), query(), query()], vec![Ask::all(MANY)]]));
    said.assert_rows(&[10; 4]);
    assert_eq!(server.stats().unverified, 0);
}

/// A cancelled query ends at once; its late answer is dropped and the session goes on.
pub fn cancelled_query<R: Runtime>() {
    let server = start(HostConfig::new(0).rows(5_000));
    let cancelled = Ask::all(MANY).cancelled_while_fetching();
    let said = run::<R>(config(&server), Script::new([[cancelled], [Ask::all("SELECT * FROM Win32_OperatingSystem")]]));
    let [first, second] = said.queries.as_slice() else { panic!("{said:?}") };
    assert_eq!(first.outcome.as_ref().unwrap().as_ref().unwrap_err().kind, ErrorKind::Cancelled);
    assert!((1..5_000).contains(&first.rows), "{} rows", first.rows);
    assert_eq!((second.rows, second.outcome.as_ref().unwrap().is_ok()), (1, true), "{second:?}");
    assert_eq!(said.ended, Ok(()));
    eventually("every object is released", || server.alive_objects() == 0);
}

/// Closing before the connection stands.
pub fn closed_while_connecting<R: Runtime>() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback listener");
    let port = silent.local_addr().expect("its address").port();
    let begin = StdInstant::now();
    let said = run::<R>(config_of("127.0.0.1", port), Script::new(Vec::<Vec<Ask>>::new()));
    assert_eq!(said.ended, Ok(()));
    assert!(begin.elapsed() < Duration::from_secs(5), "took {:?}", begin.elapsed());
}

/// Runs `script` on `R`; a session that does not end is a failure, not a hang.
fn run<R: Runtime>(config: Config, script: Script) -> Transcript {
    let (said, transcript) = channel();
    let mut application = script.into_application(said);
    let runtime = thread::spawn(move || R::run(config, move |client, event, now| application(client, event, now)));
    let transcript = transcript.recv_timeout(Duration::from_secs(60)).expect("the session comes to its end");
    runtime.join().expect("the runtime returns");
    transcript
}

/// A simulated host on loopback, at ports of the system's choice.
///
/// # Panics
/// The machine has no loopback listeners to give.
#[must_use]
pub fn start(config: HostConfig) -> Server {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Server::start(config, any, any).expect("loopback listeners")
}

/// A session with `server` under the account that it knows, with a short goodbye.
#[must_use]
pub fn config(server: &Server) -> Config {
    config_of("127.0.0.1", server.activator_addr().port())
}

fn config_of(host: &str, port: u16) -> Config {
    let account = format!("{DEFAULT_DOMAIN}\\{DEFAULT_USER}");
    let mut config = Config::new(host, Credentials::new(&account, Secret::from(DEFAULT_PASSWORD)));
    config.port = port;
    config.linger = Duration::from_millis(500);
    config
}

/// A port at which nobody listens: it was bound a moment ago, and the system hands out others first.
fn unused_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback listener");
    listener.local_addr().expect("its address").port()
}

/// What a reset looks like. A system may report it as the end of the stream when a write found it first.
fn assert_lost(error: &Error) {
    let reset = ErrorKind::Transport(TransportFailure::Reset);
    assert!(error.kind == reset || error.kind == ErrorKind::Disconnected, "{error}");
}

/// A connection that is lost ends what runs over it, long before any deadline would.
#[track_caller]
fn assert_at_once(begin: StdInstant) {
    assert!(begin.elapsed() < Duration::from_secs(20), "took {:?}", begin.elapsed());
}

/// The host learns of a close a moment after the client.
fn eventually(what: &str, happened: impl Fn() -> bool) {
    let deadline = StdInstant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(StdInstant::now() < deadline, "not after 10 s: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A query with a context that no socket takes in one part; a text as long would not be sent.
fn large_query() -> Query {
    let ballast = CimValue::String("x".repeat(450 << 10).into());
    Query::new(MANY).context(WbemContext::new().with("Ballast", ballast))
}

/// A query with as many rows as the host was told to have.
const MANY: &str = "SELECT * FROM Sim_Many";

/// Rows of `MANY` that take over 8 MiB on the wire.
const LARGE_RESULT: u32 = 40_000;
