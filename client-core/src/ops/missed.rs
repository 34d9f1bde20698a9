//! The days on which a schedule wanted a backup and none came.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::schedule::Schedule;

/// How many days are examined: the 53 weeks of the window's calendar.
pub(super) const DAYS: i64 = 53 * 7;

/// When backups were due on days without one, oldest first, one time a day at most, seconds since 1970. A backup that
/// came late, before the next one was due, was not missed; neither is one that may still come.
///
/// `since`: when the schedule came into force. `backups`: in any order.
pub(super) fn missed(schedule: Schedule, since: i64, backups: &[i64], now: i64, zone: &TimeZone) -> Vec<i64> {
    let mut backups = backups.to_vec();
    backups.sort_unstable();
    let (Some(added), Some(today)) = (date(since, zone), date(now, zone)) else { return Vec::new() };
    let first = today.checked_sub(DAYS.days()).unwrap_or(today).max(added);
    let covered: BTreeSet<Date> = backups.iter().filter_map(|at| date(*at, zone)).collect();
    let none_until = |from: i64, to: i64| {
        backups.get(backups.partition_point(|at| *at < from)).is_none_or(|next| *next >= to)
    };
    first
        .series(1.day())
        .take_while(|day| *day <= today)
        .filter(|day| !covered.contains(day))
        .filter_map(|day| due_on(day, schedule, since, &backups, zone))
        .filter(|due| due + schedule.patience() < now)
        .filter(|due| schedule.next(*due, zone).is_some_and(|next| none_until(*due, next)))
        .collect()
}

fn date(at: i64, zone: &TimeZone) -> Option<Date> {
    Some(Timestamp::from_second(at).ok()?.to_zoned(zone.clone()).date())
}

/// The first time on this day, which has no backup, at which one is due. `backups`: oldest first.
fn due_on(day: Date, schedule: Schedule, since: i64, backups: &[i64], zone: &TimeZone) -> Option<i64> {
    const HOUR: i64 = 3600;
    let start = day.to_zoned(zone.clone()).ok()?.timestamp().as_second();
    let from = match schedule {
        // An hour after the last one, however long ago that was.
        Schedule::Hour => {
            let last = backups.iter().rev().find(|at| **at < start);
            last.copied().unwrap_or(since).max(start - HOUR)
        }
        Schedule::Manual | Schedule::Day { .. } | Schedule::Week { .. } => start - 1,
    };
    let due = schedule.next(from.max(since), zone)?;
    (date(due, zone)? == day).then_some(due)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    const NONE: [i64; 0] = [];
    const NIGHTLY: Schedule = Schedule::Day { hour: 2, minute: 0 };
    /// 1970-01-01 was a Thursday.
    const THURSDAYS: Schedule = Schedule::Week { weekday: 4, hour: 2, minute: 0 };

    fn of(schedule: Schedule, backups: &[i64], now: i64) -> Vec<i64> {
        missed(schedule, 0, backups, now, &TimeZone::UTC)
    }

    #[test]
    fn a_night_without_a_backup_was_missed_once_its_time_has_passed() {
        let night = |day: i64| day * DAY + 2 * HOUR;
        let patience = NIGHTLY.patience();
        assert_eq!(of(NIGHTLY, &[], night(0) + patience), NONE);
        assert_eq!(of(NIGHTLY, &[], night(0) + patience + 1), [night(0)]);
        assert_eq!(of(NIGHTLY, &[night(0), night(2)], night(3)), [night(1)]);
        // In the evening of that day, or in the next morning before it is due again.
        assert_eq!(of(NIGHTLY, &[night(0), night(1) + 20 * HOUR, night(2)], night(3)), NONE);
        assert_eq!(of(NIGHTLY, &[night(0), night(2) - 60, night(2) + 1], night(3)), NONE);
        // The day has one, though not by schedule.
        assert_eq!(of(NIGHTLY, &[night(0), night(1) - HOUR, night(2)], night(3)), NONE);
        assert_eq!(of(Schedule::Manual, &[night(0)], night(30)), NONE);
    }

    #[test]
    fn nothing_was_missed_before_the_schedule_came_into_force() {
        let (since, now) = (10 * DAY + 12 * HOUR, 13 * DAY);
        let found = missed(NIGHTLY, since, &[], now, &TimeZone::UTC);
        assert_eq!(found, [11 * DAY + 2 * HOUR, 12 * DAY + 2 * HOUR]);
        assert_eq!(missed(NIGHTLY, now + DAY, &[], now, &TimeZone::UTC), NONE);
    }

    #[test]
    fn an_hourly_source_misses_whole_days_and_a_weekly_one_its_day() {
        let last = 3 * DAY - HOUR / 2;
        assert_eq!(of(Schedule::Hour, &[0, DAY, 2 * DAY, last], 3 * DAY + 2 * HOUR), [last + HOUR]);
        assert_eq!(of(Schedule::Hour, &[0, 3 * DAY], 3 * DAY + HOUR), [DAY, 2 * DAY]);
        assert_eq!(of(THURSDAYS, &[], 16 * DAY), [2 * HOUR, 7 * DAY + 2 * HOUR, 14 * DAY + 2 * HOUR]);
        // On Saturday instead.
        assert_eq!(of(THURSDAYS, &[2 * DAY], 6 * DAY), NONE);
    }

    fn any_schedule() -> impl Strategy<Value = Schedule> {
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

    fn any_zone() -> impl Strategy<Value = TimeZone> {
        prop::sample::select(&["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"][..])
            .prop_map(|name| TimeZone::get(name).unwrap())
    }

    proptest! {
        #[test]
        fn what_was_missed_was_due_and_did_not_come(
            schedule in any_schedule(),
            zone in any_zone(),
            now in 1_700_000_000_i64..1_800_000_000,
            age in 0_i64..500 * DAY,
            backups in prop::collection::vec(0_i64..500 * DAY, 0..40),
        ) {
            let since = now - age;
            let backups: Vec<i64> = backups.into_iter().map(|ago| now - ago).collect();
            let found = missed(schedule, since, &backups, now, &zone);
            let day = |at: i64| date(at, &zone).unwrap();
            prop_assert!(found.windows(2).all(|two| day(two[0]) < day(two[1])));
            for due in &found {
                prop_assert!(*due > since && due + schedule.patience() < now);
                prop_assert!(backups.iter().all(|at| day(*at) != day(*due)));
                let next = schedule.next(*due, &zone).unwrap();
                prop_assert!(!backups.iter().any(|at| (*due..next).contains(at)));
                if schedule != Schedule::Hour {
                    prop_assert_eq!(schedule.next(due - 1, &zone), Some(*due));
                }
            }
        }

        #[test]
        fn every_time_that_passed_without_a_backup_is_found(
            schedule in any_schedule().prop_filter("has times", |schedule| *schedule != Schedule::Hour),
            zone in any_zone(),
            now in 1_700_000_000_i64..1_800_000_000,
            age in 0_i64..360 * DAY,
            backups in prop::collection::vec(0_i64..360 * DAY, 0..200),
        ) {
            let since = now - age;
            let backups: Vec<i64> = backups.into_iter().map(|ago| now - ago).collect();
            let mut wanted = Vec::new();
            let mut due = schedule.next(since, &zone).unwrap();
            while due + schedule.patience() < now {
                let next = schedule.next(due, &zone).unwrap();
                let came = |at: &i64| (due..next).contains(at) || date(*at, &zone) == date(due, &zone);
                if !backups.iter().any(came) {
                    wanted.push(due);
                }
                due = next;
            }
            prop_assert_eq!(missed(schedule, since, &backups, now, &zone), wanted);
        }

        #[test]
        fn a_source_that_is_backed_up_by_its_schedule_misses_nothing(
            schedule in any_schedule(),
            zone in any_zone(),
            now in 1_700_000_000_i64..1_800_000_000,
            late in 0_i64..HOUR / 2,
        ) {
            let since = now - 30 * DAY;
            let mut backups = Vec::new();
            let mut last = since;
            while let Some(due) = schedule.next(last, &zone).filter(|due| due + late <= now) {
                last = due + late;
                backups.push(last);
            }
            prop_assert_eq!(missed(schedule, since, &backups, now, &zone), NONE);
        }
    }
}
