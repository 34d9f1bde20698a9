//! Checks the last lines of a text dump.

use super::Broken;
use crate::text;

/// Bytes kept. What may follow the end marker is far shorter.
const KEPT: usize = 4096;

/// Bytes kept of the beginning, which may contain pg_dump's `\restrict` line.
const FRONT: usize = 1024;
const RESTRICT: &str = "\\restrict ";
const UNRESTRICT: &str = "\\unrestrict ";

/// Keeps the end of a text and looks for a marker line in it.
pub(super) struct Tail {
    /// Any of them is a valid end.
    markers: &'static [&'static str],
    /// Whether a `\restrict` at the beginning must have its counterpart after the marker.
    restricts: bool,
    front: Vec<u8>,
    kept: Vec<u8>,
}

impl Tail {
    pub(super) const fn new(markers: &'static [&'static str]) -> Self {
        Self { markers, restricts: false, front: Vec::new(), kept: Vec::new() }
    }

    /// For pg_dump. (pg_dumpall closes its own `\restrict` before the first database.)
    pub(super) const fn restricting(markers: &'static [&'static str]) -> Self {
        Self { markers, restricts: true, front: Vec::new(), kept: Vec::new() }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let room = FRONT.saturating_sub(self.front.len()).min(bytes.len());
        self.front.extend_from_slice(bytes.get(..room).unwrap_or_default());
        let last = bytes.get(bytes.len().saturating_sub(KEPT)..).unwrap_or_default();
        self.kept.extend_from_slice(last);
        if self.kept.len() > 4 * KEPT {
            self.kept.drain(..self.kept.len() - KEPT);
        }
    }

    /// Only comment lines may follow the marker; a dump that began with psql's `\restrict` ends with its `\unrestrict`
    /// (pg_dump 15.14 and later).
    pub(super) fn finish(&self) -> Result<(), Broken> {
        let text = String::from_utf8_lossy(&self.kept);
        let is_end = |line: &str| self.markers.iter().any(|marker| line.starts_with(marker));
        let mut lines = text.lines().rev().map(str::trim_end).filter(|line| {
            let passed_over = line.is_empty() || *line == "--" || is_setting(line);
            !passed_over || is_end(line)
        });
        let mut last = lines.next();
        let front = String::from_utf8_lossy(&self.front);
        let token = front.lines().find_map(|line| line.strip_prefix(RESTRICT)).filter(|_| self.restricts);
        if let Some(token) = token {
            if last.and_then(|line| line.strip_prefix(UNRESTRICT)) != Some(token.trim_end()) {
                return Err(Broken(text!("its last line \"\\unrestrict …\" is missing")));
            }
            last = lines.next();
        }
        if last.is_some_and(is_end) {
            return Ok(());
        }
        Err(Broken(text!("its last line \"{marks}\" is missing", marks = self.markers.join("\" or \""))))
    }
}

/// Some servers' dumps restore a setting after their end marker.
fn is_setting(line: &str) -> bool {
    (line.starts_with("/*!") || line.starts_with("/*M!")) && line.ends_with("*/;")
}
