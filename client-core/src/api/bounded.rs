//! Lists that a service answers in pages have an end, whatever it answers.

use std::time::{Duration, Instant};

use super::ApiError;

/// What one list may cost at most.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Rows of all pages together.
    pub rows: usize,
    /// Bytes of all answers together.
    pub bytes: usize,
    /// Pages.
    pub pages: usize,
    /// From the first request on.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { rows: 1_000_000, bytes: 256 * 1024 * 1024, pages: 2_000, time: Duration::from_secs(600) }
    }
}

/// What a list has cost so far.
pub(super) struct Spent {
    bounds: Bounds,
    rows: usize,
    bytes: usize,
    pages: usize,
    since: Instant,
}

impl Spent {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, rows: 0, bytes: 0, pages: 0, since: Instant::now() }
    }

    /// Another page came.
    ///
    /// # Errors
    /// [`ApiError::Unexpected`] when the list is longer than any honest one.
    pub(super) fn page(&mut self, server: &str, rows: usize, bytes: usize) -> Result<(), ApiError> {
        (self.rows, self.bytes, self.pages) = (self.rows + rows, self.bytes + bytes, self.pages + 1);
        let Bounds { rows, bytes, pages, time } = self.bounds;
        let beyond = if self.rows > rows {
            format!("a list of more than {rows} rows")
        } else if self.bytes > bytes {
            format!("a list of more than {bytes} bytes")
        } else if self.pages > pages {
            format!("a list of more than {pages} pages")
        } else if self.since.elapsed() > time {
            format!("a list that has no end after {} s", time.as_secs())
        } else {
            return Ok(());
        };
        Err(ApiError::Unexpected { server: server.to_owned(), detail: beyond })
    }
}
