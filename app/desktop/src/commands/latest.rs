//! The announcement of the newest version: one document, signed as a whole and dated. A package's own signature is
//! valid forever; an announcement is valid for a month, and never goes back.

use std::{fs, io::Write, path::Path, time::Duration};

use base64ct::{Base64, Encoding};
use client_core::{
    error::{Error, ErrorKind},
    text,
    text::Text,
};
use jiff::{Timestamp, ToSpan};
use minisign_verify::{PublicKey, Signature};
use serde_json::Value;

/// How long an announcement is valid: it must be renewed before that.
const VALID_DAYS: i64 = 30;
/// How far this machine's clock may be behind the announcer's.
const CLOCK_HOURS: i64 = 24;
/// Maximum size of the document, bytes.
const MAX_LEN: usize = 256 * 1024;
/// Time limit for fetching it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// The newest date announced so far.
const SEEN: &str = "announced";

/// An announcement as raw bytes.
pub(super) struct Announced {
    pub(super) document: Vec<u8>,
    /// As written by the signing tool.
    pub(super) signature: String,
}

impl Announced {
    /// Fetches it and its signature, which is next to it.
    pub(super) async fn fetch(endpoint: &str) -> Result<Self, Error> {
        let http = reqwest::Client::builder().https_only(true).timeout(FETCH_TIMEOUT).build();
        let http = http.map_err(|e| Error::internal("the HTTP client", &e))?;
        let document = download(&http, endpoint).await?;
        let signature = download(&http, &format!("{endpoint}.sig")).await?;
        Ok(Self { document, signature: String::from_utf8_lossy(&signature).into_owned() })
    }

    /// Verifies signature and date and returns the document; `seen` is the newest valid date so far.
    pub(super) fn verified(
        &self,
        key: &str,
        now: Timestamp,
        seen: Option<Timestamp>,
    ) -> Result<(Value, Timestamp), Error> {
        let unsigned =
            || refused(text!("the announcement of updates is not signed by this program's makers"));
        let key = text(key).and_then(|key| PublicKey::decode(&key).ok()).ok_or_else(unsigned)?;
        let signature = text(&self.signature).and_then(|text| Signature::decode(&text).ok());
        key.verify(&self.document, &signature.ok_or_else(unsigned)?, false).map_err(|_| unsigned())?;

        let undated = || refused(text!("the announcement of updates has no date"));
        let document: Value = serde_json::from_slice(&self.document).map_err(|_| undated())?;
        let date: Timestamp =
            document["pub_date"].as_str().and_then(|date| date.parse().ok()).ok_or_else(undated)?;
        if seen.is_some_and(|seen| date < seen) {
            return Err(refused(text!(
                "the announcement of updates of {date} is older than one seen before",
                date = date.to_string()
            )));
        }
        if date < before(now, VALID_DAYS * 24) {
            return Err(refused(text!(
                "the announcement of updates is of {date}: older than {days} days",
                date = date.to_string(),
                days = VALID_DAYS
            )));
        }
        if before(date, CLOCK_HOURS) > now {
            return Err(refused(text!(
                "the announcement of updates is of {date}, which is to come",
                date = date.to_string()
            )));
        }
        Ok((document, date))
    }
}

/// The newest valid date so far on this machine.
pub(super) fn seen(folder: &Path) -> Option<Timestamp> {
    fs::read_to_string(folder.join(SEEN)).ok()?.trim().parse().ok()
}

/// Stores it.
pub(super) fn remember(folder: &Path, date: Timestamp) -> Result<(), Error> {
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{date}")?;
        file.persist(folder.join(SEEN))?;
        Ok(())
    };
    write().map_err(|e| Error::io(&folder.join(SEEN).display().to_string(), &e))
}

async fn download(http: &reqwest::Client, url: &str) -> Result<Vec<u8>, Error> {
    let failed = |e: reqwest::Error| unreachable(&e.without_url().to_string());
    let mut answer =
        http.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_LEN {
            return Err(unreachable("the announcement is too long"));
        }
    }
    Ok(bytes)
}

/// Keys and signatures are text files, encoded in base64 again.
fn text(base64: &str) -> Option<String> {
    String::from_utf8(Base64::decode_vec(base64.trim()).ok()?).ok()
}

fn before(moment: Timestamp, hours: i64) -> Timestamp {
    moment.checked_sub(hours.hours()).unwrap_or(Timestamp::MIN)
}

fn unreachable(detail: &str) -> Error {
    Error::new(
        ErrorKind::ServiceUnreachable,
        text!("the update did not work: {detail}", detail),
        "this version keeps running; backups are not affected",
        "try again later",
    )
}

fn refused(happened: Text) -> Error {
    Error::new(
        ErrorKind::RolledBack,
        happened,
        "this version keeps running; backups are not affected",
        "check this machine's clock; if it is right, newer versions may be withheld: download them from the original source",
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../testdata/update-key.pub");

    /// Created by `tauri signer sign`.
    fn announced() -> Announced {
        Announced {
            document: include_bytes!("../../testdata/latest.json").to_vec(),
            signature: include_str!("../../testdata/latest.json.sig").to_owned(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_announcement_holds_for_a_month_and_never_goes_back() {
        let day = at("2026-11-25T12:00:00Z");
        for (now, seen) in [
            (day, None),
            (day, Some(day)),
            (at("2026-12-25T11:00:00Z"), Some(at("2026-11-01T00:00:00Z"))),
            (at("2026-11-24T13:00:00Z"), None),
        ] {
            let (document, date) = announced().verified(KEY, now, seen).unwrap();
            assert_eq!((document["version"].as_str(), date), (Some("0.2.0"), day));
        }
        for (now, seen, why) in [
            (at("2026-12-25T13:00:00Z"), None, "older than 30 days"),
            (day, Some(at("2026-11-25T12:00:01Z")), "seen before"),
            (at("2026-11-24T11:00:00Z"), None, "to come"),
        ] {
            let error = announced().verified(KEY, now, seen).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RolledBack);
            assert!(error.happened().contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_not_signed_as_a_whole_is_refused() {
        let day = at("2026-11-25T12:00:00Z");
        for at in 0..announced().document.len() {
            let mut changed = announced();
            changed.document[at] ^= 1;
            assert_eq!(changed.verified(KEY, day, None).unwrap_err().kind(), ErrorKind::RolledBack);
        }
        let mut longer = announced();
        longer.document.push(b' ');
        let unsigned = Announced { signature: String::new(), ..announced() };
        for wrong in [longer, unsigned] {
            assert!(wrong.verified(KEY, day, None).unwrap_err().happened().contains("not signed"));
        }
        assert!(announced().verified("", day, None).is_err());
    }

    #[test]
    fn what_was_seen_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        assert_eq!(seen(&folder), None);
        for day in ["2026-11-25T12:00:00Z", "2026-11-26T12:00:00Z"] {
            remember(&folder, at(day)).unwrap();
            assert_eq!(seen(&folder), Some(at(day)));
        }
    }
}
