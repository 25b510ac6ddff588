//! A cursor and every kind of host that a change of enumerators can meet: no row twice, none lost.

use std::sync::Arc;

use bytes::Bytes;
use core::num::NonZeroU32;
use proptest::prelude::*;

use crate::entropy::SeededEntropy;
use crate::limits::Limits;
use crate::time::Instant;
use crate::wire::cim::{CimClass, CimObject, CimType, CimValue, ClassBuilder, PropertyBuilder};
use crate::wire::dcom::rem_unknown::{RemQiResult, RemQueryInterfaceResponse};
use crate::wire::dcom::{ComVersion, DualStringArray, MInterfacePointer, ObjRef, OrpcThat, OrpcThis, StdObjRef};
use crate::wire::guid::{IID_IENUM_WBEM_CLASS_OBJECT, IID_IWBEM_WCO_SMART_ENUM};
use crate::wire::wmi::enumerator::NextResponse;
use crate::wire::wmi::smart_enum::SmartNextResponse;
use crate::wire::wmi::{DataPacket, DataPacketObject, InterfaceResponse};
use crate::wire::{Guid, HResult, Reader, Wire, Writer};
use crate::wmi::source::Row;
use crate::wmi::{Context, Cursor, Effect, ObjectCall, Operation, Plan, Way, Wish};

const ENUMERATOR: u8 = 1;
const FETCH_SMART: u8 = 2;
const SMART: u8 = 3;
const REFUSED: HResult = HResult::E_NOINTERFACE;

/// What a host does not do, or not the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Nothing,
    InterfaceInTheCall,
    InterfaceInTheItem,
    InterfaceByFault,
    SmartEnum,
    SmartEnumByFault,
    /// The interface is not offered, so that Next was not made.
    SmartNextUnmade,
    SmartNextStatus,
    /// Every first Next of many objects, for want of memory.
    Large,
}

/// How the rows of a result are told apart.
#[derive(Clone, Copy, Debug)]
enum Keys {
    Distinct,
    Same,
    Period(u32),
    None,
}

#[derive(Clone, Debug)]
struct Case {
    way: Way,
    rows: u32,
    keys: Keys,
    shared: bool,
    refusal: Refusal,
    /// What the host does with one Next after the other.
    moods: Vec<u8>,
    /// Every which row of the smart enumerator does not decode; 0 stands for none.
    spoilt: u32,
    batch: Option<NonZeroU32>,
    wanted: Vec<u32>,
    prefetch: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let keys = prop_oneof![
        4 => Just(Keys::Distinct),
        2 => Just(Keys::Same),
        3 => prop_oneof![Just(1), Just(15), Just(16), Just(63), Just(64), Just(80), 2..90u32].prop_map(Keys::Period),
        1 => Just(Keys::None),
    ];
    let refusal = prop_oneof![
        8 => Just(Refusal::Nothing),
        1 => Just(Refusal::InterfaceInTheCall),
        1 => Just(Refusal::InterfaceInTheItem),
        1 => Just(Refusal::InterfaceByFault),
        1 => Just(Refusal::SmartEnum),
        1 => Just(Refusal::SmartEnumByFault),
        1 => Just(Refusal::SmartNextUnmade),
        1 => Just(Refusal::SmartNextStatus),
        1 => Just(Refusal::Large),
    ];
    let rows = prop_oneof![Just(64), Just(79), Just(80), Just(81), Just(127), Just(128), 0..400u32];
    // Something comes at last.
    let moods = prop::collection::vec(0..8u8, 0..6).prop_map(|moods| [moods, vec![0]].concat());
    let wanted = prop_oneof![Just(vec![1000]), prop::collection::vec(1..200u32, 1..4)];
    let way = prop_oneof![3 => Just(Way::Both), 1 => Just(Way::SmartOrNext)];
    (way, rows, keys, any::<bool>(), refusal, moods, prop_oneof![4 => Just(0), 1 => 1..5u32])
        .prop_flat_map(move |some| (Just(some), prop::option::weighted(0.3, 1..150u32), wanted.clone(), any::<bool>()))
        .prop_map(|((way, rows, keys, shared, refusal, moods, spoilt), batch, wanted, prefetch)| Case {
            way,
            rows,
            keys,
            shared,
            refusal,
            moods,
            spoilt,
            batch: batch.and_then(NonZeroU32::new),
            wanted,
            prefetch,
        })
}

struct Host {
    case: Case,
    class: Arc<CimClass>,
    /// The places of the enumerator and of the smart one, where it has one of its own.
    at: [u32; 2],
    answers: usize,
    /// Values that change from one reading to the next.
    readings: u32,
    smart_was_read: bool,
}

enum Said {
    Stub(Reader),
    Refused { made: bool },
}

impl Host {
    fn new(case: &Case) -> Self {
        let key = PropertyBuilder::new("Key", CimType::UINT32);
        let key = if matches!(case.keys, Keys::None) { key } else { key.key() };
        let place = PropertyBuilder::new("Place", CimType::UINT32);
        let class = ClassBuilder::new("Any").property(key).property(place);
        let class = class.property(PropertyBuilder::new("Reading", CimType::UINT32)).build().expect("a class");
        Self { case: case.clone(), class, at: [0, 0], answers: 0, readings: 0, smart_was_read: false }
    }

    fn row(&mut self, place: u32) -> CimObject {
        self.readings += 1;
        let key = match self.case.keys {
            Keys::Distinct | Keys::None => place,
            Keys::Same => 7,
            Keys::Period(period) => place % period,
        };
        let values =
            [("Key", key), ("Place", place), ("Reading", self.readings)].map(|(name, v)| (name, CimValue::Uint32(v)));
        CimObject::instance(&self.class, values).expect("an instance")
    }

    fn answer(&mut self, operation: Operation, call: &ObjectCall) -> Said {
        let refusal = self.case.refusal;
        match operation {
            Operation::ExecQuery => Said::Stub(interface(ENUMERATOR)),
            Operation::QueryInterface => match refusal {
                Refusal::InterfaceByFault => Said::Refused { made: true },
                Refusal::InterfaceInTheCall => {
                    Said::Stub(stub(&RemQueryInterfaceResponse { results: Vec::new(), status: REFUSED }))
                }
                _ => {
                    let result = if refusal == Refusal::InterfaceInTheItem { REFUSED } else { HResult::S_OK };
                    let results = vec![RemQiResult { result, std: reference(FETCH_SMART) }];
                    Said::Stub(stub(&RemQueryInterfaceResponse { results, status: HResult::S_OK }))
                }
            },
            Operation::GetSmartEnum if refusal == Refusal::SmartEnumByFault => Said::Refused { made: true },
            Operation::GetSmartEnum if refusal == Refusal::SmartEnum => {
                Said::Stub(stub(&InterfaceResponse { pointer: None, status: REFUSED }))
            }
            Operation::GetSmartEnum => Said::Stub(interface(SMART)),
            Operation::Next | Operation::NextAgain => self.next(call),
            Operation::Reset | Operation::Skip | Operation::Clone => panic!("not asked for"),
        }
    }

    fn next(&mut self, call: &ObjectCall) -> Said {
        let is_smart = call.object.is_some_and(|(_, ipid)| ipid == guid(SMART));
        // Both requests end with it.
        let count = u32::from_le_bytes(*call.stub.last_chunk().expect("a count"));
        if is_smart && !std::mem::replace(&mut self.smart_was_read, true) {
            match self.case.refusal {
                Refusal::SmartNextUnmade => return Said::Refused { made: false },
                Refusal::SmartNextStatus => return Said::Stub(self.told(true, Vec::new(), HResult(0x8004_1001))),
                _ => {}
            }
        }
        if self.case.refusal == Refusal::Large && count > 20 {
            return Said::Stub(self.told(is_smart, Vec::new(), HResult(0x8004_1006)));
        }
        let mood = self.case.moods[self.answers % self.case.moods.len()];
        self.answers += 1;
        let index = usize::from(is_smart && !self.case.shared);
        let left = self.case.rows - self.at[index];
        let (given, status) = match mood {
            1 => (0, HResult::WBEM_S_TIMEDOUT),
            2 => (count.div_ceil(2), HResult::WBEM_S_TIMEDOUT),
            3 => (count.div_ceil(3), HResult::S_OK),
            4 => (1, HResult::WBEM_S_TIMEDOUT),
            _ => (count, HResult::S_OK),
        };
        let status = if status == HResult::S_OK && given > left { HResult::WBEM_S_FALSE } else { status };
        let given = given.min(left);
        let rows = (self.at[index]..self.at[index] + given).map(|place| self.row(place)).collect();
        self.at[index] += given;
        Said::Stub(self.told(is_smart, rows, status))
    }

    fn told(&self, is_smart: bool, rows: Vec<CimObject>, status: HResult) -> Reader {
        let returned = u32::try_from(rows.len()).expect("few");
        if !is_smart {
            let objects = rows.iter().map(|row| MInterfacePointer::from_wbem_object(row.encode_unit())).collect();
            return stub(&NextResponse::new(returned, objects, status));
        }
        let object = |(n, row): (u32, &CimObject)| {
            if self.case.spoilt != 0 && n % self.case.spoilt == 0 {
                let data = row.encode_instance_without_class().expect("an instance");
                return DataPacketObject::InstanceNoClass { class_id: guid(99), data };
            }
            DataPacketObject::Instance { class_id: guid(50), data: row.encode_block() }
        };
        let objects: Vec<_> = (0..).zip(&rows).map(object).collect();
        let buffer = if objects.is_empty() { Bytes::new() } else { DataPacket::smart_next(objects).to_bytes() };
        stub(&SmartNextResponse { returned, buffer, status })
    }
}

fn guid(name: u8) -> Guid {
    Guid::from_bytes([name; 16])
}

fn reference(name: u8) -> StdObjRef {
    StdObjRef { flags: 0, public_refs: 5, oxid: 1, oid: name.into(), ipid: guid(name) }
}

fn interface(name: u8) -> Reader {
    let iid = if name == SMART { IID_IWBEM_WCO_SMART_ENUM } else { IID_IENUM_WBEM_CLASS_OBJECT };
    let objref = ObjRef::standard(iid, reference(name), DualStringArray::default());
    stub(&InterfaceResponse { pointer: Some(MInterfacePointer::new(&objref)), status: HResult::S_OK })
}

fn stub(response: &impl Wire) -> Reader {
    let mut w = Writer::new();
    OrpcThat::default().encode(&mut w);
    response.encode(&mut w);
    Reader::new(w.finish())
}

/// What came of a query.
#[derive(Debug, Default)]
struct Ran {
    rows: Vec<Row>,
    told: Option<u64>,
    calls: Vec<Operation>,
    /// Whether rows were asked of the smart enumerator.
    went_over: bool,
}

fn run(case: &Case) -> Ran {
    let plan = Plan {
        wql: "SELECT".to_owned(),
        flags: 0x30,
        context: None,
        way: case.way,
        prefetch: case.prefetch,
        batch: case.batch,
        limits: Limits::default(),
        deadline: Instant::from_micros(u64::MAX),
    };
    let (mut host, mut cursor, mut ran) = (Host::new(case), Cursor::new(plan), Ran::default());
    let (this, mut entropy) = (OrpcThis::new(ComVersion::V5_7, Guid::default()), SeededEntropy::new(0));
    let (mut effects, mut now, mut wanted) = (Vec::new(), Instant::default(), case.wanted.iter().cycle());
    let mut calls: Vec<(Operation, ObjectCall)> = Vec::new();
    let mut is_wanted = false;
    macro_rules! cx {
        () => {
            &mut Context { now, this: &this, entropy: &mut entropy, effects: &mut effects }
        };
    }
    cursor.begin(guid(9), cx!());
    for _ in 0..20_000 {
        for effect in effects.drain(..) {
            match effect {
                Effect::Call(operation, call) => {
                    ran.calls.push(operation);
                    ran.went_over |= call.object.is_some_and(|(_, ipid)| ipid == guid(SMART));
                    calls.push((operation, call));
                }
                Effect::Rows(rows) => {
                    assert!(std::mem::take(&mut is_wanted), "rows that nobody asked for");
                    ran.rows.extend(rows);
                }
                Effect::Done(end) => {
                    ran.told = Some(end.expect("it ends well").rows);
                    return ran;
                }
                Effect::Adopt(_) | Effect::Release => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(calls.len() <= 1, "one call at a time");
        // The consumer is sometimes slower than the host.
        let wants = !is_wanted && (calls.is_empty() || host.answers % 2 == 0);
        if wants {
            is_wanted = true;
            let wanted = wanted.next().copied().and_then(NonZeroU32::new).expect("it is endless");
            cursor.wish(Wish::Fetch(wanted)).expect("it is the only one");
            cursor.pull(cx!());
            continue;
        }
        let (operation, call) = calls.pop().expect("somebody waits for it");
        now = now.saturating_add(std::time::Duration::from_secs(1));
        match host.answer(operation, &call) {
            Said::Stub(stub) => cursor.answer(stub, cx!()),
            Said::Refused { made } => assert!(cursor.refused(made, cx!()), "it goes on with Next"),
        }
    }
    panic!("it does not end");
}

/// Every row once, in order unless rows are alike; what did not decode counts as a row.
fn check(case: &Case) -> Ran {
    let ran = run(case);
    assert_eq!(ran.rows.len(), case.rows as usize, "{case:?}");
    assert_eq!(ran.told, Some(case.rows.into()));
    let place = |row: &Row| row.as_ref().ok().map(|row| row.get("Place").expect("a place").expect("a number"));
    let places: Vec<u64> = ran.rows.iter().filter_map(place).map(|place| place.as_u64().expect("a number")).collect();
    let mut sorted = places.clone();
    sorted.sort_unstable();
    assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]), "{case:?}: a row twice");
    let undecodable = case.rows as usize - places.len();
    assert!(undecodable == 0 || case.spoilt != 0);
    if matches!(case.keys, Keys::Distinct) && case.spoilt == 0 {
        assert_eq!(sorted, places, "{case:?}: in order");
    }
    ran
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_row_comes_twice_and_none_is_lost(case in case()) {
        check(&case);
    }
}

fn plain(rows: u32, keys: Keys, shared: bool) -> Case {
    let (moods, wanted) = (vec![0], vec![1000]);
    let refusal = Refusal::Nothing;
    Case { way: Way::Both, rows, keys, shared, refusal, moods, spoilt: 0, batch: None, wanted, prefetch: false }
}

#[test]
fn a_long_result_goes_over_and_goes_on_there_when_the_index_is_one() {
    for rows in [0, 5, 16, 63] {
        assert!(!check(&plain(rows, Keys::Distinct, true)).went_over, "{rows} rows are few");
    }
    let nexts = |ran: &Ran| ran.calls.iter().filter(|call| **call == Operation::Next).count();
    let shared = check(&plain(300, Keys::Distinct, true));
    assert!(shared.went_over);
    // 16, 64 and 63, and what is left.
    assert_eq!(nexts(&shared), 4);
    // Its first rows had come: 16, 64, 63 in vain, what is left, and one to be sure.
    let separate = check(&plain(300, Keys::Distinct, false));
    assert!(separate.went_over);
    assert_eq!(nexts(&separate), 5);
}

#[test]
fn a_result_that_repeats_itself_is_whole_with_either_index() {
    for keys in [Keys::Same, Keys::Period(80), Keys::Period(16), Keys::Period(1), Keys::None] {
        for rows in [64, 80, 81, 142, 143, 144, 160, 223, 300] {
            for shared in [true, false] {
                let ran = check(&plain(rows, keys, shared));
                assert!(!(ran.went_over && matches!(keys, Keys::None)), "nothing to recognise rows by");
            }
        }
    }
}

#[test]
fn an_object_that_does_not_decode_does_not_make_an_index_shared() {
    for shared in [true, false] {
        let ran = check(&Case { spoilt: 1, ..plain(300, Keys::Distinct, shared) });
        let spoilt = ran.rows.iter().filter(|row| row.is_err()).count();
        assert!(ran.went_over && (spoilt > 0) == shared, "{spoilt}");
    }
}

#[test]
fn a_query_that_prefers_the_smart_enumerator_reads_it_from_the_first_row_on() {
    for shared in [true, false] {
        for rows in [0, 5, 300] {
            let ran = check(&Case { way: Way::SmartOrNext, ..plain(rows, Keys::None, shared) });
            assert!(ran.went_over, "{rows} rows");
        }
    }
}

#[test]
fn a_smart_enumerator_that_fails_before_its_first_row_leaves_next() {
    for refusal in [Refusal::SmartEnum, Refusal::SmartEnumByFault, Refusal::SmartNextUnmade, Refusal::SmartNextStatus] {
        for rows in [0, 5, 300] {
            check(&Case { way: Way::SmartOrNext, refusal, ..plain(rows, Keys::None, true) });
        }
    }
}
