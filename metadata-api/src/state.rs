//! The state shared by all requests: database, object stores, keys, clock, limits.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::{
    bucket::Stores,
    clock::Clock,
    config::{Limits, Secrets, UnusableSecret},
    db::Db,
    keys::{ServerKeys, token::TokenKeys},
    rate_limiter::RateLimits,
    readiness::Readiness,
    sampler::Sampler,
};

/// What [`AppState::new`] needs.
pub struct Settings {
    /// From [`crate::db::connect`].
    pub db: Db,
    /// One bucket per region.
    pub stores: Stores,
    /// Host, with the port unless it is the default, as clients write it; request signatures cover it.
    pub public_authority: String,
    /// Limits on one caller.
    pub limits: Limits,
    /// Shared with a test, or `Clock::default()`.
    pub clock: Clock,
}

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
    /// Derives the keys that the code uses from the secrets.
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

    /// The database, accessible only through scoped transactions.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The object stores, by region.
    #[must_use]
    pub fn stores(&self) -> &Stores {
        &self.0.stores
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The `@authority` that request signatures cover.
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
