//! The table against the numbers and names of the specifications.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Specification, number, name; see its head.
const WITNESS: &str = include_str!("tests/codes.tsv");

fn witness(source: &str) -> Vec<(u32, &'static str)> {
    let rows = WITNESS.lines().filter(|line| !line.starts_with('#'));
    let rows = rows.map(|line| line.splitn(3, '\t').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0] == source);
    rows.map(|row| (u32::from_str_radix(row[1].trim_start_matches("0x"), 16).expect("a number"), row[2])).collect()
}

/// Every row has the specification's name and number, and no row of the specification's is missing.
fn compare(source: &str, table: &[(u32, &str, &str)], own_names: &[&str]) {
    let witness: BTreeSet<(u32, String)> =
        witness(source).into_iter().map(|(code, name)| (code, name.to_ascii_uppercase())).collect();
    let table: BTreeSet<(u32, String)> = table
        .iter()
        .filter(|(_, name, _)| !own_names.contains(name))
        .map(|(code, name, _)| (*code, (*name).to_ascii_uppercase()))
        .collect();
    let difference: Vec<_> = witness.symmetric_difference(&table).collect();
    assert!(difference.is_empty(), "{source}: {difference:x?}");
    assert!(table.len() > 30, "{source} has rows");
}

#[test]
fn names_and_numbers_are_those_of_the_specifications() {
    let success = (0, "WBEM_S_NO_ERROR", "S_OK");
    compare("MS-WMI 2.2.11", &[wbem::ROWS, &[success]].concat(), &[]);
    // winerror.h names success; MS-ERREF does not.
    compare("MS-ERREF 2.1.1", com::ROWS, &["S_OK", "S_FALSE"]);
    compare("MS-ERREF 2.2", win32::ROWS, &[]);
    compare("MS-ERREF 2.3.1", nt::ROWS, &[]);
    compare("C706 N.2", nca::ROWS, &[]);
}

#[test]
fn every_code_has_one_name_and_a_sentence() {
    let all = [wbem::ROWS, com::ROWS, win32::ROWS, nca::ROWS, nt::ROWS].concat();
    let mut names = BTreeMap::new();
    for (code, name, meaning) in &all {
        if let Some(other) = names.insert(*name, *code) {
            panic!("{name} is both {other:#x} and {code:#x}");
        }
        assert!(meaning.contains(' ') || *meaning == "success" || *meaning == "aborted", "{name}: {meaning:?}");
        assert!(!meaning.ends_with('.') && !meaning.contains('\n') && meaning.len() < 100, "{name}: {meaning:?}");
    }
    assert!(all.len() > 330, "{}", all.len());
}

#[test]
fn names_and_values_are_shown() {
    for (code, shown) in [
        (HResult(0x8004_1017), "WBEM_E_INVALID_QUERY (0x80041017)"),
        (HResult(0x8007_06ba), "RPC_S_SERVER_UNAVAILABLE (0x800706ba)"),
        (HResult(0x8001_0108), "RPC_E_DISCONNECTED (0x80010108)"),
        (HResult(0x8009_0324), "SEC_E_TIME_SKEW (0x80090324)"),
        (HResult(0xc000_006d), "STATUS_LOGON_FAILURE (0xc000006d)"),
        (HResult(0xd000_0234), "STATUS_ACCOUNT_LOCKED_OUT (0xd0000234)"),
        (HResult(0x8007_0005), "E_ACCESSDENIED (0x80070005)"),
        (HResult(1), "WBEM_S_FALSE (0x1)"),
        (HResult(0), "S_OK (0x0)"),
        (HResult(0xdead_beef), "0xdeadbeef"),
    ] {
        assert_eq!(code.to_string(), shown);
    }
    for (code, shown) in [
        (FaultStatus(5), "ERROR_ACCESS_DENIED (0x5)"),
        (FaultStatus(1717), "RPC_S_UNKNOWN_IF (0x6b5)"),
        (FaultStatus(1910), "OR_INVALID_OXID (0x776)"),
        (FaultStatus(0x1c01_0002), "NCA_OP_RNG_ERROR (0x1c010002)"),
        (FaultStatus(0x1c00_0006), "NCA_S_FAULT_INVALID_TAG (0x1c000006)"),
        (FaultStatus(0x8001_0108), "RPC_E_DISCONNECTED (0x80010108)"),
        (FaultStatus(0x8007_06bb), "RPC_S_SERVER_TOO_BUSY (0x800706bb)"),
        (FaultStatus(0xc000_0418), "STATUS_NTLM_BLOCKED (0xc0000418)"),
        // A success is no status of a fault.
        (FaultStatus(1), "0x1"),
    ] {
        assert_eq!(code.to_string(), shown);
    }
    assert_eq!(BindNakReason(8).to_string(), "AUTHENTICATION_TYPE_NOT_RECOGNIZED (0x8)");
    assert_eq!(ProviderReason(2).meaning(), Some("none of the offered transfer syntaxes can be spoken"));
    assert_eq!(NtStatus::STATUS_NTLM_BLOCKED.name(), Some("STATUS_NTLM_BLOCKED"));
    assert_eq!(HResult(0x8004_1010).meaning(), Some("the namespace has no class of this name"));
    assert_eq!(HResult(0xdead_beef).meaning(), None);
}

#[test]
fn one_code_in_several_forms() {
    assert_eq!(FaultStatus(1722).hresult(), HResult(0x8007_06ba));
    assert_eq!(FaultStatus(0x8007_06ba).hresult(), HResult(0x8007_06ba));
    assert_eq!(HResult(0x8007_06ba).win32(), Some(FaultStatus::RPC_S_SERVER_UNAVAILABLE));
    assert_eq!(HResult(0xd000_006d).nt(), Some(NtStatus::STATUS_LOGON_FAILURE));
    assert_eq!((HResult(0x8004_1010).win32(), HResult(0x8004_1010).nt()), (None, None));
}

#[test]
fn success_is_the_clear_severity_bit() {
    assert!(HResult::WBEM_S_TIMEDOUT.is_success() && HResult::S_OK.is_success());
    assert!(!HResult::WBEM_E_FAILED.is_success() && !HResult::E_NOINTERFACE.is_success());
}

#[test]
fn whatever_says_that_the_account_was_refused_is_recognised_in_each_form() {
    // ERROR_ACCESS_DENIED, _LOGON_FAILURE, _PASSWORD_EXPIRED, _ACCOUNT_LOCKED_OUT; the same as NTSTATUS; SEC_E_LOGON_DENIED.
    for code in [5, 1326, 1330, 1909, 0xc000_0022, 0xc000_006d, 0xc000_0071, 0xc000_0234, 0x8009_030c] {
        assert!(FaultStatus(code).hresult().refuses_account(), "{code:#x}");
    }
    for code in [0x8007_052e, 0xd000_006d, 0x8007_0775] {
        assert!(HResult(code).refuses_account(), "{code:#x}");
    }
    // RPC_S_SERVER_UNAVAILABLE, nca_s_unk_if, RPC_E_DISCONNECTED, WBEM_E_ACCESS_DENIED of a namespace or provider.
    for code in [1722, 0x1c01_0003, 0x8001_0108, 0x8004_1003] {
        assert!(!FaultStatus(code).hresult().refuses_account(), "{code:#x}");
    }
}
