//! What the tests of the storage half share.
#![expect(clippy::panic, clippy::print_stdout, unreachable_pub, reason = "tests")]

pub mod http;
pub mod sigv4;
pub mod stores;
