//! Compressed dumps ↔ their content. A dump that arrives compressed with gzip or as `pg_dump -Fc` is chunked by its
//! content, so that one changed row does not change everything after it; a [`Plan`](plan) describes how to reproduce
//! the same bytes. Anything that cannot be reproduced bit for bit stays as it is: this is tested during the backup,
//! with the code that a restore uses.

mod deflate;
mod framing;
mod kind;
pub mod plan;
mod rewrap;
mod stream;
mod unwrapper;

use crate::text::{Text, told};
pub use deflate::{Deflater, Maker, Params};
pub use rewrap::Rewrapper;
pub use unwrapper::{Unwrapped, Unwrapper};

/// Why compressed bytes cannot be read or reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct UnwrapError(pub(crate) &'static str);

told!(UnwrapError);

impl UnwrapError {
    pub(crate) const fn text(self) -> Text {
        Text::fixed(self.0)
    }
}
