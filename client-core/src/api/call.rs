//! A request without its body.

use reqwest::Method;

/// How a request is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    /// Not at all: public routes.
    Unsigned,
    /// By the device, before it has a session.
    Device,
    /// By the device and its session.
    Session,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) auth: Auth,
    /// Whether repeating it after a lost answer has no further effect.
    pub(super) idempotent: bool,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::GET, path, query: String::new(), auth: Auth::Session, idempotent: true }
    }

    pub(super) fn post(path: String) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }

    pub(super) fn query(mut self, query: String) -> Self {
        self.query = query;
        self
    }

    pub(super) const fn once(mut self) -> Self {
        self.idempotent = false;
        self
    }

    pub(super) const fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }
}
