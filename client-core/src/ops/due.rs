//! Which backups are due now. Reads only this device's own journal: without the network, it can be called often.

use jiff::tz::TimeZone;

use super::{
    Client,
    runs::{self, Run, RunState},
    schedule::Schedule,
    sources::{self, SavedSource},
};
use crate::error::Error;

/// No retry for this long after a failure, seconds (15 minutes).
const PAUSE: i64 = 15 * 60;
/// Number of runs examined.
const RUNS: u32 = 1000;

/// The first saved source that is due, or became due while this device slept.
///
/// # Errors
/// Not signed in, or this device's files cannot be read.
pub fn next(client: &Client) -> Result<Option<SavedSource>, Error> {
    let sources = sources::list(client)?;
    if sources.iter().all(|source| source.schedule == Schedule::Manual) {
        return Ok(None);
    }
    let runs = runs::recent(client, RUNS)?;
    let (now, zone) = (client.now(), TimeZone::system());
    Ok(sources.into_iter().find(|source| is_due(source, &runs, now, &zone)))
}

/// Saved sources whose last success on this device is older than their schedule and some tolerance allow.
///
/// # Errors
/// Same as [`next`].
pub fn overdue(client: &Client) -> Result<Vec<SavedSource>, Error> {
    let mut sources = sources::list(client)?;
    let runs = runs::recent(client, RUNS)?;
    let (now, zone) = (client.now(), TimeZone::system());
    sources.retain(|source| is_overdue(source, &runs, now, &zone));
    Ok(sources)
}

fn of_source<'a>(source: &SavedSource, runs: &'a [Run]) -> impl Iterator<Item = &'a Run> + Clone {
    runs.iter().filter(move |run| runs::is_of(source, run))
}

fn is_overdue(source: &SavedSource, runs: &[Run], now: i64, zone: &TimeZone) -> bool {
    let last = of_source(source, runs).find(|run| run.state == RunState::Committed);
    let since = last.map_or(source.created, |run| run.started_at);
    source.schedule.next(since, zone).is_some_and(|due| due + source.schedule.patience() < now)
}

/// `runs`: newest first.
fn is_due(source: &SavedSource, runs: &[Run], now: i64, zone: &TimeZone) -> bool {
    if source.schedule == Schedule::Manual {
        return false;
    }
    let mut own = of_source(source, runs);
    let since = |time| source.schedule.next(time, zone).is_some_and(|due| due <= now);
    let Some(last) = own.clone().next() else { return since(source.created) };
    // After cancelling a backup the user does not want it again before its next scheduled time.
    let counts = |run: &&Run| match &run.state {
        RunState::Committed => true,
        RunState::Failed(why) => why == "cancelled",
        RunState::Running => false,
    };
    if last.started_at + PAUSE > now && !counts(&last) {
        return false;
    }
    since(own.find(counts).map_or(source.created, |run| run.started_at))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ops::sources::Address;

    const HOUR: i64 = 3600;

    type Judge = fn(&SavedSource, &[Run], i64, &TimeZone) -> bool;

    fn due(schedule: Schedule, runs: &[(RunState, i64)], now: i64) -> bool {
        judged(is_due, schedule, runs, now)
    }

    fn judged(judge: Judge, schedule: Schedule, runs: &[(RunState, i64)], now: i64) -> bool {
        let source = SavedSource {
            id: Uuid::new_v4(),
            name: "shop".into(),
            address: Address::parse("postgres://h/shop").unwrap(),
            schedule,
            created: 0,
            former: Vec::new(),
        };
        let run = |(state, started_at): &(RunState, i64)| Run {
            source: "shop".into(),
            kind: "postgres".into(),
            state: state.clone(),
            started_at: *started_at,
            ended_at: None,
            bytes_read: None,
            snapshot: None,
        };
        judge(&source, &runs.iter().map(run).collect::<Vec<_>>(), now, &TimeZone::UTC)
    }

    #[test]
    fn a_source_is_due_by_its_schedule_from_when_it_was_added() {
        assert!(!due(Schedule::Hour, &[], HOUR - 1));
        assert!(due(Schedule::Hour, &[], HOUR));
        assert!(!due(Schedule::Manual, &[], HOUR));
        assert!(!due(Schedule::Hour, &[(RunState::Committed, 10 * HOUR)], 11 * HOUR - 1));
        assert!(due(Schedule::Hour, &[(RunState::Committed, 10 * HOUR)], 11 * HOUR));
        // Asleep for three nights: one backup is enough.
        let nightly = Schedule::Day { hour: 2, minute: 0 };
        assert!(due(nightly, &[(RunState::Committed, 2 * HOUR)], 80 * HOUR));
        assert!(!due(nightly, &[(RunState::Committed, 80 * HOUR)], 81 * HOUR));
    }

    #[test]
    fn a_source_is_overdue_after_only_failures_for_longer_than_the_tolerance() {
        let late = |schedule, runs: &[(RunState, i64)], now| judged(is_overdue, schedule, runs, now);
        let failed = RunState::Failed("source_unreachable".into());
        let patience = Schedule::Hour.patience();
        assert!(!late(Schedule::Hour, &[], HOUR + patience));
        assert!(late(Schedule::Hour, &[], HOUR + patience + 1));
        let runs = [(failed, 20 * HOUR), (RunState::Committed, 10 * HOUR)];
        assert!(!late(Schedule::Hour, &runs, 11 * HOUR + patience));
        assert!(late(Schedule::Hour, &runs, 11 * HOUR + patience + 1));
        assert!(!late(Schedule::Hour, &[(RunState::Committed, 20 * HOUR)], 21 * HOUR));
        assert!(!late(Schedule::Manual, &[], 9000 * HOUR));
    }

    #[test]
    fn a_failure_is_retried_after_a_pause_and_a_cancellation_is_respected() {
        let failed = RunState::Failed("source_unreachable".into());
        let stopped = RunState::Failed("cancelled".into());
        let at = 50 * HOUR;
        assert!(!due(Schedule::Hour, &[(failed.clone(), at), (RunState::Committed, HOUR)], at + PAUSE - 1));
        assert!(due(Schedule::Hour, &[(failed.clone(), at), (RunState::Committed, HOUR)], at + PAUSE));
        assert!(due(Schedule::Hour, &[(failed, at)], at + PAUSE));
        // An interrupted backup counts neither as a success nor as cancelled.
        assert!(due(Schedule::Hour, &[(RunState::Running, at), (RunState::Committed, HOUR)], at + PAUSE));
        assert!(!due(Schedule::Hour, &[(stopped.clone(), at), (RunState::Committed, HOUR)], at + PAUSE));
        assert!(due(Schedule::Hour, &[(stopped, at), (RunState::Committed, HOUR)], at + HOUR));
    }
}
