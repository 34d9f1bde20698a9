//! The final table.

use std::time::Duration;

/// One step.
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) wall: Duration,
    /// Bytes of the dump.
    pub(crate) read: u64,
    /// Bytes uploaded to the store, for backups.
    pub(crate) uploaded: Option<u64>,
}

/// Renders text with aligned columns.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut lines =
        vec![format!("{:<40} {:>9} {:>12} {:>12} {:>7}", "", "time", "bytes read", "uploaded", "ratio")];
    for row in rows {
        let (uploaded, ratio) = match row.uploaded {
            Some(n) => (bytes(n), format!("{:.1}×", row.read as f64 / n.max(1) as f64)),
            None => (String::new(), String::new()),
        };
        let line = format!(
            "{:<40} {:>9} {:>12} {uploaded:>12} {ratio:>7}",
            row.title,
            seconds(row.wall),
            bytes(row.read)
        );
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
