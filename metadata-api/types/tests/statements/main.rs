//! What devices sign, byte for byte: requests, and statements of a vault.
#![expect(clippy::unwrap_used, reason = "tests")]

mod request_signature;
mod vault_statements;
