//! Sentences of the program, for the window to translate.

use client_core::{
    event::Warning,
    keystore::KeptIn,
    ops::timer::{Followed, Left},
    text::Text,
};
use serde::Serialize;

use crate::text::PartView;

/// A sentence by its id. The window's words for this id take the arguments; without words it shows `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Message {
    /// Stable, one word.
    pub(crate) id: String,
    /// In the order of the sentence.
    pub(crate) arguments: Vec<PartView>,
    /// In English, as the command prints it.
    pub(crate) text: String,
}

impl From<&Warning> for Message {
    fn from(warning: &Warning) -> Self {
        let (id, arguments) = match warning {
            Warning::UnreadableTables(tables) => {
                let first = tables.first().cloned().unwrap_or_default();
                ("unreadable_tables", vec![word(tables.len()), word(first)])
            }
            Warning::PlainConnection(host) => ("plain_connection", vec![word(host)]),
            Warning::CacheQuarantined(path) => ("cache_quarantined", vec![word(path.display())]),
            Warning::MemoryLost => ("memory_lost", Vec::new()),
            Warning::RecordListUnusable(why) => ("record_list_unusable", vec![text(why)]),
            Warning::CompressedDump(by) => ("compressed_dump", vec![word(by)]),
            Warning::BadIndexObject { id, why } => ("bad_index_object", vec![word(id), text(why)]),
            Warning::SignedAhead { snapshot, device, minutes } => {
                ("signed_ahead", vec![word(snapshot), word(device), word(minutes)])
            }
            Warning::SqliteCopied { file, sides } => ("sqlite_copied", vec![word(file), word(sides)]),
            Warning::ReadAgain(why) => ("read_again", vec![text(why)]),
            Warning::FactsUnknown(why) => ("facts_unknown", vec![word(why)]),
            Warning::LeftOver(names) => ("left_over", vec![word(names)]),
            Warning::Other(sentence) => ("other", vec![text(sentence)]),
        };
        Self { id: id.to_owned(), arguments, text: warning.to_string() }
    }
}

impl From<&KeptIn> for Message {
    fn from(kept: &KeptIn) -> Self {
        let (id, arguments) = match kept {
            KeptIn::File(path) => ("kept_in_file", vec![word(path.display())]),
            KeptIn::SealedFile(path) => ("kept_in_sealed_file", vec![word(path.display())]),
            KeptIn::Memory => ("kept_in_memory", Vec::new()),
        };
        Self { id: id.to_owned(), arguments, text: kept.to_string() }
    }
}

impl Message {
    /// What the user has to know about the timer of a source that was changed or removed.
    pub(crate) fn of_timer(followed: &Followed) -> Option<Self> {
        let (id, arguments, text) = match followed {
            Followed::Left { unit, why: Left::Edited } => (
                "timer_edited",
                vec![unit.clone()],
                format!("{unit} was edited by hand, and was not changed"),
            ),
            Followed::Left { unit, why: Left::System } => (
                "timer_of_system",
                vec![unit.clone()],
                format!("only an administrator can change {unit}, a timer of the system"),
            ),
            Followed::Left { unit, why: Left::Refused(why) } => (
                "timer_refused",
                vec![unit.clone(), why.clone()],
                format!("{unit} could not be changed: {why}"),
            ),
            Followed::Removed(removed) => {
                let kept = removed.kept.first()?.display().to_string();
                let text = format!("the timer was edited by hand, and its file is kept as {kept}");
                ("timer_kept", vec![kept], text)
            }
            Followed::Nothing | Followed::Rewritten => return None,
        };
        let arguments = arguments.iter().map(word).collect();
        Some(Self { id: id.to_owned(), arguments, text })
    }
}

fn word(word: impl ToString) -> PartView {
    PartView::Word(word.to_string())
}

fn text(text: &Text) -> PartView {
    PartView::Text(text.into())
}

#[cfg(test)]
mod tests {
    use client_core::ops::timer::Removed;

    use super::*;

    #[test]
    fn a_timer_that_could_not_follow_is_told() {
        let unit = || "a.timer".to_owned();
        let id = |followed| Message::of_timer(&followed).map(|message| message.id);
        let left = |why| id(Followed::Left { unit: unit(), why });
        assert_eq!(left(Left::Edited).as_deref(), Some("timer_edited"));
        assert_eq!(left(Left::System).as_deref(), Some("timer_of_system"));
        assert_eq!(left(Left::Refused("no bus".into())).as_deref(), Some("timer_refused"));
        let kept = Removed { units: vec![unit()], kept: vec!["/c/a.timer.saved".into()] };
        assert_eq!(id(Followed::Removed(kept)).as_deref(), Some("timer_kept"));
        for quiet in [Followed::Nothing, Followed::Rewritten, Followed::Removed(Removed::default())] {
            assert_eq!(Message::of_timer(&quiet), None);
        }
    }

    #[test]
    fn a_warning_keeps_its_arguments_and_its_sentence() {
        let warning = Warning::UnreadableTables(vec!["public.a".into(), "public.b".into()]);
        let message = Message::from(&warning);
        assert_eq!(message.id, "unreadable_tables");
        assert_eq!(message.arguments, [word(2), word("public.a")]);
        assert_eq!(message.text, warning.to_string());
    }
}
