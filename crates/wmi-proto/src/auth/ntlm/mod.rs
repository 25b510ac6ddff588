//! NTLMv2 with extended session security and 128-bit keys; nothing weaker exists here ([MS-NLMP]).

mod accept;
mod initiate;
mod keys;
mod seal;

pub use accept::{AcceptError, Acceptance, AcceptorOptions, NtlmAcceptor};
pub use initiate::NtlmInitiator;
pub use keys::SessionKey;
pub(super) use keys::nt_owf_v1;
pub use seal::{SecurityContext, Side, Tampered};

#[cfg(test)]
mod tests;
