use super::*;
use crate::wire::cim::{CimType, ClassBuilder, MethodBuilder, PropertyBuilder};
use crate::wire::dcom::{ComVersion, DualStringArray, ObjRef, OrpcThat};
use crate::wire::guid::IID_IWBEM_CLASS_OBJECT;
use crate::wire::wmi::InOutInterface;
use crate::wire::wmi::services::PathResponse;
use crate::wire::{HResult, Wire, WireError, Writer};
use crate::wmi::parameters::ParameterProblem;

fn this() -> OrpcThis {
    OrpcThis::new(ComVersion::V5_7, Guid::default())
}

fn get() -> Call {
    let mut call = Call::new(Demand::get("C".to_owned(), false), None);
    call.begin(Guid::default(), None, &this()).expect("it can be made");
    call
}

fn answer(object: InOutInterface, call_result: InOutInterface, status: HResult) -> Reader {
    let mut w = Writer::new();
    OrpcThat::default().encode(&mut w);
    PathResponse { object, call_result, status }.encode(&mut w);
    Reader::new(w.finish())
}

fn by_value() -> InOutInterface {
    let class = ClassBuilder::new("C").build().expect("a class");
    InOutInterface::Interface(MInterfacePointer::from_wbem_object(CimObject::of_class(class).encode_unit()))
}

fn by_reference(refs: u32) -> InOutInterface {
    let std = StdObjRef { public_refs: refs, ..StdObjRef::default() };
    let objref = ObjRef::standard(IID_IWBEM_CLASS_OBJECT, std, DualStringArray::default());
    InOutInterface::Interface(MInterfacePointer::new(&objref))
}

#[test]
fn an_object_comes_by_value_or_not_at_all() {
    let object = get().answer(answer(by_value(), InOutInterface::Absent, HResult::S_OK)).expect("an object");
    assert_eq!(object.map(|object| object.class().name().clone()), Some("C".into()));
    let refused = get().answer(answer(InOutInterface::Null, InOutInterface::Absent, HResult::WBEM_E_NOT_FOUND));
    assert_eq!(refused, Err(Failure::Status(HResult::WBEM_E_NOT_FOUND)));
    let none = get().answer(answer(InOutInterface::Null, InOutInterface::Absent, HResult::S_OK));
    assert!(matches!(none, Err(Failure::Misbehaved(_))), "{none:?}");
    let reference = get().answer(answer(by_reference(5), InOutInterface::Absent, HResult::S_OK));
    assert!(matches!(reference, Err(Failure::Malformed(_))), "{reference:?}");
    // A failure counts, whatever comes with it.
    let both = get().answer(answer(by_value(), InOutInterface::Absent, HResult::WBEM_E_NOT_FOUND));
    assert_eq!(both, Err(Failure::Status(HResult::WBEM_E_NOT_FOUND)));
    assert!(matches!(get().answer(Reader::new(bytes::Bytes::from_static(b"x"))), Err(Failure::Malformed(_))));
}

#[test]
fn references_that_nobody_asked_for_are_found_in_any_answer() {
    let refs = |reader| references(reader).iter().map(|std| std.public_refs).collect::<Vec<_>>();
    assert_eq!(refs(answer(by_reference(5), by_reference(2), HResult::S_OK)), [5, 2]);
    assert_eq!(refs(answer(by_value(), by_reference(3), HResult::WBEM_E_NOT_FOUND)), [3]);
    assert_eq!(refs(answer(by_value(), InOutInterface::Absent, HResult::S_OK)), [0_u32; 0]);
    assert!(refs(Reader::new(bytes::Bytes::from_static(b"x"))).is_empty());
}

/// A class with the method `M([in] uint8 N)` and, above it, one with `Inherited()`.
fn class() -> Arc<CimClass> {
    let above = ClassBuilder::new("Above").method(MethodBuilder::new("Inherited")).build().expect("a class");
    let input = PropertyBuilder::new("N", CimType::UINT8);
    ClassBuilder::new("C").superclass(&above).method(MethodBuilder::new("M").input(input)).build().expect("a class")
}

fn exec(method: &str, parameters: Vec<(String, CimValue)>) -> Call {
    Call::new(Demand::exec("C.K=1".to_owned(), "C".to_owned(), method.to_owned(), parameters), None)
}

fn request(call: &ObjectCall) -> Result<ExecMethodRequest, WireError> {
    let mut r = Reader::new(call.stub.clone());
    OrpcThis::decode(&mut r)?;
    ExecMethodRequest::decode(&mut r)
}

#[test]
fn a_method_goes_out_with_an_instance_of_its_own_parameters_or_without_any() {
    let class = class();
    let mut call = exec("m", vec![("n".to_owned(), CimValue::Sint64(255))]);
    assert_eq!((call.is_waiting(), call.wanted_class()), (true, Some("C")));
    let sent = request(&call.begin(Guid::default(), Some(&class), &this()).expect("it fits")).expect("it decodes");
    assert_eq!((sent.path.as_str(), sent.method.as_str(), sent.flags), ("C.K=1", "m", 0));
    let input = sent.input.expect("in-parameters").wbem_object().expect("by value");
    let input = CimObject::decode_unit(input).expect("an object");
    assert_eq!(input.get("N"), Some(Ok(CimValue::Uint8(255))));
    let signature = class.method("M").expect("the method").input().expect("it decodes").expect("in-parameters");
    assert_eq!((input.class(), input.decoration()), (signature.class(), None));
    assert!(!call.is_waiting());

    let mut call = exec("Inherited", Vec::new());
    let sent = request(&call.begin(Guid::default(), Some(&class), &this()).expect("it fits")).expect("it decodes");
    assert_eq!(sent.input, None);

    let mut call = exec("M", vec![("N".to_owned(), CimValue::Sint64(256))]);
    let Err(SignatureError::Parameter(error)) = call.begin(Guid::default(), Some(&class), &this()) else {
        panic!("256 is no uint8");
    };
    let problem = ParameterProblem::OutOfRange { expected: "uint8".to_owned(), given: "256".to_owned() };
    assert_eq!((error.problem, call.is_waiting()), (problem, true));
}

#[test]
fn an_instance_without_methods_tells_what_its_class_has() {
    let error = MethodSignature::of(&class(), "X").expect_err("there is none");
    assert_eq!(error.to_string(), "class C has no method X; it has Inherited, M");
    let bare = ClassBuilder::new("Bare").build().expect("a class");
    let error = MethodSignature::of(&bare, "X").expect_err("there is none");
    assert_eq!(error.to_string(), "class Bare has no method X; it has none");
}
