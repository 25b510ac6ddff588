//! [MS-WMIO] CIM objects: classes, instances and their values, decoded and encoded.
//!
//! A class is parsed once into an [`CimClass`] behind an `Arc`; an instance keeps the octets it came in and decodes a
//! value when it is asked for. What was received is written again as it was; what is built is written in one canonical
//! form (module `encode`). Nothing here has a lifetime, so objects outlive the reply they came with.
//!
//! Of captured Windows objects have been seen: strings of both kinds, booleans, integers of 8 and 32 bits, NULLs,
//! defaults, arrays of strings, methods and qualifiers. The other types, embedded objects and instances without a class
//! part have been seen from a foreign simulated host; explicit NULLs of an instance were written by that host only.

mod block;
mod build;
mod class;
mod datetime;
mod encode;
mod heap;
mod instance;
mod method;
mod object;
mod qualifier;
mod string;
mod value;

pub use block::ClassCache;
pub use build::{BuildError, ClassBuilder, MethodBuilder, PropertyBuilder};
pub use class::{CimClass, CimProperty};
pub use datetime::{BadDateTime, CimDateTime, CimInterval, CimTimestamp, TimeOfDay};
pub use instance::InstanceBuilder;
pub use method::CimMethod;
pub use object::{CimObject, Decoration, Genus, Source};
pub use qualifier::{CimQualifier, Flavor};
pub use string::CimString;
pub use value::{CimType, CimValue};

/// How deep objects may be embedded in each other, method signatures included. Windows objects need two or three.
pub const MAX_DEPTH: u8 = 16;

#[cfg(test)]
mod tests;
