//! The object store through presigned URLs: uploads whole objects and downloads whole objects or ranges, nothing else.
//! A device has no credentials there and can delete nothing.

mod address;
mod error;
mod presigned;
mod reach;
mod throttle;
mod upload_body;
mod urls;

pub use error::StoreError;
pub use presigned::{PresignedStore, Verify};
pub use reach::{Lookup, Reach};
use throttle::Throttle;
pub use urls::with_urls;
