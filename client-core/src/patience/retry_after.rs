//! `Retry-After`: how long a service, a store or a proxy in between asks clients to wait (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

/// Upper limit: longer values are ignored. How long to wait is up to the operation's
/// [`Patience`](super::Patience).
const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Parses the header's value, seconds or a date. `date` is the `Date` of the same response: a date refers to its
/// clock, not ours.
#[must_use]
pub fn asked_for(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds).min(MAX_WAIT));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let now = date.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now);
    Some(then.duration_since(now).unwrap_or_default().min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_bounded() {
        let asked = |value, date| asked_for(value, date).map(|asked| asked.as_secs());
        let date = Some("Wed, 25 Nov 2026 17:00:00 GMT");
        assert_eq!(asked("120", None), Some(120));
        assert_eq!(asked(" 0 ", None), Some(0));
        // By the response's own clock, whatever ours says.
        assert_eq!(asked("Wed, 25 Nov 2026 17:02:30 GMT", date), Some(150));
        assert_eq!(asked("Wednesday, 25-Nov-26 17:02:30 GMT", date), Some(150));
        // A date in the past means now, and the wait is limited.
        assert_eq!(asked("Wed, 25 Nov 2026 16:00:00 GMT", date), Some(0));
        assert_eq!(asked("Mon, 25 Nov 2999 17:00:00 GMT", date), Some(24 * 3600));
        assert_eq!(asked("18446744073709551615", None), Some(24 * 3600));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(asked(&soon, None).is_some_and(|asked| (95..=100).contains(&asked)));
        for none in ["", "-1", "soon", "1.5", "Wed, 25 Nov 2026"] {
            assert_eq!(asked(none, date), None, "{none}");
        }
    }
}
