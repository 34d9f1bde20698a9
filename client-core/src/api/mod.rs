//! Client of the metadata service. Every request except public service information is signed by the device; none ever
//! contains a password, an unsealed key or a byte of a dump.

mod account;
mod address;
mod bounded;
mod call;
mod error;
mod http;
mod opaque;
mod renew;
mod retry;
mod routes;
mod send;
mod session;
mod sign_in;
mod transport;

pub use account::NewPassword;
pub use bounded::Bounds;
pub use error::ApiError;
pub use http::HttpApi;
pub use sign_in::{PendingSignIn, PendingSignUp};

pub use crate::device::{SessionKeeper, SessionTokens, SignedIn};
