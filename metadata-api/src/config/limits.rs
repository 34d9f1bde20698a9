//! How much callers may ask for.

use std::time::Duration;

use api_types::backup::URL_SECS;

use crate::callers::Callers;

/// How much one caller may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests per second and address, all routes.
    pub requests_per_second: u32,
    /// Requests that may come at once.
    pub burst: u32,
    /// Sign-up and sign-in requests per minute and address.
    pub auth_per_minute: u32,
    /// Sign-ins that fail per hour, and sign-ups, for one e-mail address from one network.
    pub logins_per_hour: i32,
    /// Sign-ins that fail per hour on one device of the account's directory, whatever others do with its name.
    pub logins_per_device: i32,
    /// Sign-ins that failed within an hour for one e-mail address, from anywhere, before strangers solve a puzzle.
    pub failures_before_puzzle: i32,
    /// Sign-ups under way on the whole service before the next ones solve a puzzle.
    pub open_signups_before_puzzle: i32,
    /// Zero bits of the easiest puzzle; four more at most.
    pub puzzle_bits: u8,
    /// Sign-ups started per hour from one network.
    pub signups_per_network: i32,
    /// Accounts per 30 days from one network.
    pub accounts_per_network: i32,
    /// Bytes that a vault may hold, unless its row says otherwise.
    pub vault_quota: u64,
    /// How long a request may take.
    pub timeout: Duration,
    /// How long a presigned URL works, seconds, at most [`URL_SECS`].
    pub url_secs: u64,
    /// How a caller's address is known.
    pub callers: Callers,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 50,
            burst: 200,
            auth_per_minute: 30,
            logins_per_hour: 10,
            logins_per_device: 20,
            failures_before_puzzle: 30,
            open_signups_before_puzzle: 100,
            puzzle_bits: 20,
            signups_per_network: 60,
            accounts_per_network: 500,
            vault_quota: 1 << 40,
            timeout: Duration::from_secs(30),
            url_secs: URL_SECS,
            callers: Callers::default(),
        }
    }
}
