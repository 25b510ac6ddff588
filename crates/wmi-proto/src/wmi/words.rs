//! What a cursor is told, and what it says to whoever makes its calls.

use core::num::NonZeroU32;

use bytes::Bytes;

use crate::dcom;
use crate::entropy::Entropy;
use crate::limits::Limits;
use crate::time::Instant;
use crate::wire::cim::CimObject;
use crate::wire::dcom::{MInterfacePointer, OrpcThis, RemQueryInterface, StdObjRef};
use crate::wire::wmi::services::WBEM_FLAG_FORWARD_ONLY;
use crate::wire::wmi::{CloneEnumerator, ExecQuery, GetSmartEnum};
use crate::wire::{Guid, HResult, Interface, Reader, WireError};

/// How a query is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) wql: String,
    /// [MS-WMI 2.2.6].
    pub(crate) flags: i32,
    pub(crate) context: Option<MInterfacePointer>,
    pub(crate) way: Way,
    /// Whether the next batch is fetched before anybody wants it. Only what is read forward only is.
    pub(crate) prefetch: bool,
    /// Objects per round trip; `None` starts small and grows.
    pub(crate) batch: Option<NonZeroU32>,
    pub(crate) limits: Limits,
    pub(crate) deadline: Instant,
}

impl Plan {
    /// Whether the enumerator can go back to its first object, and so be copied ([MS-WMI 3.1.4.4]).
    pub(crate) const fn is_rewindable(&self) -> bool {
        self.flags & WBEM_FLAG_FORWARD_ONLY == 0
    }
}

/// Which enumerator is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Next,
    Smart,
    /// The smart one, or Next when the host has none.
    SmartOrNext,
    /// Next, and the smart one from where the result turns out to be long.
    Both,
}

/// What a query is told to do when it is its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Up to so many objects more.
    Fetch(NonZeroU32),
    /// Back to the first object.
    Reset,
    /// Over so many objects.
    Skip(NonZeroU32),
    /// A second query at the same place, by its number.
    Clone(u32),
}

/// Why a wish is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// A fetch is unanswered already.
    Fetching,
    ForwardOnly,
    TooMany,
}

/// Which part of a query is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// ExecQuery, or waiting for its turn.
    Query,
    /// RemQueryInterface and GetSmartEnum.
    SmartEnum,
    /// Next, of either enumerator.
    Fetch,
}

/// The call that a cursor has in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    ExecQuery,
    QueryInterface,
    GetSmartEnum,
    Next,
    /// Next, when the last one brought nothing: the host may take its time again.
    NextAgain,
    Reset,
    Skip,
    Clone,
}

impl Operation {
    pub(crate) const fn step(self) -> Step {
        match self {
            Self::ExecQuery => Step::Query,
            Self::QueryInterface | Self::GetSmartEnum => Step::SmartEnum,
            Self::Next | Self::NextAgain | Self::Reset | Self::Skip | Self::Clone => Step::Fetch,
        }
    }

    /// The references that an answer hands out, for one that comes when its query is gone.
    pub(crate) fn references(self, stub: Reader) -> Vec<StdObjRef> {
        let standard = |pointer: Option<MInterfacePointer>| pointer.and_then(|p| p.std().ok()).into_iter().collect();
        match self {
            Self::ExecQuery => dcom::answer::<ExecQuery>(stub).map_or_else(|_| Vec::new(), |r| standard(r.pointer)),
            Self::GetSmartEnum => {
                dcom::answer::<GetSmartEnum>(stub).map_or_else(|_| Vec::new(), |r| standard(r.pointer))
            }
            Self::Clone => dcom::answer::<CloneEnumerator>(stub).map_or_else(|_| Vec::new(), |r| standard(r.pointer)),
            Self::QueryInterface => dcom::answer::<RemQueryInterface>(stub).map_or_else(
                |_| Vec::new(),
                |r| r.results.iter().filter(|item| item.result.is_success()).map(|item| item.std).collect(),
            ),
            Self::Next | Self::NextAgain | Self::Reset | Self::Skip => Vec::new(),
        }
    }
}

/// What the cursor wants done, in order.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Make this call; its outcome comes back to the cursor.
    Call(Operation, ObjectCall),
    /// Take over these references; they are the cursor's until its end.
    Adopt(StdObjRef),
    /// The objects of one answer, undecodable ones as errors.
    Rows(Vec<Result<CimObject, WireError>>),
    /// The next object is the first one again.
    Reset,
    /// A skip was carried out.
    Skipped,
    /// No object is left; the query can be reset.
    AtEnd,
    /// The query of that number is a copy of this one, made or refused.
    Cloned(u32, Result<StdObjRef, Failure>),
    /// The host has nothing more for this query: what it holds can be given back.
    Release,
    /// The query is over.
    Done(Result<End, Failure>),
}

/// A call on an object of the host.
#[derive(Debug)]
pub(crate) struct ObjectCall {
    /// `None` stands for the exporter's IRemUnknown.
    pub(crate) object: Option<(Interface, Guid)>,
    pub(crate) opnum: u16,
    pub(crate) stub: Bytes,
}

impl ObjectCall {
    /// A method of the object at `ipid`.
    pub(crate) fn on<O: crate::wire::Operation>(ipid: Guid, request: &O::Request, this: &OrpcThis) -> Self {
        Self { object: Some((O::INTERFACE, ipid)), opnum: O::OPNUM, stub: dcom::stub::<O>(this, request) }
    }
}

/// How a query ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) rows: u64,
    pub(crate) notice: Option<HResult>,
}

/// Why a query ended, as far as the methods of WMI tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Status(HResult),
    Malformed(WireError),
    Misbehaved(&'static str),
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Malformed(error)
    }
}

/// What a step needs from outside.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) this: &'a OrpcThis,
    pub(crate) entropy: &'a mut dyn Entropy,
    pub(crate) effects: &'a mut Vec<Effect>,
}
