use wmi_proto::FileTime;
use wmi_proto::cim::{CimObject, CimValue};
use wmi_proto::wire::HResult;

use super::Profile;
use crate::repository::{QueryError, Repository};

const NOW: FileTime = FileTime(133_900_000_000_000_000);
const CIMV2: &str = "root\\cimv2";

fn of(profile: Profile) -> Repository {
    Repository::of(profile, 3, NOW)
}

/// A column of what a query selects, as text.
fn column(profile: Profile, wql: &str, name: &str) -> Vec<String> {
    let rows = of(profile).query(CIMV2, wql, NOW).unwrap_or_else(|error| panic!("{profile}: {wql}: {error}"));
    let value = |row: CimObject| match row.get(name).expect("selected").expect("decodes") {
        CimValue::String(text) => text.to_str().into_owned(),
        CimValue::Null => String::new(),
        number => number.as_i64().map_or_else(|| format!("{number:?}"), |number| number.to_string()),
    };
    rows.map(value).collect()
}

fn refusal(profile: Profile, namespace: &str, wql: &str) -> Option<HResult> {
    of(profile).query(namespace, wql, NOW).err().map(|error: QueryError| error.status())
}

#[test]
fn names_read_back_and_strangers_are_refused() {
    for &profile in Profile::ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
        assert!(!profile.description().is_empty());
    }
    assert_eq!("mainframe".parse::<Profile>().expect_err("unknown").to_string(), "no profile is called \"mainframe\"");
    assert_eq!(Profile::default(), Profile::Server2022);
}

#[test]
fn every_profile_has_every_row_that_it_declares() {
    for &profile in Profile::ALL {
        let machine = of(profile);
        for expected in machine.expected(NOW) {
            let query = format!("SELECT * FROM {}", expected.class);
            match machine.query(&expected.namespace, &query, NOW) {
                Ok(rows) => assert_eq!(rows.count(), expected.rows.len(), "{profile}: {query}"),
                Err(error) => assert!(matches!(error, QueryError::Provider(..)), "{profile}: {query}: {error}"),
            }
        }
    }
}

#[test]
fn a_server_of_2009_calls_itself_so_and_starts_no_service_late() {
    let old = Profile::Server2008R2;
    assert_eq!(column(old, "SELECT Version FROM Win32_OperatingSystem", "Version"), ["6.1.7601"]);
    assert_eq!(column(old, "SELECT CSDVersion FROM Win32_OperatingSystem", "CSDVersion"), ["Service Pack 1"]);
    let late = "SELECT DelayedAutoStart FROM Win32_Service";
    assert_eq!(refusal(old, CIMV2, late), Some(HResult::WBEM_E_INVALID_QUERY));
    assert_eq!(refusal(Profile::Server2022, CIMV2, late), None);
}

#[test]
fn a_workstation_is_in_a_workgroup() {
    let role = "SELECT DomainRole, Workgroup FROM Win32_ComputerSystem";
    assert_eq!(column(Profile::Workstation, role, "DomainRole"), ["0"]);
    assert_eq!(column(Profile::Workstation, role, "Workgroup"), ["WORKGROUP"]);
    assert_eq!(column(Profile::Server2022, role, "DomainRole"), ["3"]);
    let caption = "SELECT Caption FROM Win32_OperatingSystem";
    assert_eq!(column(Profile::Workstation, caption, "Caption"), ["Microsoft Windows 11 Pro"]);
}

#[test]
fn without_rights_lists_are_short_and_providers_refuse() {
    let logons = "SELECT Name FROM Win32_Process WHERE Name = 'winlogon.exe'";
    assert_eq!(column(Profile::Server2022, logons, "Name"), ["winlogon.exe"; 3]);
    assert_eq!(column(Profile::NoRights, logons, "Name"), [""; 0]);
    let refused = refusal(Profile::NoRights, "root\\default", "SELECT * FROM StdRegProv");
    assert_eq!(refused, Some(HResult::WBEM_E_ACCESS_DENIED));
}

#[test]
fn broken_counters_are_no_classes() {
    for class in ["Win32_PerfRawData_PerfOS_Processor", "Win32_PerfFormattedData_PerfOS_System"] {
        let wql = format!("SELECT * FROM {class}");
        assert_eq!(refusal(Profile::BrokenCounters, CIMV2, &wql), Some(HResult::WBEM_E_INVALID_CLASS));
        assert_eq!(refusal(Profile::Server2022, CIMV2, &wql), None);
    }
}
