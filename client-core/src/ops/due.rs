//! What the schedule asks for now. Only this device's own journal is read: no network, so that it can be asked often.

use jiff::tz::TimeZone;

use super::{
    Client,
    runs::{self, Run, RunState},
    schedule::Schedule,
    sources::{self, SavedSource},
};
use crate::error::Error;

/// After a failure nothing is tried for this long, seconds (15 minutes).
const PAUSE: i64 = 15 * 60;
/// Runs looked at.
const RUNS: u32 = 1000;

/// The first saved source whose time has come, or passed while this device slept.
///
/// # Errors
/// Nobody is signed in, or what this device keeps cannot be read.
pub fn next(client: &Client) -> Result<Option<SavedSource>, Error> {
    let sources = sources::list(client)?;
    if sources.iter().all(|source| source.schedule == Schedule::Manual) {
        return Ok(None);
    }
    let runs = runs::recent(client, RUNS)?;
    let (now, zone) = (client.now(), TimeZone::system());
    Ok(sources.into_iter().find(|source| is_due(source, &runs, now, &zone)))
}

/// `runs`: newest first.
fn is_due(source: &SavedSource, runs: &[Run], now: i64, zone: &TimeZone) -> bool {
    if source.schedule == Schedule::Manual {
        return false;
    }
    let mut own = runs.iter().filter(|run| run.source == source.name && run.kind == source.origin.kind());
    let since = |time| source.schedule.next(time, zone).is_some_and(|due| due <= now);
    let Some(last) = own.clone().next() else { return since(source.created) };
    // Whoever stopped a backup does not want it back before its next time.
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
    use crate::ops::sources::Origin;

    const HOUR: i64 = 3600;

    fn due(schedule: Schedule, runs: &[(RunState, i64)], now: i64) -> bool {
        let source = SavedSource {
            id: Uuid::new_v4(),
            name: "shop".into(),
            origin: Origin::parse("postgres://h/shop").unwrap(),
            schedule,
            created: 0,
        };
        let run = |(state, started_at): &(RunState, i64)| Run {
            source: "shop".into(),
            kind: "postgres".into(),
            state: state.clone(),
            started_at: *started_at,
            ended_at: None,
            bytes_read: None,
        };
        is_due(&source, &runs.iter().map(run).collect::<Vec<_>>(), now, &TimeZone::UTC)
    }

    #[test]
    fn a_source_is_due_by_its_schedule_from_when_it_was_added() {
        assert!(!due(Schedule::Hour, &[], HOUR - 1));
        assert!(due(Schedule::Hour, &[], HOUR));
        assert!(!due(Schedule::Manual, &[], HOUR));
        assert!(!due(Schedule::Hour, &[(RunState::Committed, 10 * HOUR)], 11 * HOUR - 1));
        assert!(due(Schedule::Hour, &[(RunState::Committed, 10 * HOUR)], 11 * HOUR));
        // Asleep for three nights: once is enough.
        let nightly = Schedule::Day { hour: 2, minute: 0 };
        assert!(due(nightly, &[(RunState::Committed, 2 * HOUR)], 80 * HOUR));
        assert!(!due(nightly, &[(RunState::Committed, 80 * HOUR)], 81 * HOUR));
    }

    #[test]
    fn a_failure_is_tried_again_after_a_pause_and_a_stop_is_respected() {
        let failed = RunState::Failed("source_unreachable".into());
        let stopped = RunState::Failed("cancelled".into());
        let at = 50 * HOUR;
        assert!(!due(Schedule::Hour, &[(failed.clone(), at), (RunState::Committed, HOUR)], at + PAUSE - 1));
        assert!(due(Schedule::Hour, &[(failed.clone(), at), (RunState::Committed, HOUR)], at + PAUSE));
        assert!(due(Schedule::Hour, &[(failed, at)], at + PAUSE));
        // A backup that was cut off is neither success nor wish.
        assert!(due(Schedule::Hour, &[(RunState::Running, at), (RunState::Committed, HOUR)], at + PAUSE));
        assert!(!due(Schedule::Hour, &[(stopped.clone(), at), (RunState::Committed, HOUR)], at + PAUSE));
        assert!(due(Schedule::Hour, &[(stopped, at), (RunState::Committed, HOUR)], at + HOUR));
    }
}
