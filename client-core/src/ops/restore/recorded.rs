//! What the journal keeps of a restore that went on to its end.

use super::RestoreReport;
use crate::{
    error::ErrorKind,
    ops::{record::Recorded, select::short},
    state::LogKind,
};

/// The failure of a restore that left something out, in the journal.
const INCOMPLETE: &str = "incomplete";

pub(super) fn end(recorded: Recorded, report: &RestoreReport) {
    let remarks = remarks(report);
    match failure(report) {
        None => recorded.done(report.bytes, remarks, summary(report)),
        Some(failure) => recorded.fell_short(failure, report.bytes, remarks, summary(report)),
    }
}

fn failure(report: &RestoreReport) -> Option<&'static str> {
    if !report.damaged.is_empty() {
        Some(ErrorKind::Damaged.as_str())
    } else if !report.failed.is_empty() {
        Some(INCOMPLETE)
    } else {
        None
    }
}

fn remarks(report: &RestoreReport) -> Vec<(LogKind, String)> {
    let notes = report.notes.iter().map(|note| (LogKind::Note, note.to_string()));
    let failed = report.failed.iter().map(|failed| (LogKind::Warning, format!("not restored: {failed}")));
    let damaged = report.damaged.iter().map(|range| (LogKind::Warning, range.to_string()));
    notes.chain(failed).chain(damaged).collect()
}

fn summary(report: &RestoreReport) -> String {
    let checksum = if report.damaged.is_empty() { "matches" } else { "does not match" };
    format!("snapshot {}: {} bytes, SHA-256 {checksum}", short(report.snapshot_id), report.bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use api_types::{Sha256, SnapshotId};

    use super::*;

    fn report(failed: &[&str]) -> RestoreReport {
        RestoreReport {
            snapshot_id: SnapshotId::new([0xab; 32]),
            source: "shop".into(),
            bytes: 30,
            sha256: Sha256::new([1; 32]),
            packs_read: 2,
            damaged: Vec::new(),
            notes: vec![crate::text!("it was created with another collation")],
            failed: failed.iter().map(|&text| text.to_owned()).collect(),
            left_out: Vec::new(),
            superuser: false,
            duration: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_restore_that_left_something_out_is_a_failed_run_that_names_it() {
        assert_eq!(failure(&report(&[])), None);
        assert_eq!(summary(&report(&[])), "snapshot abababababab: 30 bytes, SHA-256 matches");
        let part = report(&["extension postgis"]);
        assert_eq!(failure(&part), Some("incomplete"));
        let texts: Vec<String> = remarks(&part).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["it was created with another collation", "not restored: extension postgis"]);
    }
}
