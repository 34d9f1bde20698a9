//! The service over HTTP: its address, TLS, timeouts, and what every request carries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use reqwest::tls;

use super::{
    ApiError,
    address::address,
    bounded::{Bounds, Spent},
    session::SessionState,
};
use crate::{
    clock::{Clock, SystemClock},
    device::{DeviceIdentity, DeviceSecrets, SessionKeeper},
    net,
    patience::Patience,
};

/// An answer that makes no progress for this long is aborted and, where that is safe, requested again.
const STALL: Duration = Duration::from_secs(45);
/// The same for one that trickles.
const LONGEST: Duration = Duration::from_secs(600);

/// The metadata service over HTTP.
pub struct HttpApi {
    pub(super) http: reqwest::Client,
    pub(super) server: String,
    pub(super) authority: String,
    pub(super) device: DeviceIdentity,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stall: Duration,
    pub(super) patience: Arc<Patience>,
    /// The service's clock minus ours, seconds.
    pub(super) offset: AtomicI64,
    bounds: Bounds,
    pub(super) session: Option<SessionState>,
}

impl HttpApi {
    /// Without a session, for sign-up and sign-in.
    ///
    /// # Errors
    /// [`ApiError::Address`].
    pub fn anonymous(server: &str, device: &DeviceIdentity) -> Result<Self, ApiError> {
        let url = address(server)?;
        let authority = url.authority().to_owned();
        let http = net::client(&url)
            .user_agent(concat!("sealkeep/", env!("CARGO_PKG_VERSION")))
            .tls_version_min(tls::Version::TLS_1_3)
            .timeout(LONGEST)
            .build()
            .map_err(|e| ApiError::Internal(format!("the HTTP client: {e}")))?;
        Ok(Self {
            http,
            server: url.as_str().trim_end_matches('/').to_owned(),
            authority,
            device: device.clone_for_keystore(),
            clock: Arc::new(SystemClock),
            stall: STALL,
            patience: Arc::default(),
            offset: AtomicI64::new(0),
            bounds: Bounds::default(),
            session: None,
        })
    }

    /// With the session in `secrets`. Without a keeper ([`HttpApi::keep_session`]) an expired access token is not
    /// renewed, because the rotated token would be lost if nobody stored it.
    ///
    /// # Errors
    /// [`ApiError::NotSignedIn`] or [`ApiError::Address`].
    pub fn signed_in(server: &str, secrets: &DeviceSecrets) -> Result<Self, ApiError> {
        let tokens = secrets.session.clone().ok_or(ApiError::NotSignedIn)?;
        let mut api = Self::anonymous(server, &secrets.device)?;
        api.session = Some(SessionState::new(tokens));
        Ok(api)
    }

    /// Renews the session when its hour is over; stores each new token before using it.
    #[must_use]
    pub fn keep_session(mut self, keeper: Arc<dyn SessionKeeper>) -> Self {
        if let Some(session) = &mut self.session {
            session.keeper = Some(keeper);
        }
        self
    }

    /// Uses another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets other bounds for lists.
    #[must_use]
    pub const fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Uses the patience of an operation.
    #[must_use]
    pub fn with_patience(mut self, patience: Arc<Patience>) -> Self {
        self.patience = patience;
        self
    }

    /// How long to wait for the service.
    #[must_use]
    pub const fn patience(&self) -> &Arc<Patience> {
        &self.patience
    }

    /// Sets how long an answer may make no progress.
    #[must_use]
    pub const fn with_stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// The service's address, without a trailing slash.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The service's time as far as it is known, seconds since 1970: only for requests and tokens. Whatever is signed
    /// for devices uses this device's own clock.
    #[must_use]
    pub(super) fn request_time(&self) -> i64 {
        self.clock.now().saturating_add(self.offset.load(Ordering::Relaxed))
    }

    /// Bounds for lists.
    pub(super) fn spending(&self) -> Spent {
        Spent::new(self.bounds)
    }
}
