use std::collections::BTreeSet;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimObject, CimValue};
use wmi_proto::wire::HResult;

use super::Profile;
use crate::config::{DEFAULT_DOMAIN, DEFAULT_USER};
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
    // To make all rows of the huge one, once for each class above them, takes minutes.
    for &profile in Profile::ALL.iter().filter(|profile| **profile != Profile::Huge) {
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

/// What is counted is what is listed, and memory adds up.
#[test]
fn numbers_agree_on_every_profile() {
    for &profile in Profile::ALL {
        let machine = of(profile);
        let count = |namespace: &str, wql: &str| machine.query(namespace, wql, NOW).map(|rows| rows.count() as u64);
        let cell = |class: &str, name: &str| {
            let row = machine.query(CIMV2, &format!("SELECT {name} FROM {class}"), NOW).ok()?.next()?;
            row.get(name)?.expect("decodes").as_u64()
        };
        let os = |name| cell("Win32_OperatingSystem", name).unwrap_or_else(|| panic!("{profile}: {name}"));
        let listed = count(CIMV2, "SELECT ProcessId FROM Win32_Process").expect("valid");
        assert_eq!(os("NumberOfProcesses"), listed, "{profile}");
        let files = machine.query(CIMV2, "SELECT AllocatedBaseSize, CurrentUsage FROM Win32_PageFileUsage", NOW);
        let mut sizes = [0; 2];
        for file in files.expect("valid") {
            for (size, name) in sizes.iter_mut().zip(["AllocatedBaseSize", "CurrentUsage"]) {
                *size += file.get(name).expect("there").expect("decodes").as_u64().expect("a number") * 1024;
            }
        }
        let paging = ["SizeStoredInPagingFiles", "FreeSpaceInPagingFiles"].map(os);
        assert_eq!(paging, [sizes[0], sizes[0] - sizes[1]], "{profile}");
        let total = os("TotalVirtualMemorySize");
        assert_eq!(total, os("TotalVisibleMemorySize") + sizes[0], "{profile}");
        // Where there are any counters.
        if let Some(counted) = cell("Win32_PerfFormattedData_PerfOS_System", "Processes") {
            assert_eq!(counted, listed, "{profile}");
            let memory = |name| cell("Win32_PerfFormattedData_PerfOS_Memory", name).expect("there");
            assert_eq!(memory("CommitLimit"), total << 10, "{profile}");
            assert_eq!(memory("CommittedBytes"), (total - os("FreeVirtualMemory")) << 10, "{profile}");
            for (class, pattern) in [("TCPv4", "%.%"), ("TCPv6", "%:%")] {
                let wql = format!(
                    "SELECT State FROM MSFT_NetTCPConnection WHERE State = 5 AND LocalAddress LIKE '{pattern}'"
                );
                if let Ok(listed) = count("root/StandardCIMV2", &wql) {
                    let counted = cell(&format!("Win32_PerfFormattedData_Tcpip_{class}"), "ConnectionsEstablished");
                    assert_eq!(counted, Some(listed), "{profile}");
                }
            }
        }
    }
    let huge = "SELECT ConnectionsEstablished FROM Win32_PerfFormattedData_Tcpip_TCPv4";
    assert!(number(Profile::Huge, huge, "ConnectionsEstablished") > 97_000);
}

fn number(profile: Profile, wql: &str, name: &str) -> u64 {
    column(profile, wql, name)
        .first()
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("{profile}: {wql}"))
}

#[test]
fn a_server_of_2009_calls_itself_so_and_lacks_what_came_later() {
    let old = Profile::Server2008R2;
    assert_eq!(column(old, "SELECT Version FROM Win32_OperatingSystem", "Version"), ["6.1.7601"]);
    assert_eq!(column(old, "SELECT CSDVersion FROM Win32_OperatingSystem", "CSDVersion"), ["Service Pack 1"]);
    for (class, property) in [
        ("Win32_Service", "DelayedAutoStart"),
        ("Win32_ComputerSystem", "HypervisorPresent"),
        ("Win32_ComputerSystem", "SystemFamily"),
        ("Win32_OperatingSystem", "PortableOperatingSystem"),
        ("Win32_PerfFormattedData_Counters_ProcessorInformation", "PercentProcessorUtility"),
        ("Win32_PerfRawData_Counters_ProcessorInformation", "AverageIdleTime_Base"),
        ("Win32_PerfRawData_Tcpip_NetworkInterface", "TCPRSCExceptionsPersec"),
    ] {
        let late = format!("SELECT {property} FROM {class}");
        assert_eq!(refusal(old, CIMV2, &late), Some(HResult::WBEM_E_INVALID_QUERY), "{late}");
        assert_eq!(refusal(Profile::Server2022, CIMV2, &late), None, "{late}");
    }
    let connections = "SELECT * FROM MSFT_NetTCPConnection";
    assert_eq!(refusal(old, "root\\StandardCimv2", connections), Some(HResult::WBEM_E_INVALID_NAMESPACE));
    assert_eq!(refusal(Profile::Server2022, "root\\StandardCimv2", connections), None);
    let names = |profile| {
        let rows = of(profile).query("root", "SELECT Name FROM __NAMESPACE", NOW).expect("valid");
        rows.map(|row| row.get("Name").expect("there").expect("decodes")).collect::<Vec<_>>()
    };
    assert_eq!(names(old).len() + 1, names(Profile::Server2022).len());
}

/// Connections of Windows Server 2012 have neither an owner nor a time, on hosts of any kind that list them.
#[test]
fn connections_of_2012_say_less() {
    for &profile in Profile::ALL.iter().filter(|profile| **profile != Profile::Server2008R2) {
        let (now, then) = (of(profile), of(profile).with_connections_of_2012(profile));
        for (class, columns) in
            [("MSFT_NetTCPConnection", "InstanceID, State"), ("MSFT_NetUDPEndpoint", "InstanceID, LocalPort")]
        {
            let wql = format!("SELECT {columns} FROM {class}");
            let rows = |machine: &Repository| machine.query("root/StandardCIMV2", &wql, NOW).expect("valid");
            assert_eq!(rows(&then).left(), rows(&now).left(), "{profile}");
            let told = |row: CimObject| row.values().map(|value| value.expect("decodes")).collect::<Vec<_>>();
            assert!(rows(&then).map(told).take(200).eq(rows(&now).map(told).take(200)), "{profile}");
            for column in ["CreationTime", "OwningProcess"] {
                let wql = format!("SELECT {column} FROM {class}");
                let refusal = then.query("root/StandardCIMV2", &wql, NOW).err().map(|error| error.status());
                assert_eq!(refusal, Some(HResult::WBEM_E_INVALID_QUERY), "{profile}: {wql}");
            }
        }
    }
}

#[test]
fn a_workstation_is_in_a_workgroup_and_has_neither_features_nor_a_page_file() {
    let role = "SELECT DomainRole, Workgroup FROM Win32_ComputerSystem";
    assert_eq!(column(Profile::Workstation, role, "DomainRole"), ["0"]);
    assert_eq!(column(Profile::Workstation, role, "Workgroup"), ["WORKGROUP"]);
    assert_eq!(column(Profile::Server2022, role, "DomainRole"), ["3"]);
    let system = "SELECT Caption, ProductType FROM Win32_OperatingSystem";
    assert_eq!(column(Profile::Workstation, system, "Caption"), ["Microsoft Windows 11 Pro"]);
    assert_eq!(column(Profile::Workstation, system, "ProductType"), ["1"]);
    let features = "SELECT Name FROM Win32_ServerFeature";
    assert_eq!(refusal(Profile::Workstation, CIMV2, features), Some(HResult::WBEM_E_INVALID_CLASS));
    for class in ["Win32_PageFileUsage", "Win32_PerfRawData_PerfOS_PagingFile"] {
        let files = format!("SELECT Name FROM {class}");
        assert_eq!(column(Profile::Workstation, &files, "Name"), [""; 0]);
        assert!(!column(Profile::Server2022, &files, "Name").is_empty());
    }
    assert_eq!(column(Profile::Workstation, "SELECT DomainName FROM Win32_NTDomain", "DomainName"), [""]);
}

#[test]
fn a_workstation_has_adapters_that_are_gone_and_sockets_that_share_a_port() {
    let wql = "SELECT ConfigManagerErrorCode FROM Win32_NetworkAdapter WHERE NetConnectionStatus = 4";
    assert_eq!(column(Profile::Workstation, wql, "ConfigManagerErrorCode"), ["24", "28"]);
    for id in [15, 16] {
        let wql = format!("ASSOCIATORS OF {{Win32_NetworkAdapter.DeviceID='{id}'}}");
        assert_eq!(column(Profile::Workstation, &wql, "Index"), [id.to_string()]);
    }
    let process = "SELECT ProcessId FROM Win32_Process WHERE Name = 'msedge.exe'";
    let owner = number(Profile::Workstation, process, "ProcessId");
    let wql = format!("SELECT * FROM MSFT_NetUDPEndpoint WHERE OwningProcess = {owner}");
    let sockets: Vec<_> = of(Profile::Workstation).query("root/StandardCIMV2", &wql, NOW).expect("valid").collect();
    let different = |name: &str| {
        let texts = sockets.iter().map(|row| format!("{:?}", row.get(name).expect("there").expect("decodes")));
        texts.collect::<BTreeSet<_>>().len()
    };
    assert_eq!(sockets.len(), 3);
    let columns = ["InstanceID", "LocalAddress", "LocalPort", "CreationTime"];
    assert_eq!(columns.map(different), [1, 1, 1, 3]);
}

/// Log-ons, programs, features and routes as not every server has them.
#[test]
fn the_ordinary_server_has_its_peculiarities() {
    let column = |wql: &str, name: &str| column(Profile::Server2022, wql, name);
    let agent = "SELECT LogonType FROM Win32_LogonSession WHERE LogonId = '742190'";
    assert_eq!(column(agent, "LogonType"), ["2"], "as if somebody sat at the machine");
    let jobs = "ASSOCIATORS OF {Win32_LogonSession.LogonId='742190'} WHERE AssocClass = Win32_SessionProcess";
    assert_eq!(column(jobs, "SessionId"), ["0"], "where services run");
    let features = "SELECT ID FROM Win32_ServerFeature WHERE Name = 'HTTP Activation'";
    assert_eq!(column(features, "ID"), ["421", "46"]);
    let routes = "SELECT Destination FROM Win32_IP4RouteTable WHERE Protocol = 10006";
    assert_eq!(column(routes, "Destination"), ["10.60.0.0"]);
}

#[test]
fn a_domain_controller_holds_the_directory() {
    let dc = Profile::DomainController;
    assert_eq!(column(dc, "SELECT DomainRole FROM Win32_ComputerSystem", "DomainRole"), ["5"]);
    assert_eq!(column(dc, "SELECT ProductType FROM Win32_OperatingSystem", "ProductType"), ["2"]);
    let shares = "SELECT Name FROM Win32_Share WHERE Name = 'SYSVOL' OR Name = 'NETLOGON'";
    assert_eq!(column(dc, shares, "Name"), ["NETLOGON", "SYSVOL"]);
    assert_eq!(column(Profile::Server2022, shares, "Name"), [""; 0]);
    let services = "SELECT State FROM Win32_Service WHERE Name = 'NTDS' OR Name = 'Kdc' OR Name = 'DFSR'";
    assert_eq!(column(dc, services, "State"), ["Running"; 3]);
    for (service, program) in
        [("DNS", "dns.exe"), ("DFSR", "DFSRs.exe"), ("ADWS", "Microsoft.ActiveDirectory.WebServices.exe")]
    {
        let wql =
            format!("SELECT ProcessId FROM Win32_Service WHERE Name = '{service}' AND ServiceType = 'Own Process'");
        let process = format!("SELECT Name FROM Win32_Process WHERE ProcessId = {}", number(dc, &wql, "ProcessId"));
        assert_eq!(column(dc, &process, "Name"), [program]);
    }
    let controller = "SELECT DomainControllerName FROM Win32_NTDomain WHERE DomainName = 'ACME'";
    assert_eq!(column(dc, controller, "DomainControllerName"), ["\\\\WINSIM"]);
}

#[test]
fn old_counters_show_64_of_256_processors_and_new_ones_all() {
    let names = |class: &str| column(Profile::Core256Cpus, &format!("SELECT Name FROM {class}"), "Name");
    assert_eq!(names("Win32_PerfRawData_PerfOS_Processor").len(), 64 + 1);
    let all = names("Win32_PerfRawData_Counters_ProcessorInformation");
    assert_eq!(all.len(), 256 + 4 + 1);
    assert!(all.iter().any(|name| name == "3,63"));
    let processors = "SELECT NumberOfLogicalProcessors FROM Win32_ComputerSystem";
    assert_eq!(number(Profile::Core256Cpus, processors, "NumberOfLogicalProcessors"), 256);
}

#[test]
fn without_rights_lists_are_short_and_providers_refuse() {
    let (own, all) = (Profile::NoRights, Profile::Server2022);
    let services = |profile| column(profile, "SELECT Name FROM Win32_Service", "Name").len();
    assert_eq!(services(own), 4);
    assert!(services(all) > 12);
    // Every process is there, and nothing that one has to open it for.
    let logons = "SELECT Name FROM Win32_Process WHERE Name = 'winlogon.exe'";
    assert_eq!(column(own, logons, "Name").len(), column(all, logons, "Name").len());
    for name in ["CommandLine", "ExecutablePath"] {
        let wql = format!("SELECT {name} FROM Win32_Process WHERE {name} IS NOT NULL");
        assert_eq!(column(own, &wql, name), [""; 0]);
        assert!(!column(all, &wql, name).is_empty());
    }
    // Of log-ons there is that of the account, without a process.
    assert_eq!(column(own, "SELECT LogonType FROM Win32_LogonSession", "LogonType"), ["3"]);
    let users = of(own).query(CIMV2, "SELECT Antecedent, Dependent FROM Win32_LoggedOnUser", NOW).expect("valid");
    let [user] = &users.collect::<Vec<_>>()[..] else { panic!("one") };
    let end = |name: &str| user.get(name).expect("selected").expect("decodes").as_str().expect("a path").into_owned();
    assert!(end("Antecedent").ends_with(&format!("Domain=\"{DEFAULT_DOMAIN}\",Name=\"{DEFAULT_USER}\"")));
    assert!(of(own).get_object(CIMV2, &end("Dependent"), NOW).is_ok());
    assert_eq!(column(own, "SELECT Dependent FROM Win32_SessionProcess", "Dependent"), [""; 0]);
    // Counters are for members of a group.
    for class in ["Win32_PerfRawData_PerfOS_Processor", "Win32_PerfFormattedData_PerfOS_System"] {
        let counters = of(own).query(CIMV2, &format!("SELECT * FROM {class}"), NOW).expect("a class");
        assert_eq!(counters.count(), 0, "{class}");
    }
    for (namespace, class, status) in [
        ("root\\default", "StdRegProv", HResult::WBEM_E_ACCESS_DENIED),
        (CIMV2, "Win32_ShadowStorage", HResult::WBEM_E_INITIALIZATION_FAILURE),
        (CIMV2, "Win32_ShadowCopy", HResult::WBEM_E_INITIALIZATION_FAILURE),
    ] {
        let wql = format!("SELECT * FROM {class}");
        assert_eq!(refusal(Profile::NoRights, namespace, &wql), Some(status));
        assert_eq!(refusal(Profile::Server2022, namespace, &wql), None);
    }
}

#[test]
fn a_foreign_host_writes_days_first_and_names_in_its_own_letters() {
    let foreign = Profile::ForeignLocale;
    let dates = "SELECT InstalledOn FROM Win32_QuickFixEngineering WHERE HotFixID = 'KB5034439'";
    assert_eq!(column(foreign, dates, "InstalledOn"), ["09/01/2024"], "the ninth of January");
    assert_eq!(column(Profile::Server2022, dates, "InstalledOn"), ["1/9/2024"]);
    for (class, name) in [
        ("Win32_Service", "計測サービス"),
        ("Win32_ServerFeature", "ファイル サーバー"),
        ("Win32_Product", "日本語入力システム"),
        ("Win32_NetworkAdapter", "さくら VPN 仮想アダプター"),
    ] {
        let names = column(foreign, &format!("SELECT Name FROM {class}"), "Name");
        assert!(names.iter().any(|own| own == name), "{class}: {names:?}");
    }
    let locale = "SELECT Locale FROM Win32_OperatingSystem";
    assert_eq!(column(foreign, locale, "Locale"), ["0407"]);
}

/// All dates and zones of a host say the same of its clock.
#[test]
fn a_foreign_host_has_daylight_saving_time() {
    for (profile, zone, daylight, suffix) in
        [(Profile::Server2022, 60, false, "+060"), (Profile::ForeignLocale, 120, true, "+120")]
    {
        let cell = |wql: &str, name: &str| {
            let row = of(profile).query(CIMV2, wql, NOW).expect("valid").next().expect("a row");
            row.get(name).expect("selected").expect("decodes")
        };
        let (system, computer) = ("SELECT * FROM Win32_OperatingSystem", "SELECT * FROM Win32_ComputerSystem");
        for wql in [system, computer] {
            assert_eq!(cell(wql, "CurrentTimeZone"), CimValue::Sint16(zone), "{profile}: {wql}");
        }
        assert_eq!(cell(computer, "DaylightInEffect"), CimValue::Boolean(daylight), "{profile}");
        let date = cell(system, "LocalDateTime");
        assert!(date.as_str().is_some_and(|date| date.ends_with(suffix)), "{profile}: {date:?}");
        let ahead = |hour| (hour + 24 - cell("SELECT * FROM Win32_UTCTime", "Hour").as_u64().expect("a number")) % 24;
        let local = cell("SELECT * FROM Win32_LocalTime", "Hour").as_u64().expect("a number");
        assert_eq!(ahead(local) * 60, zone.unsigned_abs().into(), "{profile}");
    }
}

#[test]
fn a_huge_host_makes_its_rows_when_they_are_asked_for() {
    let machine = of(Profile::Huge);
    let connections = machine.query("root\\StandardCIMV2", "SELECT * FROM MSFT_NetTCPConnection", NOW).expect("valid");
    let row = connections.clone().nth(1_000).expect("there");
    assert!(row.get("RemoteAddress").expect("there").expect("decodes").as_str().expect("text").starts_with("10."));
    assert_eq!(connections.left(), 100_000);
    let processes = machine.query(CIMV2, "SELECT Name, ProcessId FROM Win32_Process", NOW).expect("valid");
    let ids: BTreeSet<_> =
        processes.map(|row| row.get("ProcessId").expect("there").expect("decodes").as_u64()).collect();
    assert_eq!(ids.len(), 3_000, "each with an identifier of its own");
    let counted = machine.query(CIMV2, "SELECT * FROM Win32_PerfRawData_PerfProc_Process", NOW).expect("valid");
    assert_eq!(counted.left(), 3_000 + 1);
}

#[test]
fn counters_that_jump_go_on_go_ahead_and_go_back() {
    let machine = of(Profile::Server2022).with_jumps();
    let sample = |seconds: u64| {
        let now = FileTime(NOW.0 + seconds * 10_000_000);
        let wql = "SELECT PercentIdleTime, Timestamp_Sys100NS FROM Win32_PerfRawData_PerfOS_Processor WHERE Name = '0'";
        let row = machine.query(CIMV2, wql, now).expect("valid").next().expect("a row");
        ["PercentIdleTime", "Timestamp_Sys100NS"].map(|name| row.get(name).expect("there").expect("decodes").as_u64())
    };
    let samples: Vec<_> = (0..30).map(sample).collect();
    let steps = |column: usize| samples.windows(2).map(move |two| two[1][column] > two[0][column]);
    assert!(steps(1).all(|ahead| ahead), "time itself goes on");
    assert!(steps(0).any(|ahead| !ahead), "a counter goes back");
}

#[test]
fn broken_counters_are_no_classes() {
    for class in ["Win32_PerfRawData_PerfOS_Processor", "Win32_PerfFormattedData_PerfOS_System"] {
        let wql = format!("SELECT * FROM {class}");
        assert_eq!(refusal(Profile::BrokenCounters, CIMV2, &wql), Some(HResult::WBEM_E_INVALID_CLASS));
        assert_eq!(refusal(Profile::Server2022, CIMV2, &wql), None);
    }
}

/// Whoever measures anything on the ordinary server measures what is usual.
#[test]
fn the_ordinary_server_is_of_usual_size() {
    let machine = of(Profile::Server2022);
    let count = |namespace: &str, class: &str| {
        machine.query(namespace, &format!("SELECT * FROM {class}"), NOW).expect("valid").count()
    };
    for (class, least, most) in [
        ("Win32_Process", 90, 130),
        ("Win32_Service", 200, 260),
        ("Win32_Product", 15, 40),
        ("Win32_ServerFeature", 80, 160),
        ("Win32_QuickFixEngineering", 5, 25),
        ("Win32_NetworkAdapter", 12, 20),
        ("Win32_IP4RouteTable", 10, 40),
    ] {
        let count = count(CIMV2, class);
        assert!((least..=most).contains(&count), "{class}: {count}");
    }
    for (class, least, most) in [("MSFT_NetTCPConnection", 60, 200), ("MSFT_NetUDPEndpoint", 20, 60)] {
        let count = count("root\\StandardCIMV2", class);
        assert!((least..=most).contains(&count), "{class}: {count}");
    }
}

#[test]
fn what_runs_on_the_ordinary_server_has_a_process_and_keys_are_unique() {
    let column = |wql: &str, name: &str| column(Profile::Server2022, wql, name);
    let processes = column("SELECT ProcessId FROM Win32_Process", "ProcessId");
    for class in ["Win32_Process", "Win32_Service", "Win32_ServerFeature"] {
        let key = match class {
            "Win32_Process" => "Handle",
            "Win32_Service" => "Name",
            _ => "ID",
        };
        let all = column(&format!("SELECT {key} FROM {class}"), key);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{class}");
    }
    for id in column("SELECT ProcessId FROM Win32_Service WHERE State = 'Running'", "ProcessId") {
        // The file server of the ordinary host has none that one sees.
        assert!(processes.contains(&id) || id == "2204", "{id}");
    }
    assert!(
        column("SELECT ProcessId FROM Win32_Service WHERE State = 'Stopped'", "ProcessId").iter().all(|id| id == "0")
    );
}
