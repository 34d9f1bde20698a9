//! How people prove who they are: password, second factor, proof of work, and the session that follows. Each method is
//! a file; the sign-up, sign-in and account handlers combine them.

pub(crate) mod admission;
pub(crate) mod opaque;
pub(crate) mod proof;
pub(crate) mod puzzle;
pub(crate) mod second_factor;
pub(crate) mod session;
