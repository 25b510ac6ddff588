//! Every input that a fuzzer begins with, and every one that it found something with, through the same oracles.
//!
//! `UPDATE_CORPUS=1` writes the seeds anew: they are what the simulated host, the client and the generators say.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use wmi_infrasonar::frame::Frame;
use wmi_infrasonar::local::HEADER;
use wmi_infrasonar::packet::{self, PacketType};
use wmi_proto::Query;
use wmi_proto::wire::Wire;
use wmi_proto::wire::rpc::Pdu;
use wmi_sim::{Fault, HostConfig};
use wmi_testkit::generators::{self, dcom, ntlm, wmi};
use wmi_testkit::hub::entry;
use wmi_testkit::oracles::{
    capture, cim, client, dcom as stubs, infrasonar, ntlm as log_on, path, rpc, session, spnego,
};
use wmi_testkit::{Direction, OBJECT_PORT, Pair, config};

type Oracle = fn(&[u8]);

/// The targets, and what each calls.
const TARGETS: [(&str, Oracle); 16] = [
    ("agentcore_octets", infrasonar::agentcore_octets),
    ("capture", capture::file),
    ("capture_frames", capture::frames),
    ("cim_object", cim::cim_object),
    ("client_octets", client::client_octets),
    ("client_prefix", |data| {
        session::client_prefix(data);
    }),
    ("client_sealed", |data| {
        session::client_sealed(data);
    }),
    ("data_packet", |data| stubs::data_packet(&Bytes::copy_from_slice(data))),
    ("local_config", infrasonar::local_config),
    ("ntlm_messages", log_on::every_role),
    ("object_path", path::object_path),
    ("objref_activation", |data| stubs::objref_activation(&Bytes::copy_from_slice(data))),
    ("rpc_pdu", rpc::pdu),
    ("session_ops", session::session_ops),
    ("spnego_tokens", spnego::every_role),
    ("stub", |data| stubs::stub(&Bytes::copy_from_slice(data))),
];

/// No input may take longer, in a debug build on a busy machine.
const SLOW: Duration = Duration::from_secs(20);
/// The largest seed, in octets.
const LARGEST: usize = 4096;

/// One path of every form.
const PATHS: [&str; 8] = [
    r#"\\SERVER\root\cimv2:Win32_Service.Name="spooler""#,
    r#"//./root/cimv2:Win32_Account.Domain="A,\"B\"",Name='it\'s'"#,
    r#"Link.From="\\\\.\\root:A.B=\"x\"",To="y""#,
    "A.B=5,C=-0x1F,D=18446744073709551615,E=TRUE,F=-1.5",
    "Win32_Service = 'spooler'",
    "__SystemSecurity=@",
    r"root\cimv2",
    "root:",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn corpus(target: &str) -> PathBuf {
    root().join("tests/data/corpus").join(target)
}

#[test]
fn every_input_of_the_corpus_passes_its_oracle() {
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        write_seeds();
    }
    for (target, oracle) in TARGETS {
        let mut files: Vec<PathBuf> = fs::read_dir(corpus(target))
            .unwrap_or_else(|e| panic!("the corpus of {target}: {e}"))
            .map(|entry| entry.expect("the entry is readable").path())
            .collect();
        files.sort();
        assert!(files.len() >= 3, "{target} has {} inputs", files.len());
        for file in files {
            let data = fs::read(&file).expect("the input is readable");
            let start = Instant::now();
            // The name of the input comes out only when the test fails.
            println!("{}", file.display());
            oracle(&data);
            assert!(start.elapsed() < SLOW, "{} took {:?}", file.display(), start.elapsed());
        }
    }
}

#[test]
fn every_fuzz_target_has_its_line() {
    let mut found: Vec<String> = fs::read_dir(root().join("fuzz/fuzz_targets"))
        .expect("the targets are readable")
        .map(|entry| entry.expect("the entry is readable").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, TARGETS.map(|(name, _)| name));
}

#[test]
fn what_is_not_changed_reaches_every_phase_and_all_rows_come() {
    let (pdus, stubs) = (session::unchanged_pdus(), session::unchanged_stubs());
    assert!(pdus.len() >= 40 && stubs.len() >= 30, "{} PDUs, {} stubs", pdus.len(), stubs.len());
    assert!(pdus.iter().all(|data| session::client_prefix(data) == 5));
    assert!(stubs.iter().all(|data| session::client_sealed(data) == 5));
}

#[test]
fn what_is_changed_costs_rows() {
    // The control of the one above: nothing, in place of the last PDU before the first row.
    assert!(session::unchanged_pdus().iter().any(|data| session::client_prefix(&data[..1]) == 0));
    assert!(session::unchanged_stubs().iter().any(|data| session::client_sealed(&data[..1]) == 0));
}

/// Every packet of agentcore, one after the other and all at once.
fn from_agentcore() -> Vec<Vec<u8>> {
    let entries = [entry(7, 1, "memory", "192.0.2.1"), entry(7, 2, "system", "srv")];
    let mut packets = vec![
        packet::assets(PacketType::SetAssets, 0, &entries).encode(),
        packet::upsert_asset(7, &entries).encode(),
        packet::unset_assets(&[7, 70_000]).encode(),
        packet::request(PacketType::Info, 9).encode(),
        Frame::new(PacketType::Refused, 1, &"no".into()).encode(),
    ];
    packets.push(packets.concat());
    packets
}

/// Secrets in every form.
const LOCAL: &str = r#"
wmi:   # a comment
  config: {username: 'ACME\monitor', password: 'it''s'}
  assets:
  - id: [7, 8]
    config: &c
      username: x@y
      password: "a\tb"
  - {id: 9, config: *c}
other:
  config:
    password: 007
    secret: |
      x
"#;

fn write_seeds() {
    let pdus = conversation();
    write("rpc_pdu", pdus.iter().map(|(_, pdu)| pdu.clone()));
    write("client_octets", [client_octets(&pdus, 255), client_octets(&pdus, 64), Vec::new(), vec![3, 5, 0, 2]]);
    let tokens = pdus.iter().filter_map(|(_, pdu)| Pdu::decode(Bytes::copy_from_slice(pdu)).ok()?.auth);
    let tokens = tokens.filter(|auth| auth.value.starts_with(b"NTLMSSP")).map(|auth| auth.value.to_vec());
    let mut made = generated(&ntlm::ntlmv2_response(), 3);
    made.extend(generated(&ntlm::challenge(), 3));
    write("ntlm_messages", tokens.chain(made));
    let negotiated = spnego::tokens().into_iter().map(|token| token.to_vec());
    write("spnego_tokens", negotiated.chain(generated(&generators::spnego::token(), 6)));
    let responses = session::unchanged_stubs();
    write("client_prefix", session::unchanged_pdus());
    write("client_sealed", responses.clone());
    let mut messages: Vec<_> = responses.iter().map(|data| data[1..].to_vec()).collect();
    for request in [generated(&wmi::exec_query_request(), 2), generated(&wmi::ntlm_login_request(), 2)] {
        messages.extend(request);
    }
    messages.extend(generated(&dcom::activation_request().prop_map(|request| request.to_request()), 2));
    messages.extend(generated(&dcom::query_interface_request(), 2));
    messages.extend(generated(&dcom::resolve_oxid2_response(), 2));
    write("stub", messages);
    write("capture", capture_files());
    write("capture_frames", capture::damages());
    write("agentcore_octets", from_agentcore());
    let short = "wmi: {use: other}\nother: {config: {password: x}, secret: 007}\n";
    write("local_config", [HEADER, LOCAL, short].map(|text| text.as_bytes().to_vec()));
    let mut paths: Vec<Vec<u8>> = PATHS.map(|path| path.as_bytes().to_vec()).to_vec();
    let made = generators::path::object_path(2);
    let mut random = runner();
    paths.extend((0..6).map(|_| made.new_tree(&mut random).expect("a path").current().to_string().into_bytes()));
    write("object_path", paths);
    let mut objrefs = generated(&dcom::objref(), 8);
    objrefs.extend(generated(&dcom::dual_string_array(), 3));
    objrefs.extend(generated(&dcom::context(), 3));
    let request = dcom::activation_request().prop_map(|request| request.to_request().properties);
    objrefs.extend(generated(&request, 3));
    let reply = dcom::activation_response().prop_filter_map("an answer", |response| response.properties);
    objrefs.extend(generated(&reply, 3));
    objrefs.push(responses[0][1..].to_vec());
    write("objref_activation", objrefs);
    write("data_packet", generated(&wmi::data_packet(), 8));
    let mut runner = runner();
    let objects = std::iter::repeat_with(|| {
        let object = generators::cim::object(1).new_tree(&mut runner).expect("an object").current();
        [object.encode_unit().to_vec(), object.encode_block().to_vec()]
    });
    write("cim_object", objects.flatten().filter(|data| data.len() <= 1500).take(16));
    let faults = u8::try_from(Fault::ALL.len()).expect("few faults");
    let runs: [&[u8]; 8] = [
        &[255, 0, 3, 0, 0, 1, 0x70, 7, 7, 7, 7, 1, 0x70, 7, 7],
        &[255, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 4, 40, 3, 0, 4, 200, 1, 1, 7, 7],
        &[255, 2, 9, 0, 0, 4, 9, 3, 0, 0, 0, 1, 1, 5, 255, 6, 0, 1, 1],
        &[0, 0, 250, 0, 0, 1, 0x10, 4, 100, 5, 3, 6, 0, 0, 0],
        &[faults - 1, 1, 5, 0, 0, 1, 0x20, 4, 99, 1, 0x20, 7, 5, 5, 200],
        &[faults / 2, 2, 5, 0, 0, 0, 0, 1, 0x20, 4, 50, 1, 0x21, 7, 5, 5, 200],
        &[255, 2, 3, 8, 0, 9, 0x10, 11, 0x40, 12, 0, 10, 0, 7, 7, 9, 0x20, 9, 0x71, 7, 7, 7, 7, 9, 0, 9, 0x70, 7, 7],
        &[255, 1, 9, 8, 0, 12, 0, 12, 1, 9, 2, 4, 40, 3, 0, 11, 0xe1, 10, 1, 7, 7, 12, 1, 3, 1, 5, 5, 6, 0],
    ];
    write("session_ops", runs.map(<[u8]>::to_vec));
}

/// The starts of captured sessions in each of the formats: as they are, in the other byte order, and as pcapng.
fn capture_files() -> Vec<Vec<u8>> {
    let frames = |file: &[u8]| {
        let mut rest = &file[24..];
        let mut frames = Vec::new();
        while let Some(length) = rest.get(8..12) {
            let length = u32::from_le_bytes(length.try_into().expect("four octets")) as usize;
            frames.push(rest[16..16 + length].to_vec());
            rest = &rest[16 + length..];
        }
        frames
    };
    let mut files = capture::files(LARGEST);
    let first = frames(&capture::files(2400)[0]);
    let field = |file: &mut Vec<u8>, fields: &[u32]| fields.iter().for_each(|f| file.extend(f.to_be_bytes()));
    let (mut swapped, mut blocks) = (Vec::new(), Vec::new());
    field(&mut swapped, &[0xa1b2_3c4d, 0x0002_0004, 0, 0, 262_144, 1]);
    // A section, and an interface of raw IP.
    field(&mut blocks, &[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0x0001_0000, u32::MAX, u32::MAX, 28]);
    field(&mut blocks, &[1, 20, 101 << 16, 0, 20]);
    for frame in &first {
        let length = u32::try_from(frame.len()).expect("a short frame");
        field(&mut swapped, &[1, 0, length + 14, length + 14]);
        swapped.extend([0; 12]);
        swapped.extend([8, 0]);
        swapped.extend(frame);
        let padded = length.next_multiple_of(4);
        field(&mut blocks, &[6, padded + 32, 0, 0, 0, length, length]);
        blocks.extend(frame);
        blocks.resize(blocks.len() + (padded - length) as usize, 0);
        field(&mut blocks, &[padded + 32]);
    }
    files.extend([swapped, blocks, files[0][..1000].to_vec(), b"no capture".to_vec(), Vec::new()]);
    files
}

/// Replaces the seeds of `target`; what a fuzzer found is called otherwise and stays.
fn write(target: &str, inputs: impl IntoIterator<Item = Vec<u8>>) {
    let folder = corpus(target);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for entry in fs::read_dir(&folder).expect("the corpus is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("seed-")) {
            fs::remove_file(path).expect("the old seed goes");
        }
    }
    let mut written: Vec<Vec<u8>> = Vec::new();
    for data in inputs {
        if data.len() <= LARGEST && !written.contains(&data) {
            fs::write(folder.join(format!("seed-{:02}", written.len())), &data).expect("the seed is written");
            written.push(data);
        }
    }
}

/// The PDUs of an ordinary session, both ways.
fn conversation() -> Vec<(Direction, Vec<u8>)> {
    let mut pair = Pair::new(config(), HostConfig::new(OBJECT_PORT).rows(2));
    let pdus = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&pdus);
    pair.tap = Some(Box::new(move |direction, _, data| {
        let mut rest: BytesMut = data.clone();
        while rest.len() >= 16 {
            let length = usize::from(u16::from_le_bytes([rest[8], rest[9]]));
            heard.borrow_mut().push((direction, rest.split_to(length.clamp(16, rest.len())).to_vec()));
        }
    }));
    let outcome = pair.run(Query::new("SELECT * FROM Sim_Many"), 2);
    assert!(outcome.end.is_ok());
    let _ = pair.finish_session();
    pdus.take()
}

/// What the host says in a conversation, cut as the oracle reads it.
fn client_octets(pdus: &[(Direction, Vec<u8>)], size: u8) -> Vec<u8> {
    let said = pdus.iter().filter(|(direction, _)| *direction == Direction::ToClient).take(2);
    let said: Vec<u8> = said.flat_map(|(_, pdu)| pdu.iter().copied()).collect();
    let cut = |piece: &[u8]| {
        let length = u8::try_from(piece.len()).expect("a short piece");
        [&[length], piece].concat()
    };
    said.chunks(usize::from(size)).flat_map(cut).collect()
}

fn runner() -> TestRunner {
    TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() })
}

fn generated<S: Strategy<Value: Wire>>(strategy: &S, count: usize) -> Vec<Vec<u8>> {
    let mut runner = runner();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a value").current().to_bytes().to_vec()).collect()
}
