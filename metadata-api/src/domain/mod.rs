//! What the service speaks of: plain values that do no I/O.

pub mod caller;
pub mod device;
pub(crate) mod recovery_codes;
