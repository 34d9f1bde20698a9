//! The account holder's authenticator: six digits from the otpauth link.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

use totp_rs::Totp;

use crate::failure::{Context, Result};

const STEP_SECS: u64 = 30;

/// Generates codes, never the same one twice: the service accepts each step once.
pub struct Authenticator {
    totp: Totp,
    secret: Vec<u8>,
    last_step: Mutex<u64>,
}

impl Authenticator {
    /// From the link shown at sign-up.
    ///
    /// # Errors
    /// The link is invalid.
    pub fn from_url(otpauth_url: &str) -> Result<Self> {
        let totp = Totp::from_url(otpauth_url).context("the otpauth link")?;
        let text = otpauth_url.split("secret=").nth(1).unwrap_or_default();
        let text = text.split('&').next().unwrap_or_default();
        Ok(Self { totp, secret: text.as_bytes().to_owned(), last_step: Mutex::new(0) })
    }

    /// The seed.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// An unused code. The service accepts one step of skew, so up to two are available at once (and the previous
    /// step's, if unused); after that this waits, at most 30 s.
    pub fn code(&self) -> String {
        let mut last = self.last_step.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
            let step = (*last + 1).max(now / STEP_SECS);
            // One second's reserve, so that the code is still valid when it arrives.
            if step <= (now + 1) / STEP_SECS + 1 && step <= now / STEP_SECS + 1 {
                *last = step;
                return self.totp.generate(step * STEP_SECS).to_string();
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Six digits that match no nearby step.
    pub fn wrong_code(&self) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let near: Vec<String> = (now / STEP_SECS - 2..=now / STEP_SECS + 2)
            .map(|s| self.totp.generate(s * STEP_SECS).to_string())
            .collect();
        (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap_or_default()
    }
}
