//! Promises that every engine keeps. New engines must be added to [`FIXTURES`].
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod files;
mod pipe;
mod postgres;
mod toy;
mod toys;

use client_core::{
    error::{Error, ErrorKind},
    source::{
        self, AnySource, Complete, Engine, Guard, Opening, RestoreChoices, Restored, SourceError, Stopper,
    },
};

use crate::{begin::begin, private_postgres::dumped};

/// Test data for one engine.
trait Fixture: Sync {
    fn engine(&self) -> &'static dyn Engine;
    /// Text that names a source with content, with a secret if possible.
    fn present(&self) -> String;
    /// Text that names nothing; `None` if every text names something.
    fn absent(&self) -> Option<String>;
    /// Names a database that does not exist, a new one per call. `None` if the engine has no databases.
    fn fresh(&self) -> Option<String> {
        None
    }
    /// The content of a database, or `None` if it does not exist.
    fn content(&self, _text: &str) -> Option<String> {
        None
    }
    /// Whether its bytes can be read here: there is only one standard input, and other tests read it.
    fn can_be_read(&self) -> bool {
        true
    }
}

const FIXTURES: [&dyn Fixture; 4] = [&postgres::Shop, &files::OneFile, &pipe::Nothing, &toys::Toys];
/// The secret in the fixtures' addresses, as typed and decoded.
const SECRETS: [&str; 2] = [crate::private_postgres::PASSWORD_IN_URL, crate::private_postgres::PASSWORD];

fn source_of(fixture: &dyn Fixture, text: &str) -> AnySource {
    fixture.engine().source(text).unwrap()
}

fn dump_of(fixture: &dyn Fixture) -> (Vec<u8>, Complete) {
    dumped(begin(source_of(fixture, &fixture.present())).unwrap())
}

fn databases() -> impl Iterator<Item = &'static dyn Fixture> {
    FIXTURES.into_iter().filter(|fixture| fixture.fresh().is_some())
}

fn restore(source: &AnySource, choices: RestoreChoices, dump: &[u8]) -> Result<Restored, SourceError> {
    let mut sink = source.database().unwrap().restore(choices);
    for piece in dump.chunks(50_000) {
        sink.write(piece)?;
    }
    sink.finish()
}

#[test]
fn every_engine_has_a_fixture_and_a_kind_of_its_own() {
    let mut kinds: Vec<&str> = FIXTURES.iter().map(|fixture| fixture.engine().kind()).collect();
    for engine in source::ENGINES {
        assert!(kinds.contains(&engine.kind()), "{}", engine.kind());
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), FIXTURES.len());
}

#[test]
fn a_text_names_one_source_of_one_engine() {
    for fixture in FIXTURES.into_iter().filter(|fixture| fixture.can_be_read()) {
        let text = fixture.present();
        let accepting = FIXTURES.into_iter().filter(|other| other.engine().accepts(&text));
        assert_eq!(
            accepting.map(|other| other.engine().kind()).collect::<Vec<_>>(),
            [fixture.engine().kind()]
        );
    }
}

#[test]
fn what_people_are_shown_holds_no_secret() {
    for fixture in FIXTURES {
        let source = source_of(fixture, &fixture.present());
        assert_eq!(source.kind(), fixture.engine().kind());
        let shown = [
            source.default_name(),
            source.suggested_name(),
            source.address(),
            source.place(),
            source.arguments().join(" "),
            format!("{source:?}"),
        ];
        for text in &shown {
            assert!(
                !text.trim().is_empty() && !SECRETS.iter().any(|secret| text.contains(secret)),
                "{}: {text}",
                source.kind()
            );
        }
        assert!(source.may_be_at(&source.place()));
        let Some(absent) = fixture.absent() else { continue };
        let error =
            source_of(fixture, &absent).connect(&Stopper::default(), &Opening::default()).err().unwrap();
        let error = Error::from(error);
        assert_ne!(error.kind(), ErrorKind::Internal, "{error:?}");
        for text in [error.happened(), error.meaning(), error.next_step()] {
            assert!(!text.is_empty() && !SECRETS.iter().any(|secret| text.contains(secret)), "{text}");
        }
    }
}

#[test]
fn inspecting_twice_finds_the_same_and_a_dump_follows() {
    for fixture in FIXTURES.into_iter().filter(|fixture| fixture.can_be_read()) {
        let source = source_of(fixture, &fixture.present());
        let look = || source.connect(&Stopper::default(), &Opening::default()).unwrap();
        let (one, two) = (look(), look());
        assert_eq!(one.origin(), two.origin(), "{}", source.kind());
        assert!(one.preflight().passes());
        assert_eq!(one.preflight(), two.preflight());
        let origin = one.origin().clone();
        let (bytes, complete) = dumped(one.dump().unwrap());
        assert!(!bytes.is_empty() && complete.detail.starts_with(&source.place()), "{complete:?}");
        assert_eq!(complete.origin, origin);
    }
}

#[test]
fn a_dump_not_read_to_its_end_is_no_dump() {
    for fixture in FIXTURES.into_iter().filter(|fixture| fixture.can_be_read()) {
        let unread = begin(source_of(fixture, &fixture.present())).unwrap().finish();
        assert!(matches!(unread, Err(SourceError::Incomplete(_))), "{}: {unread:?}", fixture.engine().kind());

        let mut stopped = begin(source_of(fixture, &fixture.present())).unwrap();
        stopped.stopper().stop();
        let error = std::io::copy(&mut stopped, &mut std::io::sink()).unwrap_err();
        assert_eq!(Error::source_read(&error).kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn only_databases_are_restored_into() {
    for engine in source::ENGINES {
        let fixture = FIXTURES.into_iter().find(|fixture| fixture.engine().kind() == engine.kind()).unwrap();
        let text = fixture.present();
        let is_database = source_of(fixture, &text).database().is_some();
        assert_eq!(fixture.fresh().is_some(), is_database);
        if fixture.can_be_read() {
            assert_eq!(source::database(&text).is_ok(), is_database, "{}", engine.kind());
        }
    }
}

#[test]
fn a_restore_is_the_whole_dump_or_nothing() {
    for fixture in databases() {
        let kind = fixture.engine().kind();
        let (dump, _) = dump_of(fixture);
        let fresh = fixture.fresh().unwrap();
        let target = source_of(fixture, &fresh);
        restore(&target, RestoreChoices::default(), &dump).unwrap();
        let content = fixture.content(&fixture.present());
        assert!(content.is_some() && fixture.content(&fresh) == content, "{kind}");
        // An existing database is replaced only on request, and rows are never doubled.
        let again = restore(&target, RestoreChoices::default(), &dump);
        assert!(matches!(again, Err(SourceError::NotEmpty(_))), "{kind}: {again:?}");
        let overwrite = RestoreChoices { overwrite: true, ..RestoreChoices::default() };
        restore(&target, overwrite, &dump).unwrap();
        assert_eq!(fixture.content(&fresh), content, "{kind}");

        let half = fixture.fresh().unwrap();
        let target = source_of(fixture, &half);
        let mut sink = target.database().unwrap().restore(RestoreChoices::default());
        sink.write(&dump[..dump.len() / 2]).unwrap();
        drop(sink);
        assert_eq!(fixture.content(&half), None, "{kind}: a cut restore left something");
        let mut sink = target.database().unwrap().restore(RestoreChoices::default());
        sink.stopper().stop();
        let stopped = sink.write(&dump).and_then(|()| sink.finish().map(drop));
        assert!(matches!(stopped, Err(SourceError::Cancelled)), "{kind}: {stopped:?}");
        assert_eq!(fixture.content(&half), None, "{kind}");
        let mut sink = target.database().unwrap().restore(RestoreChoices::default());
        sink.write(&dump).unwrap();
        sink.stopper().stop();
        let stopped = sink.finish();
        assert!(matches!(stopped, Err(SourceError::Cancelled)), "{kind}: {stopped:?}");
        assert_eq!(fixture.content(&half), None, "{kind}: stopped before its commit");
    }
}

#[test]
fn the_source_is_guarded() {
    for fixture in databases() {
        let (dump, complete) = dump_of(fixture);
        let before = fixture.content(&fixture.present());
        let guard = Guard::new(complete.origin.database, &complete.detail, true);
        let choices = RestoreChoices { overwrite: true, guard: Some(guard), ..RestoreChoices::default() };
        let refused = restore(&source_of(fixture, &fixture.present()), choices, &dump);
        assert!(matches!(refused, Err(SourceError::SameAsSource(_))), "{refused:?}");
        assert_eq!(fixture.content(&fixture.present()), before);
    }
}

#[test]
fn a_clean_up_leaves_what_is_whole() {
    for fixture in databases() {
        let present = fixture.present();
        let content = fixture.content(&present);
        let source = source_of(fixture, &present);
        let cleaned = source.database().unwrap().clean_up(&Stopper::default()).unwrap();
        assert!(cleaned.failed.is_empty(), "{cleaned:?}");
        assert_eq!(fixture.content(&present), content);
    }
}
