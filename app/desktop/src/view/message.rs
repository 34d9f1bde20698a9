//! Sentences of the program, for the window to translate.

use client_core::{event::Warning, keystore::KeptIn};
use serde::Serialize;

/// A sentence by its id. The window's words for this id take the arguments; without words it shows `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Message {
    /// Stable, one word.
    pub(crate) id: String,
    /// In the order of the sentence.
    pub(crate) arguments: Vec<String>,
    /// In English, as the command prints it.
    pub(crate) text: String,
}

impl From<&Warning> for Message {
    fn from(warning: &Warning) -> Self {
        let (id, arguments) = match warning {
            Warning::UnreadableTables(tables) => {
                let first = tables.first().cloned().unwrap_or_default();
                ("unreadable_tables", vec![tables.len().to_string(), first])
            }
            Warning::PlainConnection(host) => ("plain_connection", vec![host.clone()]),
            Warning::CacheQuarantined(path) => ("cache_quarantined", vec![path.display().to_string()]),
            Warning::MemoryLost => ("memory_lost", Vec::new()),
            Warning::RecordListUnusable(why) => ("record_list_unusable", vec![why.clone()]),
            Warning::CompressedDump(by) => ("compressed_dump", vec![(*by).to_owned()]),
            Warning::BadIndexObject { id, why } => ("bad_index_object", vec![id.to_string(), why.clone()]),
            Warning::SignedAhead { snapshot, device, minutes } => {
                ("signed_ahead", vec![snapshot.clone(), device.clone(), minutes.to_string()])
            }
            Warning::SqliteCopied { file, sides } => ("sqlite_copied", vec![file.clone(), sides.clone()]),
            Warning::ReadAgain(why) => ("read_again", vec![why.clone()]),
            Warning::FactsUnknown(why) => ("facts_unknown", vec![why.clone()]),
            Warning::LeftOver(names) => ("left_over", vec![names.clone()]),
            Warning::Other(_) => ("other", Vec::new()),
        };
        Self { id: id.to_owned(), arguments, text: warning.to_string() }
    }
}

impl From<&KeptIn> for Message {
    fn from(kept: &KeptIn) -> Self {
        let (id, arguments) = match kept {
            KeptIn::File(path) => ("kept_in_file", vec![path.display().to_string()]),
            KeptIn::SealedFile(path) => ("kept_in_sealed_file", vec![path.display().to_string()]),
            KeptIn::Memory => ("kept_in_memory", Vec::new()),
        };
        Self { id: id.to_owned(), arguments, text: kept.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_keeps_its_arguments_and_its_sentence() {
        let warning = Warning::UnreadableTables(vec!["public.a".into(), "public.b".into()]);
        let message = Message::from(&warning);
        assert_eq!(message.id, "unreadable_tables");
        assert_eq!(message.arguments, ["2", "public.a"]);
        assert_eq!(message.text, warning.to_string());
    }
}
