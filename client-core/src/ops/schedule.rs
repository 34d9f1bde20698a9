//! When a source is due. Only the wall clock counts: what was missed during sleep is due at once.

use jiff::{Timestamp, ToSpan, Zoned, civil::Weekday, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// How often a source is backed up. Times are local wall-clock times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "snake_case")]
pub enum Schedule {
    /// Only on demand.
    #[default]
    Manual,
    /// An hour after the last backup.
    Hour,
    /// Daily.
    Day {
        /// 0–23.
        hour: i8,
        /// 0–59.
        minute: i8,
    },
    /// Weekly.
    Week {
        /// 1 (Monday) – 7 (Sunday).
        weekday: i8,
        /// 0–23.
        hour: i8,
        /// 0–59.
        minute: i8,
    },
}

impl Schedule {
    /// Whether its numbers are valid times.
    #[must_use]
    pub fn is_valid(self) -> bool {
        let time = |hour, minute| (0..24).contains(&hour) && (0..60).contains(&minute);
        match self {
            Self::Manual | Self::Hour => true,
            Self::Day { hour, minute } => time(hour, minute),
            Self::Week { weekday, hour, minute } => (1..=7).contains(&weekday) && time(hour, minute),
        }
    }

    /// How late a backup may be before the user is notified, seconds.
    #[must_use]
    pub const fn patience(self) -> i64 {
        const HOUR: i64 = 3600;
        match self {
            Self::Manual | Self::Hour => HOUR,
            Self::Day { .. } => 6 * HOUR,
            Self::Week { .. } => 24 * HOUR,
        }
    }

    /// The first time after `last` (seconds since 1970) at which a backup is due; `None` if never scheduled.
    #[must_use]
    pub fn next(self, last: i64, zone: &TimeZone) -> Option<i64> {
        let last = Timestamp::from_second(last).ok()?.to_zoned(zone.clone());
        let next = match self {
            Self::Manual => return None,
            Self::Hour => last.checked_add(1.hour()).ok()?,
            Self::Day { hour, minute } => first_behind(&last, 1, hour, minute, |_| true)?,
            Self::Week { weekday, hour, minute } => {
                let wanted = Weekday::from_monday_one_offset(weekday).ok()?;
                first_behind(&last, 7, hour, minute, |day| day.weekday() == wanted)?
            }
        };
        Some(next.timestamp().as_second())
    }
}

/// A time skipped by a clock change is due as soon as the clocks allow; one that occurs twice is due once.
fn first_behind(
    last: &Zoned,
    days: i64,
    hour: i8,
    minute: i8,
    fits: impl Fn(&Zoned) -> bool,
) -> Option<Zoned> {
    (0..=days).find_map(|ahead| {
        let day = last.checked_add(ahead.days()).ok()?;
        let at = day.date().at(hour, minute, 0, 0).to_zoned(last.time_zone().clone()).ok()?;
        (fits(&at) && at > *last).then_some(at)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(schedule: Schedule, last: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let last: Zoned = format!("{last}[Europe/Berlin]").parse().unwrap();
        let next = schedule.next(last.timestamp().as_second(), &zone).unwrap();
        Timestamp::from_second(next).unwrap().to_zoned(zone).strftime("%F %H:%M").to_string()
    }

    #[test]
    fn a_daily_backup_is_due_at_its_time_however_long_the_last_one_took() {
        let nightly = Schedule::Day { hour: 2, minute: 30 };
        assert_eq!(next(nightly, "2026-11-20T02:30:00"), "2026-11-21 02:30");
        assert_eq!(next(nightly, "2026-11-20T02:29:59"), "2026-11-20 02:30");
        assert_eq!(next(nightly, "2026-11-20T23:00:00"), "2026-11-21 02:30");
    }

    #[test]
    fn a_week_ends_on_its_day() {
        let weekly = Schedule::Week { weekday: 7, hour: 4, minute: 0 };
        assert_eq!(next(weekly, "2026-11-20T12:00:00"), "2026-11-22 04:00");
        assert_eq!(next(weekly, "2026-11-22T04:00:00"), "2026-11-29 04:00");
    }

    #[test]
    fn clocks_that_change_neither_skip_nor_double_a_night() {
        // 2:30 does not exist on 2026-03-29 and occurs twice on 2026-10-25.
        let nightly = Schedule::Day { hour: 2, minute: 30 };
        assert_eq!(next(nightly, "2026-03-28T02:30:00"), "2026-03-29 03:30");
        assert_eq!(next(nightly, "2026-03-29T03:30:00"), "2026-03-30 02:30");
        assert_eq!(next(nightly, "2026-10-24T02:30:00"), "2026-10-25 02:30");
        assert_eq!(next(nightly, "2026-10-25T02:30:00"), "2026-10-26 02:30");
    }

    #[test]
    fn invalid_times_are_detected() {
        assert!(Schedule::Hour.is_valid());
        for schedule in [
            Schedule::Day { hour: 24, minute: 0 },
            Schedule::Day { hour: 0, minute: 60 },
            Schedule::Week { weekday: 0, hour: 1, minute: 1 },
        ] {
            assert!(!schedule.is_valid(), "{schedule:?}");
        }
        assert_eq!(Schedule::Manual.next(0, &TimeZone::UTC), None);
    }

    /// Any that is due at times.
    pub(crate) fn any_schedule() -> impl Strategy<Value = Schedule> {
        prop_oneof![
            Just(Schedule::Hour),
            (0_i8..24, 0_i8..60).prop_map(|(hour, minute)| Schedule::Day { hour, minute }),
            (1_i8..=7, 0_i8..24, 0_i8..60).prop_map(|(weekday, hour, minute)| Schedule::Week {
                weekday,
                hour,
                minute
            }),
        ]
    }

    proptest! {
        #[test]
        fn the_next_time_is_the_first_one_that_fits(
            schedule in any_schedule(),
            last in 0_i64..4_000_000_000,
            zone in prop::sample::select(&["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"][..]),
        ) {
            const HOUR: i64 = 3600;
            let zone = TimeZone::get(zone).unwrap();
            let next = schedule.next(last, &zone).unwrap();
            let at = Timestamp::from_second(next).unwrap().to_zoned(zone.clone());
            let (time, longest) = match schedule {
                Schedule::Manual | Schedule::Hour => (None, HOUR),
                Schedule::Day { hour, minute } => (Some((hour, minute)), 25 * HOUR),
                Schedule::Week { weekday, hour, minute } => {
                    prop_assert_eq!(at.weekday().to_monday_one_offset(), weekday);
                    (Some((hour, minute)), (7 * 24 + 1) * HOUR)
                }
            };
            prop_assert!(next > last && next <= last + longest, "{} after {}", at, last);
            if let Some((hour, minute)) = time {
                // Where the clocks skip it, as soon as they allow.
                let meant = at.date().at(hour, minute, 0, 0).to_zoned(zone.clone()).unwrap();
                prop_assert_eq!(&meant, &at);
                prop_assert_eq!(schedule.next(next - 1, &zone), Some(next));
            }
        }

        #[test]
        fn a_schedule_is_stored_as_it_was(schedule in any_schedule()) {
            let stored = serde_json::to_string(&schedule).unwrap();
            prop_assert_eq!(serde_json::from_str::<Schedule>(&stored).unwrap(), schedule);
            prop_assert!(schedule.is_valid() && schedule.patience() >= 3600);
        }
    }
}
