//! Compressed dumps ↔ what is in them. A dump that arrives compressed by gzip or in `pg_dump -Fc` is chunked as its
//! content, so that one changed row does not change everything behind it; a [`Plan`](plan) says how to make the very
//! same bytes again. Whatever cannot be made again bit for bit stays as it is: that is tried while the dump goes by,
//! with the code that a restore uses.

mod deflate;
mod framing;
mod kind;
pub mod plan;
mod rewrap;
mod stream;
mod unwrapper;

pub use deflate::{Deflater, Maker, Params};
pub use rewrap::Rewrapper;
pub use unwrapper::{Unwrapped, Unwrapper};

/// Why compressed bytes cannot be read, or made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnwrapError(pub(crate) &'static str);
