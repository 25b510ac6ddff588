//! GUIDs, interfaces, and the identifiers that WMI over DCOM uses.

use core::fmt;

/// [MS-DTYP 2.3.4] GUID, kept in its little-endian wire form.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid([u8; 16]);

impl Guid {
    /// The GUID of zeros, GUID_NULL.
    pub const NULL: Self = Self([0; 16]);

    /// From the four groups of its text form: `a-b-c-d` where `d` is the last eight octets.
    #[must_use]
    pub const fn from_fields(a: u32, b: u16, c: u16, d: [u8; 8]) -> Self {
        let ([a0, a1, a2, a3], [b0, b1], [c0, c1]) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
        let [d0, d1, d2, d3, d4, d5, d6, d7] = d;
        Self([a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7])
    }

    /// From the number that its text form spells when the hyphens are left out.
    #[must_use]
    pub const fn from_u128(v: u128) -> Self {
        let [a0, a1, a2, a3, b0, b1, c0, c1, d @ ..] = v.to_be_bytes();
        Self::from_fields(
            u32::from_be_bytes([a0, a1, a2, a3]),
            u16::from_be_bytes([b0, b1]),
            u16::from_be_bytes([c0, c1]),
            d,
        )
    }

    /// From the sixteen octets of the wire.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen octets of the wire.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Whether all octets are zero.
    #[must_use]
    pub fn is_null(&self) -> bool {
        *self == Self::NULL
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7] = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{d0:02x}{d1:02x}-{d2:02x}{d3:02x}{d4:02x}{d5:02x}{d6:02x}{d7:02x}",
            u32::from_le_bytes([a0, a1, a2, a3]),
            u16::from_le_bytes([b0, b1]),
            u16::from_le_bytes([c0, c1])
        )
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An RPC interface or transfer syntax: a UUID and a version ([C706 12.6.3.1] p_syntax_id_t).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface {
    /// The UUID; for an ORPC interface its IID.
    pub uuid: Guid,
    /// The major version.
    pub major: u16,
    /// The minor version.
    pub minor: u16,
}

impl Interface {
    /// Version 0.0 of `uuid`, which is what every ORPC interface has.
    #[must_use]
    pub const fn orpc(uuid: Guid) -> Self {
        Self { uuid, major: 0, minor: 0 }
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $vis:vis fn $fn:ident; $($(#[$item:meta])* $name:ident = $value:literal;)*) => {
        $( $(#[$item])* pub const $name: Guid = Guid::from_u128($value); )*
        $(#[$doc])*
        #[must_use]
        $vis fn $fn(guid: &Guid) -> Option<&'static str> {
            $( if *guid == $name { return Some(stringify!($name)); } )*
            None
        }
    };
}

names! {
    /// The specification's name of an identifier in this table, without a hyphen.
    pub fn guid_name;
    /// [MS-DCOM 1.9] IObjectExporter.
    IID_IOBJECT_EXPORTER = 0x99fcfec4_5260_101b_bbcb_00aa0021347a;
    /// [MS-DCOM 1.9] IRemoteSCMActivator.
    IID_IREMOTE_SCM_ACTIVATOR = 0x000001a0_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] IUnknown.
    IID_IUNKNOWN = 0x00000000_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] IRemUnknown.
    IID_IREM_UNKNOWN = 0x00000131_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] IRemUnknown2.
    IID_IREM_UNKNOWN2 = 0x00000143_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] the iid of the activation properties going in.
    IID_IACTIVATION_PROPERTIES_IN = 0x000001a2_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] the iid of the activation properties coming out.
    IID_IACTIVATION_PROPERTIES_OUT = 0x000001a3_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] IContext.
    IID_ICONTEXT = 0x000001c0_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] the unmarshaller of a context.
    CLSID_CONTEXT_MARSHALER = 0x0000033b_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] ActivationContextInfo.
    CLSID_ACTIVATION_CONTEXT_INFO = 0x000001a5_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] ActivationPropertiesIn.
    CLSID_ACTIVATION_PROPERTIES_IN = 0x00000338_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] ActivationPropertiesOut, which is also PropsOutInfo.
    CLSID_ACTIVATION_PROPERTIES_OUT = 0x00000339_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] InstanceInfo.
    CLSID_INSTANCE_INFO = 0x000001ad_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] InstantiationInfo.
    CLSID_INSTANTIATION_INFO = 0x000001ab_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] ScmReplyInfo.
    CLSID_SCM_REPLY_INFO = 0x000001b6_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] ScmRequestInfo.
    CLSID_SCM_REQUEST_INFO = 0x000001aa_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] SecurityInfo.
    CLSID_SECURITY_INFO = 0x000001a6_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] ServerLocationInfo.
    CLSID_SERVER_LOCATION_INFO = 0x000001a4_0000_0000_c000_000000000046;
    /// [MS-DCOM 1.9] SpecialSystemProperties.
    CLSID_SPECIAL_SYSTEM_PROPERTIES = 0x000001b9_0000_0000_c000_000000000046;
    /// [MS-DCOM 2.2.21] the error information extension of ORPCTHAT.
    CLSID_ERROR_EXTENSION = 0x0000031c_0000_0000_c000_000000000046;
    /// [MS-WMI 1.9] IWbemLevel1Login.
    IID_IWBEM_LEVEL1_LOGIN = 0xf309ad18_d86a_11d0_a075_00c04fb68820;
    /// [MS-WMI 1.9] IWbemLoginClientID.
    IID_IWBEM_LOGIN_CLIENT_ID = 0xd4781cd6_e5d3_44df_ad94_930efe48a887;
    /// [MS-WMI 1.9] IWbemServices.
    IID_IWBEM_SERVICES = 0x9556dc99_828c_11cf_a37e_00aa003240c7;
    /// [MS-WMI 1.9] IEnumWbemClassObject.
    IID_IENUM_WBEM_CLASS_OBJECT = 0x027947e1_d731_11ce_a357_000000000001;
    /// [MS-WMI 1.9] IWbemFetchSmartEnum.
    IID_IWBEM_FETCH_SMART_ENUM = 0x1c1c45ee_4395_11d2_b60b_00104b703efd;
    /// [MS-WMI 1.9] IWbemWCOSmartEnum.
    IID_IWBEM_WCO_SMART_ENUM = 0x423ec01e_2e35_11d2_b604_00104b703efd;
    /// [MS-WMI 1.9] IWbemContext, marshalled by value.
    IID_IWBEM_CONTEXT = 0x44aca674_e8fc_11d0_a07c_00c04fb68820;
    /// [MS-WMI 1.9] IWbemClassObject, marshalled by value.
    IID_IWBEM_CLASS_OBJECT = 0xdc12a681_737f_11cf_884d_00aa004b2e24;
    /// [MS-WMI 1.9] IWbemCallResult.
    IID_IWBEM_CALL_RESULT = 0x44aca675_e8fc_11d0_a07c_00c04fb68820;
    /// [MS-WMI 1.9] the class that is activated.
    CLSID_WBEM_LEVEL1_LOGIN = 0x8bc3f05e_d86b_11d0_a075_00c04fb68820;
    /// [MS-WMI 2.2.4] the unmarshaller of objects.
    CLSID_WBEM_CLASS_OBJECT = 0x4590f812_1d3a_11d0_891f_00aa004b2e24;
    /// [MS-WMI 2.2.13] the unmarshaller of IWbemContext.
    CLSID_WBEM_CONTEXT = 0x674b6698_ee92_11d0_ad71_00c04fd8fdff;
    /// [C706 14] the NDR 2.0 transfer syntax.
    NDR = 0x8a885d04_1ceb_11c9_9fe8_08002b104860;
    /// [MS-RPCE 2.2.5] the NDR64 transfer syntax.
    NDR64 = 0x71710533_beba_4937_8319_b5dbef9ccc36;
}
