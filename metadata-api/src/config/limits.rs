//! Limits on callers.

use std::time::Duration;

use api_types::backup::URL_SECS;

use crate::callers::Callers;

/// Limits on one caller.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests per second and address, over all routes.
    pub requests_per_second: u32,
    /// Maximum burst of requests.
    pub burst: u32,
    /// Sign-up and sign-in requests per minute and address.
    pub auth_per_minute: u32,
    /// Failed sign-ins, and sign-ups, per hour for one email address from one network.
    pub sign_ins_per_hour: i32,
    /// Failed sign-ins per hour on one device of the account's directory, independent of other callers' attempts.
    pub sign_ins_per_device: i32,
    /// Failed sign-ins per hour for one email address, from anywhere, after which strangers must solve a puzzle.
    pub failures_before_puzzle: i32,
    /// Sign-ups in progress on the whole service after which new ones must solve a puzzle.
    pub open_sign_ups_before_puzzle: i32,
    /// Zero bits of the easiest puzzle; at most four more are added.
    pub puzzle_bits: u8,
    /// Sign-ups started per hour from one network.
    pub sign_ups_per_network: i32,
    /// New accounts per 30 days from one network.
    pub accounts_per_network: i32,
    /// Maximum bytes in a vault, unless its row sets another quota.
    pub vault_quota: u64,
    /// Time limit of a request.
    pub timeout: Duration,
    /// Lifetime of a presigned URL, seconds; at most [`URL_SECS`].
    pub url_secs: u64,
    /// How the caller's address is determined.
    pub callers: Callers,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 50,
            burst: 200,
            auth_per_minute: 30,
            sign_ins_per_hour: 10,
            sign_ins_per_device: 20,
            failures_before_puzzle: 30,
            open_sign_ups_before_puzzle: 100,
            puzzle_bits: 20,
            sign_ups_per_network: 60,
            accounts_per_network: 500,
            vault_quota: 1 << 40,
            timeout: Duration::from_secs(30),
            url_secs: URL_SECS,
            callers: Callers::default(),
        }
    }
}
