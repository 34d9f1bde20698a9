//! The last lines of a text dump.

use super::Broken;

/// Bytes kept. What may follow the end marker is far shorter.
const KEPT: usize = 4096;

/// Keeps the end of a text and looks for a marker line there.
pub(super) struct Tail {
    marker: &'static str,
    kept: Vec<u8>,
}

impl Tail {
    pub(super) const fn new(marker: &'static str) -> Self {
        Self { marker, kept: Vec::new() }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let last = bytes.get(bytes.len().saturating_sub(KEPT)..).unwrap_or_default();
        self.kept.extend_from_slice(last);
        if self.kept.len() > 4 * KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
        }
    }

    /// Only comment bars and psql's `\unrestrict` may follow the marker.
    pub(super) fn finish(&self) -> Result<(), Broken> {
        let text = String::from_utf8_lossy(&self.kept);
        let last = text.lines().rev().map(str::trim_end).find(|line| {
            !(line.is_empty() || *line == "--" || line.starts_with("\\unrestrict ") || is_setting(line))
        });
        if last.is_some_and(|line| line.starts_with(self.marker)) {
            return Ok(());
        }
        Err(Broken(format!("its last line \"{}\" is missing", self.marker)))
    }
}

/// Some servers' dumps restore a setting after their last words.
fn is_setting(line: &str) -> bool {
    line.starts_with("/*!") && line.ends_with("*/;")
}
