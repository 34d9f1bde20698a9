//! When a snapshot was made, as its device signs it: by the device's own clock, never by the service's, which could
//! shift it; and never before what this device or the vault has signed already.

use crate::{
    error::{Error, ErrorKind},
    event::Warning,
    vault::History,
};

use api_types::DeviceId;

/// Clocks of a vault's devices may differ by this much, seconds.
const TOLERANCE: i64 = 3600;
/// A clock that is further behind the vault is not signed with, seconds: retention counts on it.
const MOST: i64 = 24 * 3600;

/// What is signed, and what a person should know about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since 1970.
    pub(super) created: i64,
    pub(super) warning: Option<Warning>,
}

/// The moment for a snapshot that is made at `now`.
///
/// # Errors
/// [`ErrorKind::ClockSkew`] when this device's clock is more than a day behind the newest snapshot.
pub(super) fn moment(history: &History, device: DeviceId, now: i64) -> Result<Moment, Error> {
    let made = |own: bool| {
        let snapshots = history.snapshots().iter();
        snapshots.filter(|s| !own || s.envelope.device == device).map(|s| s.envelope.created).max()
    };
    of(now, made(true), made(false))
}

fn of(now: i64, own: Option<i64>, newest: Option<i64>) -> Result<Moment, Error> {
    let newest = newest.unwrap_or(now);
    let behind = newest.saturating_sub(now);
    if behind > MOST {
        return Err(Error::new(
            ErrorKind::ClockSkew,
            format!(
                "this machine's clock is {} hours behind the newest snapshot of the vault",
                behind / 3600
            ),
            "nothing was backed up; earlier snapshots are untouched",
            "set the clock (timedatectl), then run the backup again",
        ));
    }
    let warning = (behind > TOLERANCE).then(|| {
        Warning::Other(format!("this machine's clock is behind the vault by {} minutes", behind / 60))
    });
    let created = now.max(own.unwrap_or(now)).max(newest.saturating_sub(TOLERANCE));
    Ok(Moment { created, warning })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    #[test]
    fn n90_signed_times_follow_the_devices_clock_and_never_go_back() {
        let created = |own, newest| of(NOW, own, newest).unwrap().created;
        assert_eq!(created(None, None), NOW);
        assert_eq!(created(Some(NOW - 50), Some(NOW - 10)), NOW);
        assert_eq!(created(Some(NOW + 50), Some(NOW + 50)), NOW + 50, "not before one's own last");
        let behind = of(NOW, Some(NOW), Some(NOW + 2 * TOLERANCE)).unwrap();
        assert_eq!(behind.created, NOW + TOLERANCE, "not long before what it builds on");
        assert!(behind.warning.is_some());
        assert!(of(NOW, None, Some(NOW + TOLERANCE)).unwrap().warning.is_none());
        let error = of(NOW, None, Some(NOW + MOST + 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ClockSkew);
    }
}
