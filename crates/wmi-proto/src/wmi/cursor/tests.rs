//! The ends that a cursor comes to.

use bytes::Bytes;

use super::*;
use crate::entropy::SeededEntropy;
use crate::limits::Limits;
use crate::wire::cim::{CimObject, CimType, ClassBuilder, PropertyBuilder};
use crate::wire::dcom::{ComVersion, OrpcThat, OrpcThis};
use crate::wire::wmi::enumerator::NextResponse;
use crate::wire::wmi::smart_enum::SmartNextResponse;
use crate::wire::wmi::{DataPacket, DataPacketObject};
use crate::wire::{Wire, Writer};

/// A cursor that may fetch, of which somebody wants `max` objects.
fn open(max: NonZeroU32) -> Cursor {
    let plan = Plan {
        wql: String::new(),
        flags: 0x30,
        context: None,
        way: Way::Next,
        prefetch: false,
        batch: None,
        limits: Limits { max_batch: 100, max_classes: 3, ..Limits::default() },
        deadline: Instant::from_micros(u64::MAX),
    };
    let mut cursor = Cursor { state: State::Open(Source::Next(Guid::default())), ..Cursor::new(plan) };
    cursor.wish(Wish::Fetch(max)).expect("it is the first");
    cursor
}

fn next_answer(objects: Vec<MInterfacePointer>, status: HResult) -> Reader {
    let mut w = Writer::new();
    OrpcThat::default().encode(&mut w);
    NextResponse::new(1, objects, status).encode(&mut w);
    Reader::new(w.finish())
}

/// Answers a fetch with `status` and no objects, `wait` after it was asked for, up to 2000 times.
fn idle(status: HResult, wait: Duration) -> (u32, Option<Failure>) {
    let mut cursor = open(NonZeroU32::MIN);
    let (stub, this) = (next_answer(Vec::new(), status), OrpcThis::new(ComVersion::V5_7, Guid::default()));
    let (mut now, mut entropy, mut effects) = (Instant::default(), SeededEntropy::new(0), Vec::new());
    for n in 0..2000 {
        let mut cx = Context { now, this: &this, entropy: &mut entropy, effects: &mut effects };
        cursor.pull(&mut cx);
        cx.now = now.saturating_add(wait);
        now = cx.now;
        cursor.answer(stub.clone(), &mut cx);
        if let Some(Effect::Done(outcome)) = effects.pop() {
            return (n, outcome.err());
        }
        effects.clear();
    }
    (2000, None)
}

#[test]
fn a_host_that_does_not_wait_is_not_asked_until_the_deadline_and_one_that_waits_is() {
    let misbehaved = |(n, failure)| matches!(failure, Some(Failure::Misbehaved(_))).then_some(n);
    let at_once = Duration::from_micros(100);
    assert_eq!(misbehaved(idle(HResult::S_OK, at_once)), Some(MAX_IDLE_ANSWERS));
    assert_eq!(misbehaved(idle(HResult(0x0004_0010), SLICE)), Some(MAX_IDLE_ANSWERS));
    assert_eq!(misbehaved(idle(HResult::WBEM_S_TIMEDOUT, at_once)), Some(MAX_HASTY_ANSWERS));
    assert_eq!(idle(HResult::WBEM_S_TIMEDOUT, SLICE), (2000, None));
}

#[test]
fn objects_that_come_with_an_error_are_delivered_before_it() {
    let mut cursor = open(NonZeroU32::MIN);
    let this = OrpcThis::new(ComVersion::V5_7, Guid::default());
    let (mut entropy, mut effects) = (SeededEntropy::new(0), Vec::new());
    let mut cx = Context { now: Instant::default(), this: &this, entropy: &mut entropy, effects: &mut effects };
    cursor.pull(&mut cx);
    cx.effects.clear();
    let failed = HResult(0x8004_1001);
    cursor.answer(next_answer(vec![MInterfacePointer { data: Bytes::new() }], failed), &mut cx);
    let [Effect::Rows(rows), Effect::Done(Err(failure))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((rows.len(), failure), (1, &Failure::Status(failed)));
}

/// No capture shows a big-endian host: the octets are [C706 14.2]'s, with an object in them that is little-endian as on
/// every host.
#[test]
fn answers_of_a_big_endian_host_are_read() {
    let mut cursor = open(NonZeroU32::MIN);
    let this = OrpcThis::new(ComVersion::V5_7, Guid::default());
    let (mut entropy, mut effects) = (SeededEntropy::new(0), Vec::new());
    let mut cx = Context { now: Instant::default(), this: &this, entropy: &mut entropy, effects: &mut effects };
    cursor.pull(&mut cx);
    cx.effects.clear();
    let mut octets = Vec::new();
    // ORPCTHAT; apObjects: maximum count, offset, count, referent, its size twice, its data; puReturned; WBEM_S_FALSE.
    for value in [0, 0, 1, 0, 1, 0x0002_0000, 4, 4, 0x0102_0304, 1, 1_u32] {
        octets.extend(value.to_be_bytes());
    }
    cursor.answer(Reader::with_endianness(octets.into(), true), &mut cx);
    let [Effect::Rows(rows), Effect::Done(Ok(end))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((rows.len(), end.rows), (1, 1));
}

#[test]
fn a_host_that_gives_every_class_another_name_is_not_followed_for_ever() {
    let mut cursor = open(NonZeroU32::new(100).expect("not zero"));
    let (ipid, proxy, enumerator) = (Guid::NULL, Guid::NULL, Guid::NULL);
    let classes = Classes::new(&cursor.plan.limits);
    cursor.state = State::Open(Source::Smart { ipid, proxy, classes, enumerator });
    let class = ClassBuilder::new("Any").property(PropertyBuilder::new("Name", CimType::STRING)).build().unwrap();
    let object = CimObject::instance(&class, [("Name", "x".into())]).unwrap();
    let named =
        |name: u8| DataPacketObject::Instance { class_id: Guid::from_bytes([name; 16]), data: object.encode_block() };
    let later = |name: u8| DataPacketObject::InstanceNoClass {
        class_id: Guid::from_bytes([name; 16]),
        data: object.encode_instance_without_class().unwrap(),
    };
    let this = OrpcThis::new(ComVersion::V5_7, Guid::default());
    let (mut entropy, mut effects) = (SeededEntropy::new(0), Vec::new());
    let mut cx = Context { now: Instant::default(), this: &this, entropy: &mut entropy, effects: &mut effects };
    cursor.pull(&mut cx);
    cx.effects.clear();
    // The same name again is no other name.
    cursor.answer(smart_answer(vec![named(1), named(1), later(1), named(2), named(3), named(3)]), &mut cx);
    let [Effect::Rows(rows)] = cx.effects.as_slice() else { panic!("{:?}", cx.effects) };
    assert_eq!((rows.len(), rows.iter().filter(|row| row.is_ok()).count()), (6, 6));
    let mut shared = rows.iter().flatten().map(|row| std::sync::Arc::as_ptr(row.class()));
    let first = shared.next();
    assert!(shared.all(|class| Some(class) == first), "one class, whatever its names are");
    cx.effects.clear();
    cursor.wish(Wish::Fetch(NonZeroU32::MAX)).unwrap();
    cursor.pull(&mut cx);
    cx.effects.clear();
    cursor.answer(smart_answer(vec![later(3), named(4)]), &mut cx);
    let [Effect::Rows(rows), Effect::Done(Err(Failure::Misbehaved(_)))] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((rows.len(), rows.iter().filter(|row| row.is_ok()).count()), (2, 2));
}

fn smart_answer(objects: Vec<DataPacketObject>) -> Reader {
    let mut w = Writer::new();
    OrpcThat::default().encode(&mut w);
    let mut packet = Writer::new();
    DataPacket::smart_next(objects).encode(&mut packet);
    SmartNextResponse { returned: 1, buffer: packet.finish(), status: HResult::S_OK }.encode(&mut w);
    Reader::new(w.finish())
}

/// What the next call asks for, when `effects` hold one.
fn count(effects: &mut Vec<Effect>) -> Option<u32> {
    let Some(Effect::Call(Operation::Next, call)) = effects.pop() else { return None };
    call.stub.last_chunk().map(|count| u32::from_le_bytes(*count))
}

#[test]
fn a_host_that_cannot_hold_so_many_objects_is_asked_for_half_of_them() {
    for status in IS_TOO_MUCH {
        let mut cursor = open(NonZeroU32::MAX);
        let this = OrpcThis::new(ComVersion::V5_7, Guid::default());
        let (mut entropy, mut effects) = (SeededEntropy::new(0), Vec::new());
        let mut cx = Context { now: Instant::default(), this: &this, entropy: &mut entropy, effects: &mut effects };
        cursor.pull(&mut cx);
        for asked in [16, 8, 4, 2, 1] {
            assert_eq!(count(cx.effects), Some(asked));
            cursor.answer(next_answer(Vec::new(), status), &mut cx);
        }
        // One is the least there is: then it is the query's own error.
        let [Effect::Done(Err(failure))] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!(failure, &Failure::Status(status));
    }
}
