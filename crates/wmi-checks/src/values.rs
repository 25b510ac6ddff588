//! Texts for the numbers that Windows gives for states and kinds.

use std::borrow::Cow;

/// Win32_NetworkAdapter.NetConnectionStatus.
pub(crate) fn connection_status(status: u64) -> &'static str {
    match status {
        0 => "Disconnected",
        1 => "Connecting",
        2 => "Connected",
        3 => "Disconnecting",
        4 => "Hardware Not Present",
        5 => "Hardware Disabled",
        6 => "Hardware Malfunction",
        7 => "Media Disconnected",
        8 => "Authenticating",
        9 => "Authentication Succeeded",
        10 => "Authentication Failed",
        11 => "Invalid Address",
        12 => "Credentials Required",
        _ => "Other",
    }
}

/// The last ConfigManagerErrorCode that InfraSonar has a text for.
pub(crate) const LAST_OLD_DEVICE_PROBLEM: u64 = 31;

/// ConfigManagerErrorCode of a device: what the device manager says of it, up to
/// [`LAST_OLD_DEVICE_PROBLEM`] in the words of the documentation of Win32_NetworkAdapter, which InfraSonar has too.
pub(crate) fn device_problem(code: u64) -> Option<&'static str> {
    Some(match code {
        0 => "This device is working properly",
        1 => "This device is not configured correctly",
        2 => "Windows cannot load the driver for this device",
        3 => {
            "The driver for this device might be corrupted, or your system may be running low on memory or \
             other resources"
        }
        4 => "This device is not working properly. One of its drivers or your registry might be corrupted",
        5 => "The driver for this device needs a resource that Windows cannot manage",
        6 => "The boot configuration for this device conflicts with other devices",
        7 => "Cannot filter",
        8 => "The driver loader for the device is missing",
        9 => {
            "This device is not working properly because the controlling firmware is reporting the \
             resources for the device incorrectly"
        }
        10 => "This device cannot start",
        11 => "This device failed",
        12 => "This device cannot find enough free resources that it can use",
        13 => "Windows cannot verify this device's resources",
        14 => "This device cannot work properly until you restart your computer",
        15 => "This device is not working properly because there is probably a re-enumeration problem",
        16 => "Windows cannot identify all the resources this device uses",
        17 => "This device is asking for an unknown resource type",
        18 => "Reinstall the drivers for this device",
        19 => "Failure using the VxD loader",
        20 => "Your registry might be corrupted",
        21 => {
            "System failure. Try changing the driver for this device. If that does not work, see your \
             hardware documentation. Windows is removing this device"
        }
        22 => "This device is disabled",
        23 => {
            "System failure. Try changing the driver for this device. If that does not work, see your \
             hardware documentation"
        }
        24 => "This device is not present, is not working properly, or does not have all of its drivers installed",
        25 | 26 => "Windows is still setting up this device",
        27 => "This device does not have a valid log configuration",
        28 => "The drivers for this device are not installed",
        29 => "This device is disabled because the firmware of the device did not give it the required resources",
        30 => "This device is using an Interrupt Request resource that another device is using",
        31 => "This device is not working properly because Windows cannot load the drivers required for this device",
        32 => "The service of the driver is disabled",
        33 => "Windows cannot tell which resources this device needs",
        34 => "The settings of this device have to be made by hand",
        35 => "The firmware does not describe the resources of this device well enough",
        36 => "This device wants a PCI interrupt but is set up for ISA, or the reverse",
        37 => "The driver does not initialize this device",
        38 => "An earlier instance of the driver is still in memory",
        39 => "The driver is damaged or missing",
        40 => "The registry key of the driver lacks information or is wrong",
        41 => "The driver is loaded but finds no device",
        42 => "The same device is already running",
        43 => "The driver reported a problem and the device was stopped",
        44 => "A program or service shut this device down",
        45 => "This device is not connected",
        46 => "Windows is shutting down and cannot reach this device",
        47 => "This device was prepared for safe removal and is still there",
        48 => "The driver is blocked because it has known problems",
        49 => "The system hive of the registry is too large for new devices",
        50 => "Windows cannot apply all settings of this device",
        51 => "This device waits for another device",
        52 => "The signature of the driver cannot be verified",
        53 => "This device is reserved for the kernel debugger",
        54 => "This device failed and is being reset",
        55 => "This device waits for permission of a user",
        56 => "Windows is still setting up the class of this device",
        57 => "This device is in quarantine",
        _ => return None,
    })
}

/// Win32_IP4RouteTable.Protocol: who made the route.
pub(crate) fn route_protocol(protocol: u64) -> Option<&'static str> {
    Some(match protocol {
        1 => "other",
        2 => "local",
        3 => "netmgmt",
        4 => "icmp",
        5 => "egp",
        6 => "ggp",
        7 => "hello",
        8 => "rip",
        9 => "is-is",
        10 => "es-is",
        11 => "ciscoIgrp",
        12 => "bbnSpfIgp",
        13 => "ospf",
        14 => "bgp",
        _ => return None,
    })
}

/// The same of the numbers that Windows has of its own, for which InfraSonar has no names: MIB_IPPROTO_NT_AUTOSTATIC,
/// MIB_IPPROTO_NT_STATIC and MIB_IPPROTO_NT_STATIC_NON_DOD.
pub(crate) fn route_protocol_of_windows(protocol: u64) -> Option<&'static str> {
    Some(match protocol {
        10_002 => "autostatic",
        10_006 => "static",
        10_007 => "static-non-dod",
        _ => return route_protocol(protocol),
    })
}

/// Win32_IP4RouteTable.Type.
pub(crate) fn route_type(kind: u64) -> Option<&'static str> {
    Some(match kind {
        1 => "Other",
        2 => "Invalid",
        3 => "Direct",
        4 => "Indirect",
        _ => return None,
    })
}

/// MSFT_NetTCPConnection.State, with its name in that class.
pub(crate) const TCP_STATES: [(u64, &str); 13] = [
    (1, "Closed"),
    (2, "Listen"),
    (3, "SynSent"),
    (4, "SynReceived"),
    (5, "Established"),
    (6, "FinWait1"),
    (7, "FinWait2"),
    (8, "CloseWait"),
    (9, "Closing"),
    (10, "LastAck"),
    (11, "TimeWait"),
    (12, "DeleteTCB"),
    // Not in the documentation of the class, but hosts send it: a port that a socket holds without a connection.
    (100, "Bound"),
];

/// The name of a state.
pub(crate) fn tcp_state(state: u64) -> Option<&'static str> {
    TCP_STATES.iter().find(|(number, _)| *number == state).map(|(_, name)| *name)
}

/// What Win32_Share.Type says: a kind and flags ([MS-SRVS] 2.2.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShareType {
    /// The kind, unless it is unknown.
    pub(crate) kind: Option<&'static str>,
    /// Made by the system for administration, as `C$`.
    pub(crate) special: bool,
    /// Gone after a restart.
    pub(crate) temporary: bool,
    /// Of a cluster: of its own, scaled out, or in its name space.
    pub(crate) cluster: bool,
}

impl ShareType {
    /// Takes the number apart.
    pub(crate) fn of(number: u64) -> Self {
        const SPECIAL: u64 = 0x8000_0000;
        const TEMPORARY: u64 = 0x4000_0000;
        /// STYPE_CLUSTER_FS, STYPE_CLUSTER_SOFS and STYPE_CLUSTER_DFS.
        const CLUSTER: u64 = 0x0e00_0000;
        let kind = match number & !(SPECIAL | TEMPORARY | CLUSTER) {
            0 => Some("Disk Drive"),
            1 => Some("Print Queue"),
            2 => Some("Device"),
            3 => Some("IPC"),
            _ => None,
        };
        Self {
            kind,
            special: number & SPECIAL != 0,
            temporary: number & TEMPORARY != 0,
            cluster: number & CLUSTER != 0,
        }
    }

    /// The text that InfraSonar has for it.
    pub(crate) fn infrasonar(self) -> &'static str {
        match (self.kind, self.special, self.temporary || self.cluster) {
            (Some(kind), false, false) => kind,
            (Some("Disk Drive"), true, false) => "Disk Drive Admin",
            (Some("Print Queue"), true, false) => "Print Queue Admin",
            (Some("Device"), true, false) => "Device Admin",
            (Some("IPC"), true, false) => "IPC Admin",
            _ => "Unknown",
        }
    }
}

/// Win32_ComputerSystem.DomainRole.
pub(crate) fn domain_role(role: u64) -> Option<&'static str> {
    Some(match role {
        0 => "Standalone Workstation",
        1 => "Member Workstation",
        2 => "Standalone Server",
        3 => "Member Server",
        4 => "Backup Domain Controller",
        5 => "Primary Domain Controller",
        _ => return None,
    })
}

/// Win32_LogonSession.LogonType.
pub(crate) fn logon_type(kind: u64) -> Option<&'static str> {
    Some(match kind {
        0 => "System",
        2 => "Interactive",
        3 => "Network",
        4 => "Batch",
        5 => "Service",
        6 => "Proxy",
        7 => "Unlock",
        8 => "NetworkCleartext",
        9 => "NewCredentials",
        10 => "RemoteInteractive",
        11 => "CachedInteractive",
        12 => "CachedRemoteInteractive",
        13 => "CachedUnlock",
        _ => return None,
    })
}

/// Win32_Product.InstallState.
pub(crate) fn package_state(state: i64) -> Cow<'static, str> {
    Cow::Borrowed(match state {
        -6 => "Bad Configuration",
        -2 => "Invalid Argument",
        -1 => "Unknown Package",
        1 => "Advertised",
        2 => "Absent",
        5 => "Installed",
        _ => return state.to_string().into(),
    })
}

/// The language of a language identifier in decimal digits ([MS-LCID 2.2]), by its primary language; the digits when it
/// has no name here. `None` for what is no identifier.
pub(crate) fn language(id: &str) -> Option<String> {
    let id: u32 = id.trim().parse().ok()?;
    let name = match id & 0x3ff {
        0x00 => "Neutral",
        0x01 => "Arabic",
        0x02 => "Bulgarian",
        0x03 => "Catalan",
        0x04 => "Chinese",
        0x05 => "Czech",
        0x06 => "Danish",
        0x07 => "German",
        0x08 => "Greek",
        0x09 => "English",
        0x0a => "Spanish",
        0x0b => "Finnish",
        0x0c => "French",
        0x0d => "Hebrew",
        0x0e => "Hungarian",
        0x0f => "Icelandic",
        0x10 => "Italian",
        0x11 => "Japanese",
        0x12 => "Korean",
        0x13 => "Dutch",
        0x14 => "Norwegian",
        0x15 => "Polish",
        0x16 => "Portuguese",
        0x18 => "Romanian",
        0x19 => "Russian",
        0x1b => "Slovak",
        0x1d => "Swedish",
        0x1e => "Thai",
        0x1f => "Turkish",
        0x22 => "Ukrainian",
        0x24 => "Slovenian",
        0x25 => "Estonian",
        0x26 => "Latvian",
        0x27 => "Lithuanian",
        0x2a => "Vietnamese",
        _ => return Some(id.to_string()),
    };
    Some(name.to_owned())
}

/// `text` in ASCII, as InfraSonar needs names: what is not becomes a question mark.
pub(crate) fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_types_are_kinds_and_flags() {
        let plain = ShareType { kind: Some("Disk Drive"), special: false, temporary: false, cluster: false };
        assert_eq!(ShareType::of(0), plain);
        assert_eq!(ShareType::of(0x8000_0003), ShareType { kind: Some("IPC"), special: true, ..plain });
        assert_eq!(ShareType::of(0x4000_0000), ShareType { temporary: true, ..plain });
        for cluster in [0x0200_0000, 0x0400_0000, 0x0800_0000] {
            assert_eq!(ShareType::of(cluster), ShareType { cluster: true, ..plain });
            assert_eq!(ShareType::of(cluster).infrasonar(), "Unknown", "as in the original");
        }
        assert_eq!(ShareType::of(77), ShareType { kind: None, ..plain });
        assert_eq!(ShareType::of(77).infrasonar(), "Unknown");
        assert_eq!(ShareType::of(0xc000_0000).infrasonar(), "Unknown");
    }

    #[test]
    fn quirk_share_type_texts_have_no_stray_back_tick() {
        let texts = [0, 1, 2, 3, 4].map(|kind| ShareType::of(0x8000_0000 | kind).infrasonar());
        assert_eq!(texts, ["Disk Drive Admin", "Print Queue Admin", "Device Admin", "IPC Admin", "Unknown"]);
    }

    #[test]
    fn quirk_state_100_is_bound() {
        assert_eq!(tcp_state(100), Some("Bound"));
        assert_eq!(tcp_state(13), None);
    }

    #[test]
    fn every_device_problem_has_a_text_of_its_own() {
        let mut texts: Vec<_> = (0..=57).map(|code| device_problem(code).expect("known")).collect();
        texts.sort_unstable();
        let all = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), all - 1, "25 and 26 are the same");
        assert_eq!(device_problem(58), None);
    }
}
