//! Objects of real Windows hosts: how canonical their encoding is.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::captures;
use crate::wire::Reader;
use crate::wire::cim::{CimClass, CimObject};

fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|e| e.to_str());
        if path.is_dir() {
            found.extend(objects(&path));
        } else if matches!(extension, Some("wmio" | "objblock")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn decode(path: &Path) -> (CimObject, Vec<u8>) {
    let data = std::fs::read(path).unwrap();
    let unit = path.extension().is_some_and(|e| e == "wmio");
    let block = if unit { data[8..].to_vec() } else { data.clone() };
    let object = if unit { CimObject::decode_unit(data.into()) } else { CimObject::decode_block(data.into()) };
    (object.unwrap_or_else(|error| panic!("{}: {error}", path.display())), block)
}

/// All class definitions in an object: its class, the superclass, and those of the method signatures.
fn classes(class: &CimClass) -> Vec<CimClass> {
    let mut all = vec![class.clone()];
    all.extend(class.parent.iter().flat_map(|parent| classes(parent)));
    for method in class.methods() {
        for signature in [method.input().unwrap(), method.output().unwrap()].into_iter().flatten() {
            all.extend(classes(signature.class()));
        }
    }
    all
}

/// What was received is written again: identical, but for octets behind the last part.
#[test]
fn what_was_received_is_written_as_it_was() {
    let Some(folder) = captures() else { return };
    let (mut count, mut whole) = (0, 0);
    for path in objects(&folder) {
        let (object, block) = decode(&path);
        let written = object.encode_block();
        assert!(block.starts_with(&written), "{}", path.display());
        count += 1;
        whole += usize::from(block.len() == written.len());
    }
    println!("{count} objects, {whole} without octets behind the last part");
    assert!(count >= 34 && whole >= 14, "{count} objects, {whole} identical");
}

#[test]
fn the_canonical_form_says_the_same() {
    let Some(folder) = captures() else { return };
    for path in objects(&folder) {
        let (object, _) = decode(&path);
        let canonical = object.canonical().unwrap();
        assert_eq!(canonical, object, "{}", path.display());
        let again = CimObject::decode_unit(canonical.encode_unit()).unwrap();
        assert_eq!(again, object, "{}", path.display());
        assert_eq!(again.encode_unit(), again.canonical().unwrap().encode_unit(), "{}", path.display());
    }
}

/// The octets of a class's heap.
fn heap(class: &CimClass) -> Bytes {
    let mut r = Reader::new(class.part.clone());
    r.skip(9, "").unwrap();
    let tables = r.u32("").unwrap() as usize;
    let derivation = r.u32("").unwrap() as usize;
    r.skip(derivation - 4, "").unwrap();
    let qualifiers = r.u32("").unwrap() as usize;
    r.skip(qualifiers - 4, "").unwrap();
    let count = r.u32("").unwrap() as usize;
    r.skip(8 * count + tables + 4, "").unwrap();
    r.rest()
}

/// Windows writes classes of its repository in the canonical order and leaves unused octets at the end of the heap.
#[test]
fn windows_lays_heaps_out_in_the_canonical_order() {
    let Some(folder) = captures() else { return };
    let (mut count, mut canonical) = (0, 0);
    for path in objects(&folder) {
        // Those of the repository: parameter lists were edited one by one and are full of holes.
        for class in classes(decode(&path).0.class()).iter().filter(|class| !class.derivation().is_empty()) {
            count += 1;
            let ours = class.canonical().unwrap();
            canonical += usize::from(heap(class).starts_with(&heap(&ours)));
        }
    }

    assert!(count >= 16 && canonical == count, "{canonical} of {count} classes");
}

#[test]
fn lookup_tables_are_sorted_as_we_sort() {
    let Some(folder) = captures() else { return };
    for path in objects(&folder) {
        for class in classes(decode(&path).0.class()) {
            let names: Vec<_> = class.lookup.iter().map(|&index| class.properties()[index].name().clone()).collect();
            assert!(names.is_sorted_by(|a, b| a.cmp_ignore_ascii_case(b).is_lt()), "{}: {names:?}", path.display());
            let orders: Vec<_> = class.properties().iter().map(|p| usize::from(p.declaration_order())).collect();
            assert_eq!(orders, (0..orders.len()).collect::<Vec<_>>(), "{}", path.display());
        }
    }
}
