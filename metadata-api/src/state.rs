//! What every request can reach: database, object stores, keys, clock, limits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use api_types::backup::URL_SECS;
use axum::extract::FromRef;

use crate::{
    auth::{keys::ServerKeys, token::TokenKeys},
    bucket::Stores,
    config::Secrets,
    db::Db,
    handlers::health::Readiness,
    middleware::{client_ip::Callers, rate_limit::RateLimits, request_log::Sampler},
};

/// The service's clock. Tests shift it; nothing else calls the system's.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        i64::try_from(system).unwrap_or(i64::MAX).saturating_add(self.0.load(Ordering::Relaxed))
    }

    /// For tests: moves this clock and all its clones.
    pub fn shift(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

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

/// What [`AppState::new`] is made of.
pub struct Settings {
    /// From [`crate::db::connect`].
    pub db: Db,
    /// One bucket per region.
    pub stores: Stores,
    /// Host, and port where it is not the default, as clients write it: request signatures cover it.
    pub public_authority: String,
    /// How much one caller may ask for.
    pub limits: Limits,
    /// Shared with a test, or `Clock::default()`.
    pub clock: Clock,
}

/// A secret of the configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the {0} in the configuration cannot be used")]
pub struct UnusableSecret(pub &'static str);

struct Inner {
    db: Db,
    stores: Arc<Stores>,
    authority: String,
    keys: ServerKeys,
    tokens: TokenKeys,
    clock: Clock,
    limits: Limits,
    rate: RateLimits,
    sampler: Sampler,
    readiness: Readiness,
}

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

impl AppState {
    /// Takes the secrets apart into the keys that the code uses.
    ///
    /// # Errors
    /// [`UnusableSecret`].
    pub fn new(settings: Settings, secrets: &Secrets) -> Result<Self, UnusableSecret> {
        let Settings { db, stores, public_authority, limits, clock } = settings;
        Ok(Self(Arc::new(Inner {
            db,
            stores: Arc::new(stores),
            authority: public_authority,
            keys: ServerKeys::new(secrets)?,
            tokens: TokenKeys::new(secrets)?,
            clock,
            rate: RateLimits::new(&limits),
            sampler: Sampler::default(),
            readiness: Readiness::default(),
            limits,
        })))
    }

    /// The database, reached through transactions that say whose they are.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The object stores by region.
    #[must_use]
    pub fn stores(&self) -> &Stores {
        &self.0.stores
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What request signatures cover as `@authority`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    pub(crate) fn keys(&self) -> &ServerKeys {
        &self.0.keys
    }

    pub(crate) fn tokens(&self) -> &TokenKeys {
        &self.0.tokens
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn sampler(&self) -> &Sampler {
        &self.0.sampler
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    pub(crate) fn rate(&self) -> &RateLimits {
        &self.0.rate
    }
}

impl FromRef<AppState> for Arc<Stores> {
    fn from_ref(state: &AppState) -> Self {
        Self::clone(&state.0.stores)
    }
}

impl FromRef<AppState> for Clock {
    fn from_ref(state: &AppState) -> Self {
        state.0.clock.clone()
    }
}
