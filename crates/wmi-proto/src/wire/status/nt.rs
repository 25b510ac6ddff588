//! NTSTATUS ([MS-ERREF 2.3.1]): of log-ons mostly, alone or with the bit that makes an HRESULT of it.

use crate::wire::status::{NtStatus, codes};

codes! {
    impl NtStatus, nt;
    STATUS_UNSUCCESSFUL = 0xc000_0001, "something failed and nobody says what";
    STATUS_NOT_IMPLEMENTED = 0xc000_0002, "the host does not implement this";
    STATUS_INVALID_PARAMETER = 0xc000_000d, "a parameter is invalid";
    STATUS_NO_MEMORY = 0xc000_0017, "the host has no memory left";
    STATUS_ACCESS_DENIED = 0xc000_0022, "access is denied";
    STATUS_NO_LOGON_SERVERS = 0xc000_005e, "no domain controller answers the host";
    STATUS_PRIVILEGE_NOT_HELD = 0xc000_0061, "the account lacks a privilege";
    STATUS_NO_SUCH_USER = 0xc000_0064, "there is no such account";
    STATUS_WRONG_PASSWORD = 0xc000_006a, "the password is wrong";
    STATUS_LOGON_FAILURE = 0xc000_006d, "user name or password is wrong";
    STATUS_ACCOUNT_RESTRICTION = 0xc000_006e, "the account may not log on like this, as with an empty password";
    STATUS_INVALID_LOGON_HOURS = 0xc000_006f, "the account may not log on at this time";
    STATUS_INVALID_WORKSTATION = 0xc000_0070, "the account may not log on from here";
    STATUS_PASSWORD_EXPIRED = 0xc000_0071, "the password has expired";
    STATUS_ACCOUNT_DISABLED = 0xc000_0072, "the account is disabled";
    STATUS_INSUFFICIENT_RESOURCES = 0xc000_009a, "the host has no resources left";
    STATUS_BAD_IMPERSONATION_LEVEL = 0xc000_00a5, "the impersonation level does not suffice";
    STATUS_IO_TIMEOUT = 0xc000_00b5, "the host waited in vain for something";
    STATUS_NOT_SUPPORTED = 0xc000_00bb, "the host does not support this";
    STATUS_INVALID_LOGON_TYPE = 0xc000_010b, "the kind of log-on is invalid";
    STATUS_CANCELLED = 0xc000_0120, "the call was cancelled";
    STATUS_TIME_DIFFERENCE_AT_DC = 0xc000_0133, "the clocks of the host and its domain controller differ too much";
    STATUS_LOGON_NOT_GRANTED = 0xc000_0155, "the kind of log-on is not granted";
    STATUS_LOGON_TYPE_NOT_GRANTED = 0xc000_015b, "the account may not log on over the network";
    STATUS_NO_TRUST_LSA_SECRET = 0xc000_018a, "the host's own account in the domain is broken";
    STATUS_NO_TRUST_SAM_ACCOUNT = 0xc000_018b, "the domain has no account for the host";
    STATUS_TRUSTED_DOMAIN_FAILURE = 0xc000_018c, "the trust between the domains is broken";
    STATUS_TRUSTED_RELATIONSHIP_FAILURE = 0xc000_018d, "the host's trust in the domain is broken";
    STATUS_TRUST_FAILURE = 0xc000_0190, "the log-on failed for want of trust";
    STATUS_NETLOGON_NOT_STARTED = 0xc000_0192, "the service Netlogon does not run on the host";
    STATUS_ACCOUNT_EXPIRED = 0xc000_0193, "the account has expired";
    STATUS_INSUFF_SERVER_RESOURCES = 0xc000_0205, "the host has no resources left";
    STATUS_PASSWORD_MUST_CHANGE = 0xc000_0224, "the password must be changed first";
    STATUS_DOMAIN_CONTROLLER_NOT_FOUND = 0xc000_0233, "no domain controller answers the host";
    STATUS_ACCOUNT_LOCKED_OUT = 0xc000_0234, "the account is locked out after too many wrong passwords";
    STATUS_SERVER_SHUTDOWN_IN_PROGRESS = 0xc000_02ff, "the host is shutting down";
    STATUS_DOWNGRADE_DETECTED = 0xc000_0388, "something weakened the negotiation of the log-on";
    STATUS_AUTHENTICATION_FIREWALL_FAILED = 0xc000_0413, "the domain does not let the account log on to this host";
    STATUS_NTLM_BLOCKED = 0xc000_0418, "a policy blocks NTLM";
}
