//! What the check `network` reads.

use super::traffic::{COOKED_INTERFACE, INTERFACE, TCP4, TCP6, UDP4, UDP6};
use super::{ADAPTER, CONFIGURATION, ROUTE};
use crate::plan::{Part, Select};
use crate::{Options, Shape};

/// The last three are what hosts before Vista and Server 2008 do not have.
pub(super) const ADAPTER_COLUMNS: &[&str] = &[
    "AdapterType",
    "AutoSense",
    "ConfigManagerErrorCode",
    "MACAddress",
    "Manufacturer",
    "NetConnectionID",
    "NetConnectionStatus",
    "PNPDeviceID",
    "ProductName",
    "ServiceName",
    "Speed",
    "InterfaceIndex",
    "NetEnabled",
    "PhysicalAdapter",
];

/// The last one is what hosts before Vista and Server 2008 do not have.
pub(super) const CONFIGURATION_COLUMNS: &[&str] = &[
    "ArpAlwaysSourceRoute",
    "ArpUseEtherSNAP",
    "Caption",
    "DHCPEnabled",
    "DHCPLeaseExpires",
    "DHCPLeaseObtained",
    "DHCPServer",
    "DNSDomain",
    "DNSDomainSuffixSearchOrder",
    "DNSEnabledForWINSResolution",
    "DNSHostName",
    "DNSServerSearchOrder",
    "DatabasePath",
    "DeadGWDetectEnabled",
    "DefaultIPGateway",
    "DefaultTOS",
    "DefaultTTL",
    "Description",
    "DomainDNSRegistrationEnabled",
    "ForwardBufferMemory",
    "FullDNSRegistrationEnabled",
    "GatewayCostMetric",
    "IGMPLevel",
    "IPAddress",
    "IPConnectionMetric",
    "IPEnabled",
    "IPFilterSecurityEnabled",
    "IPSecPermitIPProtocols",
    "IPSecPermitTCPPorts",
    "IPSecPermitUDPPorts",
    "IPSubnet",
    "IPUseZeroBroadcast",
    "KeepAliveInterval",
    "KeepAliveTime",
    "MTU",
    "NumForwardPackets",
    "PMTUBHDetectEnabled",
    "PMTUDiscoveryEnabled",
    "SettingID",
    "TcpMaxConnectRetransmissions",
    "TcpMaxDataRetransmissions",
    "TcpNumConnections",
    "TcpUseRFC1122UrgentPointer",
    "TcpWindowSize",
    "TcpipNetbiosOptions",
    "WINSEnableLMHostsLookup",
    "WINSHostLookupFile",
    "WINSPrimaryServer",
    "WINSScopeID",
    "WINSSecondaryServer",
    "InterfaceIndex",
];

/// The last one is what hosts before Vista and Server 2008 do not have.
pub(super) const NATIVE_CONFIGURATION_COLUMNS: &[&str] = &[
    "Caption",
    "Description",
    "MACAddress",
    "SettingID",
    "IPEnabled",
    "IPAddress",
    "IPSubnet",
    "DefaultIPGateway",
    "IPConnectionMetric",
    "DHCPEnabled",
    "DHCPServer",
    "DHCPLeaseObtained",
    "DHCPLeaseExpires",
    "DNSHostName",
    "DNSDomain",
    "DNSDomainSuffixSearchOrder",
    "DNSServerSearchOrder",
    "DomainDNSRegistrationEnabled",
    "TcpipNetbiosOptions",
    "WINSPrimaryServer",
    "WINSSecondaryServer",
    "InterfaceIndex",
];

const ADAPTERS: Part = Part::new(
    ADAPTER,
    &[
        Select::all("Win32_NetworkAdapter", ADAPTER_COLUMNS),
        Select::all("Win32_NetworkAdapter", ADAPTER_COLUMNS.split_at(ADAPTER_COLUMNS.len() - 3).0),
    ],
)
.many();

const CONFIGURATIONS: Part = Part::new(
    CONFIGURATION,
    &[
        Select::all("Win32_NetworkAdapterConfiguration", CONFIGURATION_COLUMNS),
        Select::all(
            "Win32_NetworkAdapterConfiguration",
            CONFIGURATION_COLUMNS.split_at(CONFIGURATION_COLUMNS.len() - 1).0,
        ),
    ],
)
.many();

const NATIVE_CONFIGURATIONS: Part = Part::new(
    CONFIGURATION,
    &[
        Select::all("Win32_NetworkAdapterConfiguration", NATIVE_CONFIGURATION_COLUMNS),
        Select::all(
            "Win32_NetworkAdapterConfiguration",
            NATIVE_CONFIGURATION_COLUMNS.split_at(NATIVE_CONFIGURATION_COLUMNS.len() - 1).0,
        ),
    ],
)
.many();

const ROUTES: Part = Part::new(
    ROUTE,
    &[Select::all(
        "Win32_IP4RouteTable",
        &["Destination", "InterfaceIndex", "Mask", "Metric1", "NextHop", "Protocol", "Type"],
    )],
)
.many();

const FORMATTED_INTERFACES: Part = Part::new(
    INTERFACE,
    &[Select::all(
        "Win32_PerfFormattedData_Tcpip_NetworkInterface",
        &[
            "BytesReceivedPersec",
            "BytesSentPersec",
            "CurrentBandwidth",
            "Name",
            "OutputQueueLength",
            "PacketsOutboundDiscarded",
            "PacketsOutboundErrors",
            "PacketsReceivedDiscarded",
            "PacketsReceivedErrors",
        ],
    )],
)
.always();

const RAW_INTERFACES: Part = Part::new(
    INTERFACE,
    &[Select::all(
        "Win32_PerfRawData_Tcpip_NetworkInterface",
        &[
            "BytesReceivedPersec",
            "BytesSentPersec",
            "CurrentBandwidth",
            "Frequency_PerfTime",
            "Name",
            "OutputQueueLength",
            "PacketsOutboundDiscarded",
            "PacketsOutboundErrors",
            "PacketsReceivedDiscarded",
            "PacketsReceivedErrors",
            "PacketsReceivedPersec",
            "PacketsSentPersec",
            "Timestamp_PerfTime",
            "Timestamp_Sys100NS",
        ],
    )],
)
.always();

const COOKED_INTERFACES: Part = Part::new(
    COOKED_INTERFACE,
    &[Select::all(
        "Win32_PerfFormattedData_Tcpip_NetworkInterface",
        &["BytesReceivedPersec", "BytesSentPersec", "Name", "PacketsReceivedPersec", "PacketsSentPersec"],
    )],
);

/// The parts of a round that has no samples to compare with.
pub(super) fn first(options: &Options) -> &'static [Part] {
    static NATIVE: [Part; 13] = [
        NATIVE_CONFIGURATIONS,
        ADAPTERS,
        RAW_INTERFACES,
        ROUTES,
        TCP4.raw,
        TCP6.raw,
        UDP4.raw,
        UDP6.raw,
        COOKED_INTERFACES,
        TCP4.cooked,
        TCP6.cooked,
        UDP4.cooked,
        UDP6.cooked,
    ];
    static INFRASONAR: [Part; 12] = [
        CONFIGURATIONS,
        ADAPTERS,
        FORMATTED_INTERFACES,
        ROUTES,
        TCP4.raw,
        TCP6.raw,
        UDP4.raw,
        UDP6.raw,
        TCP4.cooked,
        TCP6.cooked,
        UDP4.cooked,
        UDP6.cooked,
    ];
    match options.shape {
        Shape::Native => &NATIVE,
        Shape::Infrasonar => &INFRASONAR,
    }
}

/// The parts of a round that has samples to compare with.
pub(super) fn later(options: &Options) -> &'static [Part] {
    static NATIVE: [Part; 9] = [
        NATIVE_CONFIGURATIONS,
        ADAPTERS,
        RAW_INTERFACES,
        ROUTES,
        TCP4.raw,
        TCP6.raw,
        UDP4.raw,
        UDP6.raw,
        COOKED_INTERFACES.when(super::traffic::octets_wrap),
    ];
    static INFRASONAR: [Part; 8] =
        [CONFIGURATIONS, ADAPTERS, FORMATTED_INTERFACES, ROUTES, TCP4.raw, TCP6.raw, UDP4.raw, UDP6.raw];
    match options.shape {
        Shape::Native => &NATIVE,
        Shape::Infrasonar => &INFRASONAR,
    }
}
