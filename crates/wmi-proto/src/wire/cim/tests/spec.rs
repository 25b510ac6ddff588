//! The four worked examples.
//!
//! They are not canonical in a few places, which the tests name one by one: octets in a heap that nothing refers to,
//! NdTable bits beyond the last property, MethodCountPadding, and octets behind the last part. Everything else is
//! compared octet for octet, from the classes as the specification writes them in MOF.

use std::sync::Arc;

use bytes::Bytes;

use super::captured;
use crate::wire::Writer;
use crate::wire::cim::method::{self, MethodModel};
use crate::wire::cim::qualifier::QualifierModel;
use crate::wire::cim::{CimClass, CimObject, CimType, CimValue, ClassBuilder, Flavor, Genus, PropertyBuilder, Source};

/// Replaces octets of an example that are not canonical.
struct Edits(Vec<u8>);

impl Edits {
    /// Replaces `old` at `at` by `new`. Edits go from the end to the start, so that offsets are those of the example.
    fn edit(mut self, at: usize, old: &[u8], new: &[u8]) -> Self {
        assert_eq!(&self.0[at..at + old.len()], old, "the example at {at:#x}");
        self.0.splice(at..at + old.len(), new.iter().copied());
        self
    }
}

fn base() -> Arc<CimClass> {
    ClassBuilder::new("Base").property(PropertyBuilder::new("Id", CimType::SINT32).key()).build().unwrap()
}

fn my_class() -> Arc<CimClass> {
    let local = Flavor::default();
    ClassBuilder::new("MyClass")
        .superclass(&base())
        .qualifier("Description", local, "MyClass Example")
        .property(
            PropertyBuilder::new("Data1", CimType::STRING)
                .qualifier("read", local, true)
                .qualifier("write", local, true),
        )
        .property(PropertyBuilder::new("Data2", CimType::STRING).default("defaultValue"))
        .property(PropertyBuilder::array("Array", CimType::UINT32))
        .build()
        .unwrap()
}

fn definition(class: Arc<CimClass>) -> CimObject {
    CimObject::of_class(class).with_decoration("DPRAVAT-DEV", "ROOT")
}

#[test]
fn example_1_a_class() {
    let Some(example) = captured("wmio_spec/ex1_Base_class.wmio") else { return };
    let mut canonical = Edits(example.to_vec());
    canonical.0.truncate(0xb7); // behind the last part
    let canonical = canonical
        .edit(0xb1, &[0x34, 0], &[0, 0]) // MethodCountPadding
        .edit(0x66, &[0x05], &[0x01]) // unused bits of the NdTable
        .edit(4, &[0xd0], &[0xaf]); // ObjectEncodingLength, more than there is even in the example
    let object = definition(base());
    assert_eq!(object.encode_unit(), canonical.0);
    assert_eq!(CimObject::decode_unit(example), Ok(object));
}

/// The edits of the part of MyClass that is the same in examples 2 and 3, at `at`.
fn without_spare_heap(example: Edits, at: usize) -> Edits {
    example
        .edit(at + 0x170, &[0; 6], &[]) // octets of the heap that nothing refers to
        .edit(at + 0x61, &[0x11, 0x01, 0, 0x80], &[0x0b, 0x01, 0, 0x80]) // HeapLength
        .edit(at, &[0x76, 0x01], &[0x70, 0x01]) // EncodingLength of the ClassPart
}

#[test]
fn example_2_a_derived_class() {
    let Some(example) = captured("wmio_spec/ex2_MyClass_class.wmio") else { return };
    let mut canonical = Edits(example.to_vec());
    canonical.0.truncate(0x210); // behind the last part
    let canonical = canonical.edit(0x20a, &[0, 0x73], &[0, 0]); // MethodCountPadding
    let canonical = without_spare_heap(canonical, 0x8e)
        .edit(0x88, &[0x34, 0], &[0, 0]) // MethodCountPadding of the superclass
        .edit(0x3d, &[0x05], &[0x01]) // unused bits of the NdTable of the superclass
        .edit(4, &[0x2e, 0x02], &[0x02, 0x02]); // ObjectEncodingLength
    let object = definition(my_class());
    assert_eq!(object.encode_unit(), canonical.0);
    assert_eq!(CimObject::decode_unit(example), Ok(object));
}

#[test]
fn example_3_an_instance() {
    let Some(example) = captured("wmio_spec/ex3_MyClass_instance.wmio") else { return };
    let canonical = without_spare_heap(Edits(example.to_vec()), 0x1c).edit(4, &[0xd3], &[0xcd]); // ObjectEncodingLength
    let numbers = CimValue::from(vec![1_u32, 2, 3]);
    let values = [("Id", 123_i32.into()), ("Data1", "StringField".into()), ("Array", numbers.clone())];
    let object = CimObject::instance(&my_class(), values).unwrap().with_decoration("DPRAVAT-DEV", "ROOT");
    assert_eq!(object.encode_unit(), canonical.0);

    let decoded = CimObject::decode_unit(example.clone()).unwrap();
    assert_eq!(decoded, object);
    assert_eq!(decoded.encode_unit(), example, "what was received is written as it was");
    assert_eq!(decoded.genus(), Genus::Instance);
    let names: Vec<_> = decoded.class().properties().iter().map(|p| p.name().to_string()).collect();
    assert_eq!(names, ["Id", "Data1", "Data2", "Array"]);
    let values = [CimValue::Sint32(123), "StringField".into(), "defaultValue".into(), numbers];
    assert_eq!(decoded.values().collect::<Result<Vec<_>, _>>().unwrap(), values);
    let sources: Vec<_> = (0..4).map(|index| decoded.source(index)).collect();
    assert_eq!(sources, [Source::Own, Source::Own, Source::ClassDefault, Source::Own]);
}

/// The second variant of section 3.1, which is described but not printed as a whole: a qualifier of one property.
#[test]
fn example_3_with_a_property_qualifier() {
    let Some(example) = captured("wmio_spec/ex3_MyClass_instance.wmio") else { return };
    let plain = CimObject::decode_unit(example).unwrap();
    let part = |object: &CimObject| object.instance.as_ref().unwrap().part.clone();
    let sets = b"\x02\x04\0\0\0\x0f\0\0\0\x26\0\0\0\0\x0b\0\0\0\xff\xff\x04\0\0\0\x04\0\0\0\x2c\0\0\x80";
    let mut expected = Edits(part(&plain).to_vec()).edit(0x1e, b"\x01\x26\0\0\x80", sets).0;
    expected.extend_from_slice(b"\0test\0");
    expected[0] = u8::try_from(expected.len()).unwrap();

    let like = crate::wire::cim::InstanceBuilder::like(&plain).unwrap();
    let object = like.property_qualifier("Data1", "test", Flavor::default(), true).build().unwrap();
    assert_eq!(part(&object), expected);
    let decoded = CimObject::decode_unit(object.encode_unit()).unwrap();
    assert_eq!(decoded, object);
    let counts: Vec<_> = (0..4).map(|index| decoded.property_qualifiers(index).unwrap().len()).collect();
    assert_eq!(counts, [0, 1, 0, 0]);
    assert_eq!(decoded.property_qualifiers(1).unwrap()[0].name(), "test");
}

#[test]
fn example_4_a_class_with_a_method() {
    let Some(example) = captured("wmio_spec/ex4_class_with_methods.wmio") else { return };
    let object = CimObject::decode_unit(example.clone()).unwrap();
    let class = object.class();

    // The ClassPart from nothing: only the unused octets at the end of its heap are not canonical.
    let derived = ClassBuilder::new("MyClass2").superclass(&my_class()).build().unwrap();
    let canonical = Edits(class.part.to_vec())
        .edit(0x13d, &[0; 0x43], &[])
        .edit(0x61, &[0x1b, 0x01, 0, 0x80], &[0xd8, 0, 0, 0x80]) // HeapLength
        .edit(0, &[0x80, 0x01], &[0x3d, 0x01]); // EncodingLength
    assert_eq!(derived.part, canonical.0);
    assert_eq!(class.parent(), derived.parent());

    // The MethodsPart around the two signatures, which are full of unused octets and are taken as they are.
    let [restart] = class.methods() else { panic!("one method") };
    let (input, output) = (restart.input().unwrap().unwrap(), restart.output().unwrap().unwrap());
    let performance = CimValue::from(vec!["fast", "sideffects"]);
    let model = MethodModel {
        name: "Restart".into(),
        flags: 0,
        origin: 2,
        qualifiers: vec![
            QualifierModel::new("execute", Flavor::default(), true.into()),
            QualifierModel::new("performance", Flavor::default(), performance.clone()),
        ],
        input: Some(input.clone()),
        output: Some(output.clone()),
    };
    let mut w = Writer::new();
    method::encode_part(&[model], &mut w);
    assert_eq!(class.methods_part, Some(w.finish()));

    // And what it says.
    assert_eq!(class.origin(restart.origin()).unwrap(), "MyClass2");
    assert_eq!(restart.qualifier("performance").unwrap().value(), Ok(performance));
    let server = input.decoration().unwrap();
    assert_eq!((server.server.to_str(), server.namespace.to_str()), ("DP-M".into(), "ROOT\\default".into()));
    let [service] = input.class().properties() else { panic!("one parameter") };
    assert_eq!((service.name().to_str(), service.cim_type()), ("ServiceName".into(), CimType::STRING));
    assert_eq!(service.qualifier("id").unwrap().value(), Ok(CimValue::Sint32(0)));
    let names: Vec<_> = output.class().properties().iter().map(|p| p.name().to_string()).collect();
    assert_eq!(names, ["Status", "ReturnValue"]);
    assert_eq!(object.encode_block(), block(&example, object.encode_block().len()));
}

/// The ObjectBlock of an example without what lies behind its last part.
fn block(example: &Bytes, length: usize) -> Bytes {
    example.slice(8..8 + length)
}

#[test]
fn defaults_of_the_examples_are_told_apart() {
    let Some(example) = captured("wmio_spec/ex4_class_with_methods.wmio") else { return };
    let object = CimObject::decode_unit(example).unwrap();
    let class = object.class();
    let of = |class: &CimClass| -> Vec<_> {
        let states = class.properties().iter().map(|p| (p.has_default(), p.is_default_inherited(), p.is_inherited()));
        states.collect()
    };
    assert_eq!(of(class), [(false, true, true), (false, true, true), (true, true, true), (false, true, true)]);
    assert_eq!(
        of(class.parent().unwrap()),
        [(false, true, true), (false, false, false), (true, false, false), (false, false, false)]
    );
    let origins: Vec<_> =
        class.properties().iter().map(|p| class.origin(p.class_of_origin()).unwrap().to_string()).collect();
    assert_eq!(origins, ["Base", "MyClass", "MyClass", "MyClass"]);
}
