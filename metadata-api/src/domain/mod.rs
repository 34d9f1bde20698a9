//! The service's domain types: plain values without I/O.

pub mod caller;
pub mod device;
pub(crate) mod recovery_codes;
pub(crate) mod wrap;
