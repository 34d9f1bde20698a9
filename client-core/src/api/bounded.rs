//! Limits on paged lists, whatever the service answers.

use std::time::{Duration, Instant};

use super::ApiError;
use crate::text;

/// The maximum cost of one list.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Rows on all pages.
    pub rows: usize,
    /// Bytes of all answers.
    pub bytes: usize,
    /// Pages.
    pub pages: usize,
    /// Since the first request.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { rows: 1_000_000, bytes: 256 * 1024 * 1024, pages: 2_000, time: Duration::from_secs(600) }
    }
}

/// The cost of a list so far.
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

    /// Accounts for another page.
    ///
    /// # Errors
    /// [`ApiError::Unexpected`] if the list is longer than any honest one.
    pub(super) fn page(&mut self, server: &str, rows: usize, bytes: usize) -> Result<(), ApiError> {
        (self.rows, self.bytes, self.pages) = (self.rows + rows, self.bytes + bytes, self.pages + 1);
        let Bounds { rows, bytes, pages, time } = self.bounds;
        let beyond = if self.rows > rows {
            text!("a list of more than {number} rows", number = rows)
        } else if self.bytes > bytes {
            text!("a list of more than {number} bytes", number = bytes)
        } else if self.pages > pages {
            text!("a list of more than {number} pages", number = pages)
        } else if self.since.elapsed() > time {
            text!("a list that has no end after {seconds} s", seconds = time.as_secs())
        } else {
            return Ok(());
        };
        Err(ApiError::Unexpected { server: server.to_owned(), detail: beyond })
    }
}
