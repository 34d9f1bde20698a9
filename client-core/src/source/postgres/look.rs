//! Questions whose answers are wished for, not needed: each stands by itself, and one that fails takes no other with it.
//! Every answer is a row as JSON in hexadecimal digits, so that no byte of a name can be taken for a separator.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{
    PgUrl, psql,
    psql::{OnError, Said, Waiting},
    tools::Tool,
};
use crate::source::{SourceError, stopper::Stopper};

/// What the server said to a script of [`question`]s.
#[derive(Debug, Default)]
pub(super) struct Answers {
    rows: Vec<(String, Vec<u8>)>,
    /// What went wrong with some of them.
    pub(super) remark: Option<String>,
}

/// One question; `rows` is a `SELECT` whose rows are wanted. Written for a `search_path` of `pg_catalog`. A server that
/// does not know its encoding would refuse to call a name UTF-8, so that it gives its bytes.
pub(super) fn question(tag: &str, rows: &str) -> String {
    format!(
        "SELECT '{tag} ' || encode(convert_to(row_to_json(answer)::text,
                CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END), 'hex')
           FROM ({rows}) answer;\n"
    )
}

/// Asks in one transaction that changes nothing and leaves no setting behind, also not on a connection that a pooler
/// hands on. Time limits that role or database carry do not count: pg_dump turns them off for itself, too. What has not
/// been answered after `at_most` is a remark.
///
/// # Errors
/// The server cannot be reached or does not let us in; [`SourceError::Cancelled`].
pub(super) fn ask(
    url: &PgUrl,
    psql: &Tool,
    questions: &[String],
    stopper: &Stopper,
    at_most: Option<Duration>,
) -> Result<Answers, SourceError> {
    let script = format!(
        "BEGIN READ ONLY;
SET LOCAL statement_timeout = 0;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SELECT count(set_config(name, '0', true)) FROM pg_settings
 WHERE name IN ('transaction_timeout', 'idle_session_timeout');
{}COMMIT;
SELECT 'end 00';
",
        questions.concat()
    );
    let Said { answer, ended, late } =
        psql::run(url, psql, &script, OnError::GoOn, Waiting { stopper, at_most })?;
    let mut answers = Answers::read(&answer);
    let begun = !answers.rows.is_empty();
    if !ended.status.success() && !begun && !late {
        return Err(psql::refusal(url, &ended));
    }
    if late {
        answers.remark = Some(format!("no answer in {} seconds", at_most.unwrap_or_default().as_secs()));
    } else if !ended.said.trim().is_empty() {
        answers.remark = Some(ended.detail());
    }
    Ok(answers)
}

impl Answers {
    /// Nothing was answered.
    pub(super) const fn failed(why: String) -> Self {
        Self { rows: Vec::new(), remark: Some(why) }
    }

    fn read(said: &[u8]) -> Self {
        let rows = said.split(|byte| *byte == b'\n').filter_map(|line| {
            let (tag, digits) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            Some((tag.to_owned(), hex::decode(digits).ok()?))
        });
        Self { rows: rows.collect(), remark: None }
    }

    /// The rows of one question; those that are not as expected are left out.
    pub(super) fn rows<T: DeserializeOwned>(&self, tag: &str) -> Vec<T> {
        let rows = self.rows.iter().filter(|(of, _)| of == tag);
        rows.filter_map(|(_, json)| {
            serde_json::from_str(&readable(json))
                .inspect_err(|error| tracing::warn!(%error, tag, "an answer of the server is not understood"))
                .ok()
        })
        .collect()
    }

    /// The only row of one question.
    pub(super) fn row<T: DeserializeOwned>(&self, tag: &str) -> Option<T> {
        self.rows(tag).into_iter().next()
    }
}

/// JSON as text. A server whose encoding is SQL_ASCII gives names as they are: a byte that is not UTF-8 becomes `\xNN`,
/// so that two names stay two.
fn readable(json: &[u8]) -> String {
    let mut text = String::with_capacity(json.len());
    for part in json.utf8_chunks() {
        text.push_str(part.valid());
        text.extend(part.invalid().iter().map(|byte| format!("\\\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_of_a_name_is_a_separator() {
        let name = "a\"\n\t|\\\u{1f}\u{1} b";
        let json = serde_json::json!({ "name": name }).to_string();
        let said = format!("BEGIN\nt {}\nother\nt zz\n", hex::encode(&json));
        let answers = Answers::read(said.as_bytes());
        let row: serde_json::Value = answers.row("t").unwrap_or_default();
        assert_eq!(row["name"], name);
        assert_eq!(answers.rows::<serde_json::Value>("t").len(), 1);
    }

    #[test]
    fn bytes_that_are_no_text_stay_apart() {
        let value: serde_json::Value =
            serde_json::from_str(&readable(b"{\"name\":\"caf\xe9\"}")).unwrap_or_default();
        assert_eq!(value["name"], "caf\\xe9");
    }
}
