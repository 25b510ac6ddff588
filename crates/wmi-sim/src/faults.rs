//! The ways in which a simulated host can differ from an ordinary one: legal ones and broken or hostile ones.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $legal:ident $variant:ident = $name:literal;)*) => {
        /// One way in which a host differs from an ordinary one.
        ///
        /// With those that harm the third batch of a result, the first two batches are of two objects at most, and a
        /// result that ends earlier is harmed in its last batch.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $( $(#[doc = $doc])* $variant, )*
        }

        impl Fault {
            /// All of them, legal ones first.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The name, as `FromStr` reads it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// What it does, in one line.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $( Self::$variant => concat!($($doc),*).trim_ascii(), )* }
            }

            /// Whether a host may do so: all rows must still come.
            #[must_use]
            pub const fn is_legal(self) -> bool {
                match self { $( Self::$variant => faults!(@ $legal), )* }
            }
        }
    };
    (@ legal) => { true };
    (@ hostile) => { false };
}

faults! {
    /// Writes one octet at a time.
    legal WriteOneOctet = "write-one-octet";
    /// Sends no fragment over 1024 octets.
    legal Fragment1024 = "fragment-1024";
    /// Pads stubs to a multiple of 4.
    legal Pad4 = "pad-4";
    /// Pads stubs to a multiple of 8.
    legal Pad8 = "pad-8";
    /// Lists an address first that nobody can reach.
    legal UnreachableBindingFirst = "unreachable-binding-first";
    /// Sends extensions in every ORPCTHAT.
    legal OrpcthatExtensions = "orpcthat-extensions";
    /// Sends the activation properties in another order.
    legal ReorderActivationProperties = "reorder-activation-properties";
    /// Insists on the presentation context of the interface that an IPID belongs to.
    legal InsistContext = "insist-context";
    /// Rejects an interface's context until the first object with that interface was marshalled.
    legal LazyInterfaces = "lazy-interfaces";
    /// Refuses a bind that offers more than one interface.
    legal SingleContextBind = "single-context-bind";
    /// Hints at authentication level 2 (CONNECT).
    legal Hint2 = "hint-2";
    /// Hints at authentication level 5 (PKT_INTEGRITY).
    legal Hint5 = "hint-5";
    /// Hints at authentication level 6 (PKT_PRIVACY).
    legal Hint6 = "hint-6";
    /// Refuses requests below PKT_PRIVACY.
    legal DemandPrivacy = "demand-privacy";
    /// Refuses an NTLM log-on without a MIC.
    legal DemandMic = "demand-mic";
    /// Does not grant NTLM key exchange.
    legal NoKeyExch = "no-key-exch";
    /// Sends no time stamp in the NTLM challenge.
    legal NoTimestamp = "no-timestamp";
    /// Refuses IWbemFetchSmartEnum in the result of the call.
    legal RefuseSmartCall = "refuse-smart-call";
    /// Refuses IWbemFetchSmartEnum in the result of the item.
    legal RefuseSmartItem = "refuse-smart-item";
    /// Returns fewer objects than asked for, with S_OK.
    legal ShortBatches = "short-batches";
    /// Sends the class part once per reply instead of once per enumerator.
    legal ClassPartPerReply = "class-part-per-reply";
    /// Does not grant concurrent multiplexing.
    legal NoMpx = "no-mpx";
    /// Sends the fragments of an answer a millisecond apart, so that other answers come in between.
    legal InterleaveFragments = "interleave-fragments";
    /// Does not grant header signing.
    legal NoHeaderSigning = "no-header-signing";
    /// Grants header signing in an alter_context only.
    legal LateHeaderSigning = "late-header-signing";
    /// Returns WBEM_S_TIMEDOUT with no or some objects in between.
    legal TimedOutBatches = "timed-out-batches";
    /// Returns WBEM_S_PARTIAL_RESULTS with the first batch.
    legal PartialResults = "partial-results";
    /// Takes half a second for the first row of a query.
    legal SlowFirstRow = "slow-first-row";
    /// Takes 50 milliseconds for each row.
    legal SlowRows = "slow-rows";
    /// Starts a smart enumerator at the first row, wherever its enumerator is.
    legal SeparateIndex = "separate-index";
    /// Hands out no public reference with NTLMLogin's interface: RemAddRef is needed.
    legal ZeroPublicRefs = "zero-public-refs";
    /// Hands out objects that are not to be pinged (SORF_NOPING).
    legal NoPing = "no-ping";
    /// Answers EstablishPosition with E_NOTIMPL, and knows one locale of the form MS_xxx only.
    legal EstablishPositionNotImplemented = "establish-position-not-implemented";
    /// Takes COM version 5.6 and none above it.
    legal ComVersion5_6 = "com-version-5-6";
    /// Takes any COM version at activation, tells 5.6 there, and takes none above it from then on.
    legal OlderExporter = "older-exporter";
    /// Has namespaces and what comes from them in a process of its own, with an OXID and a port of its own.
    legal SecondExporter = "second-exporter";
    /// Has raw performance counters that jump and go back every seven seconds.
    legal CountersJump = "counters-jump";
    /// Has connections and endpoints without OwningProcess and CreationTime, as Windows Server 2012 does.
    legal NetConnectionsOf2012 = "net-connections-of-2012";

    /// Signs with a wrong signature from the third batch on.
    hostile BadSignature = "bad-signature";
    /// Flips a bit of the protected data from the third batch on.
    hostile FlipData = "flip-data";
    /// Signs with a wrong sequence number from the third batch on.
    hostile WrongSequence = "wrong-sequence";
    /// Cuts the stub of the third batch short.
    hostile TruncatedStub = "truncated-stub";
    /// Announces a fragment shorter than its header in the third batch.
    hostile BadFragmentLength = "bad-fragment-length";
    /// Sends octets that are no PDU in place of the third batch.
    hostile Garbage = "garbage";
    /// Answers the third batch under a call id that nobody used.
    hostile WrongCallId = "wrong-call-id";
    /// Answers the third batch with a signed fault.
    hostile FaultPdu = "fault-pdu";
    /// Answers the third batch with a fault without signature.
    hostile UnsignedFault = "unsigned-fault";
    /// Answers every bind with bind_nak.
    hostile BindNak = "bind-nak";
    /// Resets the connection at the activator's bind.
    hostile ResetAtBind = "reset-at-bind";
    /// Resets the connection at RemoteCreateInstance.
    hostile ResetAtActivate = "reset-at-activate";
    /// Resets the connection at the object server's bind.
    hostile ResetAtObjectBind = "reset-at-object-bind";
    /// Resets the connection at NTLMLogin.
    hostile ResetAtLogin = "reset-at-login";
    /// Resets the connection at ExecQuery.
    hostile ResetAtQuery = "reset-at-query";
    /// Resets the connection in place of the third batch.
    hostile ResetAtNext = "reset-at-next";
    /// Closes the connection in the middle of the third batch.
    hostile CutMidReply = "cut-mid-reply";
    /// Resets the connection in the middle of the third batch.
    hostile ResetMidReply = "reset-mid-reply";
    /// Does not answer the activator's bind.
    hostile SilenceAtBind = "silence-at-bind";
    /// Does not answer RemoteCreateInstance.
    hostile SilenceAtActivate = "silence-at-activate";
    /// Does not answer the object server's bind.
    hostile SilenceAtObjectBind = "silence-at-object-bind";
    /// Does not answer NTLMLogin.
    hostile SilenceAtLogin = "silence-at-login";
    /// Does not answer ExecQuery.
    hostile SilenceAtQuery = "silence-at-query";
    /// Does not send the third batch.
    hostile SilenceAtNext = "silence-at-next";
    /// Lies about counts and lengths inside the third batch.
    hostile LiesAboutLengths = "lies-about-lengths";
    /// Refers to a class that was never sent, in the third batch of a smart enumeration.
    hostile UnknownClassGuid = "unknown-class-guid";
    /// Answers the third batch with WBEM_E_FAILED.
    hostile ErrorInNext = "error-in-next";
    /// Sends the third batch ten seconds late.
    hostile LateReply = "late-reply";
    /// Answers RemoteCreateInstance with E_ACCESSDENIED: the account lacks Remote Activation.
    hostile DenyActivation = "deny-activation";
    /// Answers NTLMLogin with WBEM_E_ACCESS_DENIED: the account lacks Remote Enable.
    hostile DenyLogin = "deny-login";
    /// Answers the first Next with WBEM_E_ACCESS_DENIED: the provider refuses the account.
    hostile DenyQuery = "deny-query";
    /// Answers ExecQuery with fault 5, signed.
    hostile DenyQueryFault5 = "deny-query-fault5";
    /// Answers every bind with bind_nak: it does not accept NTLM.
    hostile NoNtlm = "no-ntlm";
    /// Answers every bind as a web server would.
    hostile SpeaksHttp = "speaks-http";
}

/// A name that belongs to no fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no fault is called {0:?}")]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        Self::ALL.iter().find(|f| f.name() == name).copied().ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
