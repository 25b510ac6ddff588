//! Properties of `wire::cim`: every class and instance survives, no octets panic or take long.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use wmi_proto::cim::{CimDateTime, CimObject, CimString, CimValue, ClassCache, Genus, Source};
use wmi_testkit::generators::{cim, octets};
use wmi_testkit::oracles;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Built, written and read again, in every encoding; and written anew without a change.
    #[test]
    fn objects_survive(object in cim::object(1)) {
        let unit = object.encode_unit();
        prop_assert_eq!(&CimObject::decode_unit(unit.clone()).unwrap(), &object);
        prop_assert_eq!(&CimObject::decode_block(object.encode_block()).unwrap(), &object);
        prop_assert_eq!(object.canonical().unwrap().encode_unit(), unit.clone(), "what is built is canonical");
        let mut cache = ClassCache::new();
        let first = CimObject::decode_unit_with(&mut cache, unit.clone()).unwrap();
        let second = CimObject::decode_unit_with(&mut cache, unit).unwrap();
        prop_assert_eq!(&first, &object);
        prop_assert_eq!(Arc::ptr_eq(first.class(), second.class()), object.genus() == Genus::Instance);
        if let Some(rest) = object.encode_instance_without_class() {
            let read = CimObject::decode_instance_without_class(rest, first.class()).unwrap();
            prop_assert_eq!(&read, &object);
        }
        oracles::cim::cim_object(&object.encode_block());
    }

    /// What an instance is given is what it has: its own values, NULL, or the default of its class.
    #[test]
    fn values_are_what_was_set(
        (class, values) in cim::class(1).prop_flat_map(|class| {
            let cells: Vec<_> = class
                .properties()
                .iter()
                .map(|p| proptest::option::of(cim::value(p.cim_type(), p.is_array(), 1)))
                .collect();
            (Just(class), cells)
        })
    ) {
        let names: Vec<_> = class.properties().iter().map(|p| p.name().to_string().to_uppercase()).collect();
        let set = names.iter().map(String::as_str).zip(values.iter().cloned());
        let object = CimObject::instance(&class, set.filter_map(|(name, value)| Some((name, value?)))).unwrap();
        let read = CimObject::decode_unit(object.encode_unit()).unwrap();
        for (index, value) in values.into_iter().enumerate() {
            let source = if value.is_some() { Source::Own } else { Source::ClassDefault };
            let expected = value.map_or_else(|| class.properties()[index].default_value(), Ok);
            prop_assert_eq!(read.source(index), source);
            prop_assert_eq!(read.get(&names[index].to_lowercase()).unwrap(), expected.clone());
            prop_assert_eq!(read.value(index), expected);
        }
    }

    /// The rows of a column list have these columns with the same values, and nothing else.
    #[test]
    fn projections_keep_values(
        object in cim::class(1).prop_flat_map(|class| cim::instance(class, 1)),
        choice in proptest::collection::vec(any::<Index>(), 0..4),
    ) {
        let properties = object.class().properties();
        let chosen = |i: &Index| properties[i.index(properties.len())].name().to_string().to_lowercase();
        let names: Vec<_> = choice.iter().filter(|_| !properties.is_empty()).map(chosen).collect();
        let class = object.class().project(&names).unwrap();
        let row = CimObject::decode_block(object.project(&class).unwrap().encode_block()).unwrap();
        prop_assert_eq!(row.class().name(), object.class().name());
        prop_assert_eq!(row.decoration(), object.decoration());
        let columns: Vec<_> = row.class().properties().iter().map(|p| p.name().to_string()).collect();
        let kept = |name: &&CimString| names.contains(&name.to_string().to_lowercase());
        let expected: Vec<_> = properties.iter().map(|p| p.name()).filter(kept).map(ToString::to_string).collect();
        prop_assert_eq!(&columns, &expected);
        for name in &columns {
            prop_assert_eq!(row.get(name).unwrap(), object.get(name).unwrap());
        }
    }

    /// A built object with one octet changed, or cut short.
    #[test]
    fn damaged_objects_do_not_panic(
        object in cim::object(1),
        damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        end in any::<Index>(),
    ) {
        let block = object.encode_block();
        let mut data = block.to_vec();
        for (at, octet) in damage {
            let at = at.index(data.len());
            data[at] = octet;
        }
        oracles::cim::cim_object(&data);
        oracles::cim::cim_object(&block.slice(..end.index(block.len())));
    }
}

proptest! {
    #[test]
    fn any_octets_do_not_panic(data in octets(300)) {
        oracles::cim::cim_object(&data);
    }

    #[test]
    fn texts_survive(text in cim::text(), other in cim::text()) {
        let value = CimString::from(text.as_str());
        prop_assert_eq!(value.to_str(), text.as_str());
        prop_assert!(value == *text.as_str());
        let second = CimString::from(other.as_str());
        prop_assert_eq!(value == second, text == other);
        prop_assert_eq!(value.is_wide(), text.chars().any(|c| c > '\u{ff}'));
        prop_assert_eq!(value.eq_ignore_ascii_case(&other), text.eq_ignore_ascii_case(&other));
    }

    #[test]
    fn datetimes_survive(text in cim::datetime(), noise in "[0-9*:.+-]{24,26}") {
        let value: CimDateTime = text.parse().unwrap();
        prop_assert_eq!(value.to_string(), text);
        if let Ok(value) = noise.parse::<CimDateTime>() {
            prop_assert_eq!(value.to_string(), noise);
        }
    }

    /// No number is given back as another one.
    #[test]
    fn conversions_lose_nothing(number in any::<u64>(), shift in 0..64_u32) {
        let number = number >> shift;
        let value = CimValue::Uint64(number);
        prop_assert_eq!(value.as_u64(), Some(number));
        prop_assert_eq!(value.as_i64(), i64::try_from(number).ok());
        let real = value.as_f64();
        prop_assert_eq!(real.map(|real| real as u128), real.map(|_| u128::from(number)));
        prop_assert_eq!(real.is_some(), number.leading_zeros() + number.trailing_zeros() >= 11 || number == 0);
        prop_assert_eq!(CimValue::Real64(1.0).as_i64(), None);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "wmio" || e == "objblock") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The captured objects with octets changed: at every place of the smaller ones, here and there in the others.
#[test]
fn damaged_captures_do_not_panic() {
    let set = std::env::var("WMI_CAPTURES");
    if set.as_deref() == Ok("none") {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "captures may not be left out in CI");
        return;
    }
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/captures");
    for file in files(&set.map_or_else(|_| PathBuf::from(default), PathBuf::from)) {
        let data = std::fs::read(&file).unwrap();
        // 97 is prime, so that many places of structures are met.
        let step = if data.len() < 700 { 1 } else { 97 * (1 + data.len() / 2000) };
        for at in (0..data.len()).step_by(step) {
            for value in [0x00, 0xff, data[at] ^ 0x20, data[at].wrapping_add(1)] {
                let mut damaged = data.clone();
                damaged[at] = value;
                oracles::cim::cim_object(&damaged);
            }
            oracles::cim::cim_object(&data[..at]);
        }
    }
}
