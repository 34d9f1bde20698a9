//! Records all traffic, so that it can be replayed, counted and searched.

use std::sync::{Mutex, PoisonError};

use api_types::{
    DeviceId, HeadHash,
    backup::Commit,
    envelope::{SignedEnvelope, SnapshotEnvelope},
};
use bytes::Bytes;
use client_core::format::snapshot::read_snapshot;

use super::lie::{Answer, Route, Seen};
use crate::proxy::positions;

/// A request and its response.
#[derive(Debug, Clone)]
pub struct Page {
    /// The request.
    pub seen: Seen,
    /// The service's true response, if it was asked.
    pub truth: Option<Answer>,
    /// The response that was sent.
    pub said: Answer,
}

/// All entries, oldest first.
#[derive(Default)]
pub struct Book(Mutex<Vec<Page>>);

impl Book {
    pub(super) fn write(&self, page: Page) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(page);
    }

    /// A copy of the entries from number `from` on.
    #[must_use]
    pub fn since(&self, from: usize) -> Vec<Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().skip(from).cloned().collect()
    }

    /// The number of the next entry.
    #[must_use]
    pub fn now(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Requests of one route from entry `from` on.
    #[must_use]
    pub fn count(&self, from: usize, route: Route) -> usize {
        self.since(from).iter().filter(|page| route.fits(&page.seen.method, &page.seen.path)).count()
    }

    /// The service's newest true response to exactly this request of this device, before entry `before`.
    #[must_use]
    pub fn truth_before(&self, before: usize, seen: &Seen) -> Option<Answer> {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.iter().take(before).rev().find_map(|page| {
            let same = page.seen.method == seen.method
                && page.seen.path == seen.path
                && page.seen.query == seen.query
                && page.seen.device == seen.device;
            page.truth.clone().filter(|truth| same && truth.status < 300)
        })
    }

    /// Whether these bytes passed from entry `from` on, in a request or in a response of the service.
    #[must_use]
    pub fn holds(&self, from: usize, needle: &[u8]) -> bool {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = |hay: &Bytes| positions(hay, needle).next().is_some();
        pages
            .iter()
            .skip(from)
            .any(|page| inside(&page.seen.body) || page.truth.as_ref().is_some_and(|t| inside(&t.body)))
    }

    /// The first object of the same kind that was stored under another name; of this length, if one is given.
    #[must_use]
    pub fn other_object(&self, path: &str, len: Option<usize>) -> Option<Bytes> {
        let (folder, _) = path.rsplit_once('/')?;
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.iter().find_map(|Page { seen, truth, .. }| {
            let beside = seen.path != path && seen.path.rsplit_once('/').is_some_and(|(at, _)| at == folder);
            let stored = seen.method == "PUT" && truth.as_ref().is_some_and(|truth| truth.status < 300);
            let fits = beside && stored && len.is_none_or(|len| seen.body.len() == len);
            fits.then(|| seen.body.clone())
        })
    }

    /// Whether a response from entry `from` on differed from the truth in status, bytes or pace.
    #[must_use]
    pub fn lied(&self, from: usize) -> bool {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.iter().skip(from).any(|page| {
            page.truth.as_ref().is_none_or(|truth| {
                let said = &page.said;
                (truth.status, &truth.body, truth.drip) != (said.status, &said.body, said.drip)
            })
        })
    }

    /// Every signed head that a device sent from entry `from` on: in commits, and in snapshot objects on their way to
    /// the store.
    #[must_use]
    pub fn heads(&self, from: usize) -> Vec<(DeviceId, SnapshotEnvelope, SignedEnvelope)> {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut heads = Vec::new();
        for Page { seen, .. } in pages.iter().skip(from) {
            let head = if seen.path.ends_with("/commit") {
                seen.json::<Commit>().map(|commit| commit.head)
            } else if seen.method == "PUT" && seen.path.contains("/snapshots/") {
                read_snapshot(&seen.body).ok().map(|parts| parts.head)
            } else {
                None
            };
            let Some(head) = head else { continue };
            if let Ok(envelope) = SnapshotEnvelope::from_bytes(&head.envelope.0) {
                heads.push((envelope.device, envelope, head));
            }
        }
        heads
    }

    /// Every commit from entry `from` on, in order: device, sequence, head, and whether the service accepted it.
    #[must_use]
    pub fn commits(&self, from: usize) -> Vec<(DeviceId, u64, HeadHash, bool)> {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let commits = pages.iter().skip(from).filter(|page| page.seen.path.ends_with("/commit"));
        commits
            .filter_map(|page| {
                let head = page.seen.json::<Commit>()?.head;
                let envelope = SnapshotEnvelope::from_bytes(&head.envelope.0).ok()?;
                let taken = page.truth.as_ref().is_some_and(|truth| truth.status < 300);
                Some((envelope.device, envelope.sequence, head.head_hash(), taken))
            })
            .collect()
    }
}
