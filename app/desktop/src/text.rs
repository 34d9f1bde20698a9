//! Sentences of the core, for the window to translate.

use client_core::text::{Part, Text};
use serde::Serialize;

/// A sentence by its English template, which is its id in the window's catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct TextView {
    /// In English, with `{name}` for each part.
    pub(crate) template: String,
    /// Names, and what stands in their places.
    pub(crate) parts: Vec<(String, PartView)>,
}

/// What stands in a place: the same in every language, or a sentence, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum PartView {
    /// A name, a number, or another program's words.
    Word(String),
    /// Words of this program.
    Text(TextView),
    /// Several.
    List(Vec<TextView>),
}

impl From<&Text> for TextView {
    fn from(text: &Text) -> Self {
        let parts = text.parts().iter().map(|(name, part)| ((*name).to_owned(), PartView::from(part)));
        Self { template: text.template().to_owned(), parts: parts.collect() }
    }
}

impl From<&Part> for PartView {
    fn from(part: &Part) -> Self {
        match part {
            Part::Word(word) => Self::Word(word.clone()),
            Part::Text(text) => Self::Text(text.into()),
            Part::List(texts, _) => Self::List(texts.iter().map(TextView::from).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use client_core::text;

    use super::*;

    #[test]
    fn a_sentence_keeps_its_template_and_what_stands_in_it() {
        let why = text!("it had {before} bytes and has {after}", before = 3, after = 4);
        let several = Part::List(vec![text!("privileges")], ", ");
        let text = text!("{what} changed: {how} {lost}", what = "a.sql", how = why, lost = several);
        let shown = serde_json::to_value(TextView::from(&text)).ok();
        let inner = serde_json::json!({
            "template": "it had {before} bytes and has {after}",
            "parts": [["before", "3"], ["after", "4"]],
        });
        let list = serde_json::json!([{ "template": "privileges", "parts": [] }]);
        let wanted = serde_json::json!({
            "template": "{what} changed: {how} {lost}",
            "parts": [["what", "a.sql"], ["how", inner], ["lost", list]],
        });
        assert_eq!(shown, Some(wanted));
    }
}
