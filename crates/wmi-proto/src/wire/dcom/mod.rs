//! The structures and remote methods of [MS-DCOM].

pub mod activation;
pub mod bindings;
pub mod exporter;
pub mod objref;
pub mod orpc;
pub mod rem_unknown;

#[cfg(test)]
mod tests;

pub use activation::{
    ActivationProperties, ActivationReply, ActivationRequest, RemoteCreateInstance, RemoteCreateInstanceRequest,
    RemoteCreateInstanceResponse,
};
pub use bindings::{DualStringArray, SecurityBinding, StringBinding};
pub use objref::{MInterfacePointer, ObjRef, ObjRefBody, StdObjRef};
pub use orpc::{ComVersion, OrpcExtent, OrpcThat, OrpcThis};
pub use rem_unknown::{RemAddRef, RemInterfaceRef, RemQiResult, RemQueryInterface, RemRelease};
