//! Progress as lines on standard error, for logs (`--progress=plain`) and for programs (`--progress=json`).
//!
//! Each JSON line is one [`Line`].

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    documents::{Line, Sums},
    plain,
    plain::Plain,
    render::{self, Reporter},
};
use client_core::{
    error::Error,
    event::{Event, Observer, Peer, Stage},
};

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A sentence.
    Plain,
    /// A JSON object.
    Json,
}

impl Form {
    /// Minimum time between two lines about the same stage or outage. A person reads a log, a program draws a bar.
    const fn interval(self) -> Duration {
        match self {
            Self::Plain => Duration::from_secs(30),
            Self::Json => Duration::from_secs(1),
        }
    }
}

/// One line for a program.
fn object(line: &Line) -> Plain {
    Plain::lines(plain::json(&serde_json::to_string(line).unwrap_or_default()))
}

/// As a sentence, like the ones of a run without a terminal.
fn sentence(line: &Line) -> Plain {
    match line {
        Line::Stage { stage } => plain!("sealkeep: {}", stage),
        Line::Progress(sums) => {
            let mut text = plain!("sealkeep: {}: {}", sums.stage, render::bytes(sums.done_bytes));
            if let Some(total) = sums.total_bytes {
                text.push(&plain!(" of about {}", render::bytes(total)));
            }
            if sums.uploaded_bytes > 0 {
                text.push(&plain!(", {} uploaded", render::bytes(sums.uploaded_bytes)));
            }
            text
        }
        Line::Unavailable { peer, seconds, .. } => {
            plain!("sealkeep: the {} has been unavailable for {} s", peer, seconds)
        }
        Line::Available => plain!("sealkeep: it answers again"),
        Line::Proving { about_seconds, .. } => {
            plain!("sealkeep: proof of work before sign-in, about {} s", about_seconds)
        }
        Line::Proven => plain!("sealkeep: proof of work done"),
        Line::Warning { message } => plain!("sealkeep: warning: {}", message),
        Line::Note { message } | Line::Error { message, .. } => plain!("sealkeep: {}", message),
    }
}

fn shown(line: &Line, form: Form) -> Plain {
    match form {
        Form::Plain => sentence(line),
        Form::Json => object(line),
    }
}

/// Prints events as lines.
pub(crate) struct Lines {
    form: Form,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sums: Sums,
    /// The size of the dump, which may be known before its stage begins.
    expected: Option<u64>,
    /// Sums that no line has shown.
    unreported: bool,
    /// When the last line about sums or an outage was printed, since the start.
    last: Option<Duration>,
}

impl Lines {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, started: Instant::now(), state: Mutex::default() }
    }

    fn print(&self, lines: &[Line]) {
        for line in lines {
            // Progress that nobody can read is no reason to stop.
            drop(render::note(&shown(line, self.form)));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The lines that an event causes.
    fn lines(&mut self, event: &Event, now: Duration, interval: Duration) -> Vec<Line> {
        let change: fn(&mut Sums, u64) = match event {
            Event::Stage(stage) => return self.begin(*stage),
            Event::Warning(warning) => return vec![Line::Warning { message: warning.to_string() }],
            Event::Reachable => return self.end_of_wait(Line::Available),
            Event::Proven => return self.end_of_wait(Line::Proven),
            Event::Away { peer, seconds, limit } => {
                let line = Line::Unavailable { peer: name(*peer), seconds: *seconds, limit_seconds: *limit };
                return self.due(now, interval).then_some(line).into_iter().collect();
            }
            Event::Proving { seconds, about } => {
                let line = Line::Proving { seconds: *seconds, about_seconds: *about };
                return self.due(now, interval).then_some(line).into_iter().collect();
            }
            Event::Expected { .. } => |sums, bytes| sums.total_bytes = Some(bytes),
            Event::Read { .. } | Event::Restored { .. } | Event::Checked { .. } => {
                |sums, bytes| sums.done_bytes += bytes
            }
            Event::NewChunk { .. } => |sums, bytes| sums.new_bytes += bytes,
            Event::DuplicateChunk { .. } => |sums, bytes| sums.known_bytes += bytes,
            Event::Uploaded { .. } => |sums, bytes| sums.uploaded_bytes += bytes,
        };
        let bytes = amount(event);
        if matches!(event, Event::Expected { .. }) {
            self.expected = Some(bytes);
        }
        change(&mut self.sums, bytes);
        self.unreported = true;
        if self.due(now, interval) { self.report() } else { Vec::new() }
    }

    /// The last sums of a stage are reported, however soon the next one begins.
    fn begin(&mut self, stage: Stage) -> Vec<Line> {
        let mut lines = self.report();
        let (stage, total_bytes) = match stage {
            Stage::Sync => ("sync", None),
            Stage::Dump => ("dump", self.expected),
            Stage::Commit => ("commit", None),
            Stage::Restore { total } => ("restore", Some(total)),
            Stage::Check { .. } => ("check", None),
        };
        self.sums = Sums { stage, total_bytes, ..Sums::default() };
        lines.push(Line::Stage { stage });
        lines
    }

    fn end_of_wait(&mut self, line: Line) -> Vec<Line> {
        self.last = None;
        vec![line]
    }

    fn due(&mut self, now: Duration, interval: Duration) -> bool {
        let due = self.last.is_none_or(|last| now.saturating_sub(last) >= interval);
        if due {
            self.last = Some(now);
        }
        due
    }

    fn report(&mut self) -> Vec<Line> {
        // Before the first stage there is only the size, which that stage reports.
        let reported = std::mem::take(&mut self.unreported) && !self.sums.stage.is_empty();
        reported.then_some(Line::Progress(self.sums)).into_iter().collect()
    }
}

impl Observer for Lines {
    fn event(&self, event: &Event) {
        // Printed under the lock, so that lines of two threads keep their order.
        let mut state = self.state();
        let lines = state.lines(event, self.started.elapsed(), self.form.interval());
        self.print(&lines);
    }
}

impl Reporter for Lines {
    fn end(&self) {
        let mut state = self.state();
        let lines = state.report();
        self.print(&lines);
    }

    fn remark(&self, text: &Plain) -> Result<(), Error> {
        match self.form {
            Form::Plain => render::remark(text),
            Form::Json => render::note(&object(&Line::Note { message: text.as_str().to_owned() })),
        }
    }

    fn error(&self, error: &Error) -> Result<(), Error> {
        match self.form {
            Form::Plain => render::remark(&render::sentences(error)),
            Form::Json => render::note(&object(&failure(error))),
        }
    }
}

fn failure(error: &Error) -> Line {
    Line::Error {
        kind: error.kind().as_str(),
        message: error.happened().to_owned(),
        meaning: error.meaning().to_owned(),
        next_step: error.next_step().to_owned(),
    }
}

const fn name(peer: Peer) -> &'static str {
    match peer {
        Peer::Service => "service",
        Peer::Store => "store",
    }
}

/// The bytes that an event adds.
const fn amount(event: &Event) -> u64 {
    match event {
        Event::Expected { bytes }
        | Event::Read { bytes }
        | Event::Restored { bytes }
        | Event::Checked { bytes }
        | Event::Uploaded { bytes } => *bytes,
        Event::NewChunk { plain, .. } | Event::DuplicateChunk { plain } => *plain,
        _ => 0,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use client_core::{error::ErrorKind, event::Warning, text};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The JSON lines after events at these times in milliseconds.
    fn lines(events: &[(u64, Event)]) -> Vec<String> {
        let mut state = State::default();
        let printed = events
            .iter()
            .flat_map(|(at, event)| state.lines(event, Duration::from_millis(*at), Form::Json.interval()));
        printed.map(|line| shown(&line, Form::Json).as_str().to_owned()).collect()
    }

    #[test]
    fn sums_are_reported_once_a_second_and_at_the_end_of_their_stage() {
        let said = lines(&[
            (0, Event::Expected { bytes: 100 }),
            (0, Event::Stage(Stage::Dump)),
            (10, Event::Read { bytes: 10 }),
            (1100, Event::NewChunk { plain: 7, stored: 3 }),
            (1200, Event::DuplicateChunk { plain: 3 }),
            (1300, Event::Uploaded { bytes: 5 }),
            (1400, Event::Stage(Stage::Commit)),
            (1500, Event::Stage(Stage::Restore { total: 9 })),
        ]);
        let sums = |new, known, uploaded| {
            format!(
                r#"{{"event":"progress","stage":"dump","done_bytes":10,"total_bytes":100,"new_bytes":{new},"known_bytes":{known},"uploaded_bytes":{uploaded}}}"#
            )
        };
        assert_eq!(
            said,
            [
                r#"{"event":"stage","stage":"dump"}"#.to_owned(),
                sums(7, 0, 0),
                sums(7, 3, 5),
                r#"{"event":"stage","stage":"commit"}"#.to_owned(),
                r#"{"event":"stage","stage":"restore"}"#.to_owned(),
            ]
        );
    }

    #[test]
    fn an_outage_is_reported_once_a_second_and_its_end_at_once() {
        let away = |seconds| Event::Away { peer: Peer::Store, seconds, limit: 900 };
        let said = lines(&[
            (0, away(1)),
            (500, away(1)),
            (1000, away(2)),
            (1100, Event::Reachable),
            (1200, away(1)),
        ]);
        let line = |seconds| {
            format!(r#"{{"event":"unavailable","peer":"store","seconds":{seconds},"limit_seconds":900}}"#)
        };
        assert_eq!(said, [line(1), line(2), r#"{"event":"available"}"#.to_owned(), line(1)]);
        let proof = lines(&[(0, Event::Proving { seconds: 1, about: 4 }), (10, Event::Proven)]);
        assert_eq!(proof, [r#"{"event":"proving","seconds":1,"about_seconds":4}"#, r#"{"event":"proven"}"#]);
    }

    #[test]
    fn every_line_is_an_object_and_what_is_left_is_reported_once() {
        let mut state = State::default();
        let events = [
            Event::Stage(Stage::Sync),
            Event::Away { peer: Peer::Service, seconds: 3, limit: 900 },
            Event::Reachable,
            Event::Stage(Stage::Check { snapshots: 2 }),
            Event::Checked { bytes: 5 },
            Event::Checked { bytes: 6 },
            Event::Warning(Warning::Other(text!("\"quoted\" \u{202e}\u{9b}"))),
        ];
        let said: Vec<Line> =
            events.iter().flat_map(|event| state.lines(event, Duration::ZERO, SECOND)).collect();
        let left = state.report();
        for line in said.iter().chain(&left) {
            let line = shown(line, Form::Json);
            let value: serde_json::Value = serde_json::from_str(line.as_str()).unwrap();
            assert!(value["event"].is_string() && !line.as_str().contains('\n'), "{value}");
        }
        let sums = Sums { stage: "check", done_bytes: 11, ..Sums::default() };
        assert_eq!(left, [Line::Progress(sums)]);
        assert!(state.report().is_empty());
    }

    #[test]
    fn notes_and_errors_are_objects_too() {
        let note = object(&Line::Note { message: plain!("{}", "a\x1b[2J\nb").as_str().to_owned() });
        assert_eq!(note.as_str(), r#"{"event":"note","message":"a\\u{1b}[2J\\nb"}"#);
        let error = Error::new(ErrorKind::Damaged, text!("a\x1bb"), "c", "d");
        assert_eq!(
            object(&failure(&error)).as_str(),
            r#"{"event":"error","kind":"damaged","message":"a\u001bb","meaning":"c","next_step":"d"}"#
        );
    }

    #[test]
    fn a_hostile_warning_stays_on_its_line() {
        let event = Event::Warning(Warning::Other(text!("a\x1b[2J\nb")));
        assert_eq!(lines(&[(0, event.clone())]), [r#"{"event":"warning","message":"a\u001b[2J\nb"}"#]);
        let mut state = State::default();
        let said: Vec<Plain> =
            state.lines(&event, SECOND, SECOND).iter().map(|line| shown(line, Form::Plain)).collect();
        assert_eq!(said.first().map(Plain::as_str), Some("sealkeep: warning: a\\u{1b}[2J\\nb"));
    }

    #[test]
    fn a_sentence_says_what_is_known() {
        let sums = Sums { stage: "dump", done_bytes: 1024, ..Sums::default() };
        let (one, two) = (render::bytes(1024), render::bytes(2048));
        assert_eq!(sentence(&Line::Progress(sums)).as_str(), format!("sealkeep: dump: {one}"));
        let sums = Sums { total_bytes: Some(2048), uploaded_bytes: 1024, ..sums };
        let said = sentence(&Line::Progress(sums));
        assert_eq!(said.as_str(), format!("sealkeep: dump: {one} of about {two}, {one} uploaded"));
    }
}
