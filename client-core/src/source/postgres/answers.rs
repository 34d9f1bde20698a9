//! A server's answers: each is a row as JSON in hexadecimal, so that no byte of a name can be taken for a separator.

use serde::de::DeserializeOwned;

/// The server's answers to a script of [`question`]s.
#[derive(Debug, Default)]
pub(super) struct Answers {
    rows: Vec<(String, Vec<u8>)>,
    /// What went wrong with some of them.
    pub(super) remark: Option<String>,
}

/// One question; `rows` is the `SELECT` that answers it. Written for a `search_path` of `pg_catalog`. A server that
/// does not know its encoding would refuse to convert a name to UTF-8, so it sends the bytes.
pub(super) fn question(tag: &str, rows: &str) -> String {
    format!(
        "SELECT '{tag} ' || encode(convert_to(row_to_json(answer)::text,
                CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END), 'hex')
           FROM ({rows}) answer;\n"
    )
}

impl Answers {
    /// Nothing was asked or answered.
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Nothing was answered.
    pub(super) const fn failed(why: String) -> Self {
        Self { rows: Vec::new(), remark: Some(why) }
    }

    pub(super) fn read(said: &[u8]) -> Self {
        let rows = said.split(|byte| *byte == b'\n').filter_map(|line| {
            let (tag, digits) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            Some((tag.to_owned(), hex::decode(digits).ok()?))
        });
        Self { rows: rows.collect(), remark: None }
    }

    /// The rows that answer one question; malformed ones are dropped.
    pub(super) fn rows<T: DeserializeOwned>(&self, tag: &str) -> Vec<T> {
        let rows = self.rows.iter().filter(|(of, _)| of == tag);
        rows.filter_map(|(_, json)| {
            serde_json::from_str(&readable(json))
                .inspect_err(
                    |error| tracing::warn!(%error, tag, "a response of the server could not be parsed"),
                )
                .ok()
        })
        .collect()
    }

    /// The single row that answers one question.
    pub(super) fn row<T: DeserializeOwned>(&self, tag: &str) -> Option<T> {
        self.rows(tag).into_iter().next()
    }
}

/// JSON as text. A SQL_ASCII server sends names as they are: a byte that is not UTF-8 becomes `\xNN`, so that
/// different names stay different.
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
    fn names_that_are_not_utf8_stay_distinct() {
        let value: serde_json::Value =
            serde_json::from_str(&readable(b"{\"name\":\"caf\xe9\"}")).unwrap_or_default();
        assert_eq!(value["name"], "caf\\xe9");
    }
}
