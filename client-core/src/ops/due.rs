//! Which backups are due now. Reads only this device's own journal: without the network, it can be called often.

use jiff::tz::TimeZone;

use super::{
    Client,
    runs::{self, AHEAD, KEPT, Run, RunState, added},
    schedule::Schedule,
    sources::{self, SavedSource},
};
use crate::error::Error;

/// No retry for this long after a failure, seconds (15 minutes).
const PAUSE: i64 = 15 * 60;
/// An hourly timer that fires this early still backs up: the next one fires an hour later, seconds.
const EARLY: i64 = 10 * 60;

/// What a timer that fires now finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// A backup is due.
    Due,
    /// It was backed up since it was last due, whoever did it; when it is due next.
    Done(i64),
    /// It has no schedule.
    Unscheduled,
}

/// Whether a timer of this source has anything to do. The app and a timer read the same journal, so that whoever comes
/// second finds the backup of the first.
///
/// # Errors
/// Same as [`next`].
pub fn at_timer(client: &Client, source: &SavedSource) -> Result<Turn, Error> {
    Ok(turn(source, &runs::backups(client, KEPT)?, client.now(), &TimeZone::system()))
}

/// The first saved source that is due, or became due while this device slept. None while a backup is running, in this
/// process or in another one.
///
/// # Errors
/// Not signed in, or this device's files cannot be read.
pub fn next(client: &Client) -> Result<Option<SavedSource>, Error> {
    let sources = sources::list(client)?;
    if sources.iter().all(|source| source.schedule == Schedule::Manual) {
        return Ok(None);
    }
    let runs = runs::backups(client, KEPT)?;
    let (now, zone) = (client.now(), TimeZone::system());
    let due = sources.into_iter().find(|source| is_due(source, &runs, now, &zone));
    Ok(due.filter(|_| !client.is_backing_up()))
}

/// Saved sources whose last success on this device is older than their schedule and some tolerance allow.
///
/// # Errors
/// Same as [`next`].
pub fn overdue(client: &Client) -> Result<Vec<SavedSource>, Error> {
    let mut sources = sources::list(client)?;
    let runs = runs::backups(client, KEPT)?;
    let (now, zone) = (client.now(), TimeZone::system());
    sources.retain(|source| is_overdue(source, &runs, now, &zone));
    Ok(sources)
}

/// The saved sources with a schedule and when each is due next, seconds since 1970; the first one first.
///
/// # Errors
/// Same as [`next`].
pub fn upcoming(client: &Client) -> Result<Vec<(SavedSource, i64)>, Error> {
    let sources = sources::list(client)?;
    let runs = runs::backups(client, KEPT)?;
    let (now, zone) = (client.now(), TimeZone::system());
    let next = |source: SavedSource| next_of(&source, &runs, now, &zone).map(|at| (source, at));
    let mut found: Vec<_> = sources.into_iter().filter_map(next).collect();
    found.sort_by_key(|(_, at)| *at);
    Ok(found)
}

/// Its backups, without those dated in the future, which would silently block backups until then.
fn of_source<'a>(source: &SavedSource, runs: &'a [Run], now: i64) -> impl Iterator<Item = &'a Run> + Clone {
    runs.iter().filter(move |run| run.started_at <= now + AHEAD && runs::is_backup_of(source, run, now))
}

fn is_overdue(source: &SavedSource, runs: &[Run], now: i64, zone: &TimeZone) -> bool {
    let last = of_source(source, runs, now).find(|run| run.state == RunState::Done);
    let since = last.map_or(added(source, now), |run| run.started_at);
    source.schedule.next(since, zone).is_some_and(|due| due + source.schedule.patience() < now)
}

/// After cancelling a backup the user does not want it again before its next scheduled time.
fn counts(run: &Run) -> bool {
    match &run.state {
        RunState::Done => true,
        RunState::Failed(why) => why == "cancelled",
        RunState::Running => false,
    }
}

fn turn(source: &SavedSource, runs: &[Run], now: i64, zone: &TimeZone) -> Turn {
    let last = of_source(source, runs, now).find(|run| counts(run));
    let early = if source.schedule == Schedule::Hour { EARLY } else { 0 };
    match last {
        _ if source.schedule == Schedule::Manual => Turn::Unscheduled,
        // The timer itself says when the first backup is due.
        None => Turn::Due,
        Some(last) => match source.schedule.next(last.started_at, zone) {
            Some(next) if next > now + early => Turn::Done(next),
            _ => Turn::Due,
        },
    }
}

/// `runs`: newest first.
fn is_due(source: &SavedSource, runs: &[Run], now: i64, zone: &TimeZone) -> bool {
    attempt(source, runs, now, zone).is_some_and(|at| at <= now)
}

/// When the next attempt to back it up starts, if the app is open then: after a failure not before a pause.
///
/// `runs`: newest first.
pub(super) fn attempt(source: &SavedSource, runs: &[Run], now: i64, zone: &TimeZone) -> Option<i64> {
    let failed = of_source(source, runs, now).next().filter(|last| !counts(last));
    let due = next_of(source, runs, now, zone)?;
    Some(failed.map_or(due, |last| due.max(last.started_at + PAUSE)))
}

/// When it is due by its schedule; `runs`: newest first.
fn next_of(source: &SavedSource, runs: &[Run], now: i64, zone: &TimeZone) -> Option<i64> {
    let last = of_source(source, runs, now).find(|run| counts(run));
    source.schedule.next(last.map_or(added(source, now), |run| run.started_at), zone)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::RunId;
    use uuid::Uuid;

    use super::*;
    use crate::ops::{runs::RunKind, sources::Address};

    const HOUR: i64 = 3600;

    type Judge = fn(&SavedSource, &[Run], i64, &TimeZone) -> bool;

    fn due(schedule: Schedule, runs: &[(RunState, i64)], now: i64) -> bool {
        judged(is_due, schedule, runs, now)
    }

    fn saved(schedule: Schedule) -> SavedSource {
        SavedSource {
            id: Uuid::new_v4(),
            name: "shop".into(),
            address: Address::parse("postgres://h/shop").unwrap(),
            schedule,
            created: 0,
            scheduled: 0,
            former: Vec::new(),
        }
    }

    fn run((state, started_at): &(RunState, i64)) -> Run {
        Run {
            id: RunId::from_bytes([7; 16]),
            kind: RunKind::Backup,
            snapshot: None,
            source: Some("shop".into()),
            source_kind: Some("postgres".into()),
            target: None,
            state: state.clone(),
            started_at: *started_at,
            ended_at: None,
            bytes_read: None,
        }
    }

    fn judged(judge: Judge, schedule: Schedule, runs: &[(RunState, i64)], now: i64) -> bool {
        judge(&saved(schedule), &runs.iter().map(run).collect::<Vec<_>>(), now, &TimeZone::UTC)
    }

    #[test]
    fn a_source_is_due_by_its_schedule_from_when_it_was_added() {
        assert!(!due(Schedule::Hour, &[], HOUR - 1));
        assert!(due(Schedule::Hour, &[], HOUR));
        assert!(!due(Schedule::Manual, &[], HOUR));
        assert!(!due(Schedule::Hour, &[(RunState::Done, 10 * HOUR)], 11 * HOUR - 1));
        assert!(due(Schedule::Hour, &[(RunState::Done, 10 * HOUR)], 11 * HOUR));
        // Asleep for three nights: one backup is enough.
        let nightly = Schedule::Day { hour: 2, minute: 0 };
        assert!(due(nightly, &[(RunState::Done, 2 * HOUR)], 80 * HOUR));
        assert!(!due(nightly, &[(RunState::Done, 80 * HOUR)], 81 * HOUR));
    }

    #[test]
    fn the_next_time_follows_the_last_backup_and_a_failure_does_not_move_it() {
        let at = |schedule, runs: &[(RunState, i64)], now| {
            next_of(&saved(schedule), &runs.iter().map(run).collect::<Vec<_>>(), now, &TimeZone::UTC)
        };
        let nightly = Schedule::Day { hour: 2, minute: 0 };
        assert_eq!(at(Schedule::Manual, &[], HOUR), None);
        assert_eq!(at(nightly, &[(RunState::Done, 3 * HOUR)], 4 * HOUR), Some(26 * HOUR));
        let failed = RunState::Failed("source_unreachable".into());
        let runs = [(failed, 26 * HOUR), (RunState::Done, 3 * HOUR)];
        assert_eq!(at(nightly, &runs, 27 * HOUR), Some(26 * HOUR));
    }

    #[test]
    fn a_source_is_overdue_after_only_failures_for_longer_than_the_tolerance() {
        let late = |schedule, runs: &[(RunState, i64)], now| judged(is_overdue, schedule, runs, now);
        let failed = RunState::Failed("source_unreachable".into());
        let patience = Schedule::Hour.patience();
        assert!(!late(Schedule::Hour, &[], HOUR + patience));
        assert!(late(Schedule::Hour, &[], HOUR + patience + 1));
        let runs = [(failed, 20 * HOUR), (RunState::Done, 10 * HOUR)];
        assert!(!late(Schedule::Hour, &runs, 11 * HOUR + patience));
        assert!(late(Schedule::Hour, &runs, 11 * HOUR + patience + 1));
        assert!(!late(Schedule::Hour, &[(RunState::Done, 20 * HOUR)], 21 * HOUR));
        assert!(!late(Schedule::Manual, &[], 9000 * HOUR));
    }

    #[test]
    fn a_failure_is_retried_after_a_pause_and_a_cancellation_is_respected() {
        let failed = RunState::Failed("source_unreachable".into());
        let stopped = RunState::Failed("cancelled".into());
        let at = 50 * HOUR;
        assert!(!due(Schedule::Hour, &[(failed.clone(), at), (RunState::Done, HOUR)], at + PAUSE - 1));
        assert!(due(Schedule::Hour, &[(failed.clone(), at), (RunState::Done, HOUR)], at + PAUSE));
        assert!(due(Schedule::Hour, &[(failed, at)], at + PAUSE));
        // An interrupted backup counts neither as a success nor as cancelled.
        assert!(due(Schedule::Hour, &[(RunState::Running, at), (RunState::Done, HOUR)], at + PAUSE));
        assert!(!due(Schedule::Hour, &[(stopped.clone(), at), (RunState::Done, HOUR)], at + PAUSE));
        assert!(due(Schedule::Hour, &[(stopped, at), (RunState::Done, HOUR)], at + HOUR));
    }

    #[test]
    fn the_next_attempt_is_after_the_pause_or_when_it_is_due() {
        let next = |schedule, runs: &[(RunState, i64)], now| {
            let runs: Vec<Run> = runs.iter().map(run).collect();
            attempt(&saved(schedule), &runs, now, &TimeZone::UTC)
        };
        let failed = |at| (RunState::Failed("source_unreachable".into()), at);
        let at = 50 * HOUR;
        let runs = [failed(at), (RunState::Done, HOUR)];
        assert_eq!(next(Schedule::Hour, &runs, at + 60), Some(at + PAUSE));
        // It failed on demand, long before it is due.
        assert_eq!(
            next(Schedule::Hour, &[failed(at), (RunState::Done, at - 60)], at + 60),
            Some(at + HOUR - 60)
        );
        assert_eq!(next(Schedule::Hour, &[(RunState::Done, at)], at + 60), Some(at + HOUR));
        assert_eq!(next(Schedule::Manual, &runs, at + 60), None);
        // A restore that failed puts nothing off.
        let mut restore = run(&failed(at));
        restore.kind = RunKind::Restore;
        let runs = [restore, run(&(RunState::Done, HOUR))];
        let now = at + 60;
        assert_eq!(attempt(&saved(Schedule::Hour), &runs, now, &TimeZone::UTC), Some(2 * HOUR));
    }

    #[test]
    fn a_timer_finds_what_the_app_has_done_and_makes_up_for_what_it_has_not() {
        let at = |schedule, runs: &[(RunState, i64)], now| {
            let runs: Vec<Run> = runs.iter().map(run).collect();
            turn(&saved(schedule), &runs, now, &TimeZone::UTC)
        };
        let nightly = Schedule::Day { hour: 2, minute: 0 };
        let night = 48 * HOUR + 2 * HOUR;
        assert_eq!(at(nightly, &[], night), Turn::Due);
        assert_eq!(at(Schedule::Manual, &[], night), Turn::Unscheduled);
        // The app was open, and first.
        let done = Turn::Done(night + 24 * HOUR);
        assert_eq!(at(nightly, &[(RunState::Done, night + 15)], night + 180), done);
        // The app's run failed, or is not over.
        let failed = RunState::Failed("source_unreachable".into());
        for state in [failed, RunState::Running] {
            let runs = [(state, night + 15), (RunState::Done, night - 24 * HOUR)];
            assert_eq!(at(nightly, &runs, night + 180), Turn::Due);
        }
        // A timer's hour is not exact.
        let hour = |later| at(Schedule::Hour, &[(RunState::Done, night)], night + later);
        assert_eq!(hour(HOUR - 60), Turn::Due);
        assert_eq!(hour(HOUR / 2), Turn::Done(night + HOUR));
    }

    #[test]
    fn a_run_or_source_from_the_future_stops_no_backup() {
        // One backup was made while the clock was ten years ahead.
        let (now, future) = (500 * HOUR, 500 * HOUR + 10 * 365 * 24 * HOUR);
        for schedule in [
            Schedule::Hour,
            Schedule::Day { hour: 2, minute: 0 },
            Schedule::Week { weekday: 1, hour: 2, minute: 0 },
        ] {
            for state in [RunState::Done, RunState::Failed("cancelled".into()), RunState::Running] {
                let runs = [(state, future), (RunState::Done, now - 400 * HOUR)];
                assert!(due(schedule, &runs, now), "{schedule:?}");
                assert!(judged(is_overdue, schedule, &runs, now), "{schedule:?}");
                let runs: Vec<Run> = runs.iter().map(run).collect();
                assert_eq!(turn(&saved(schedule), &runs, now, &TimeZone::UTC), Turn::Due);
            }
            // What has run since, with the right time, counts.
            let runs = [(RunState::Done, now), (RunState::Done, future)];
            assert!(!due(schedule, &runs, now) && !judged(is_overdue, schedule, &runs, now));
            // A source that was added then.
            let added = SavedSource { created: future, ..saved(schedule) };
            let zone = TimeZone::UTC;
            assert!(is_due(&added, &[], now, &zone) && is_overdue(&added, &[], now, &zone));
            let ran = [run(&(RunState::Done, now - 1))];
            assert!(!is_due(&added, &ran, now, &zone), "and it is not due again and again");
            assert!(matches!(turn(&added, &ran, now + 1, &zone), Turn::Done(_)));
        }
        // A clock that is set back by a little doubles nothing.
        let runs = [(RunState::Done, now + 60)];
        assert!(!due(Schedule::Hour, &runs, now));
    }

    #[test]
    fn only_the_runs_of_a_source_count() {
        let (at, now) = (10 * HOUR, 11 * HOUR - 1);
        let is_due_after = |change: fn(&mut SavedSource, &mut Run)| {
            let (mut source, mut last) = (saved(Schedule::Hour), run(&(RunState::Done, at)));
            change(&mut source, &mut last);
            is_due(&source, &[last], now, &TimeZone::UTC)
        };
        assert!(!is_due_after(|_, _| {}));
        assert!(is_due_after(|_, run| run.source = Some("ledger".into())));
        // Restores and verifications of it do not back it up.
        assert!(is_due_after(|_, run| run.kind = RunKind::Restore));
        assert!(is_due_after(|_, run| run.kind = RunKind::Verify));
        assert!(is_due_after(|_, run| run.source_kind = Some("file".into())));
        // Before it was added, another source had its name.
        assert!(!is_due_after(|source, _| source.created = 10 * HOUR));
        assert!(is_due_after(|source, run| {
            source.created = 9 * HOUR + 1800;
            run.started_at = 9 * HOUR;
        }));
        // Under the name that it had before.
        assert!(!is_due_after(|source, run| {
            source.former = vec![sources::Former { name: "old".into(), place: "h:5432/old".into() }];
            run.source = Some("old".into());
        }));
    }

    #[test]
    fn a_timer_is_not_sent_away_by_a_backup_that_somebody_cancelled_or_started_long_ago() {
        let at = |schedule, runs: &[(RunState, i64)], now| {
            let runs: Vec<Run> = runs.iter().map(run).collect();
            turn(&saved(schedule), &runs, now, &TimeZone::UTC)
        };
        let weekly = Schedule::Week { weekday: 4, hour: 2, minute: 0 };
        // 1970-01-01 was a Thursday.
        let (first, next) = (2 * HOUR, (7 * 24 + 2) * HOUR);
        assert_eq!(at(weekly, &[(RunState::Done, first)], first + HOUR), Turn::Done(next));
        assert_eq!(at(weekly, &[(RunState::Done, first)], next), Turn::Due);
        assert_eq!(
            at(weekly, &[(RunState::Done, first)], next - 60),
            Turn::Done(next),
            "only hours are early"
        );
        let stopped = RunState::Failed("cancelled".into());
        assert_eq!(at(weekly, &[(stopped, next + 5)], next + 60), Turn::Done(next + 7 * 24 * HOUR));
    }
}
