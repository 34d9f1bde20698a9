//! The sorted keys of a bucket, read from disk on the first listing and kept up to date afterwards.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::disk::{Bucket, Stat};

/// `None` until the first listing, so that a service that never lists pays nothing.
#[derive(Debug, Default)]
pub(super) struct Listing(Mutex<Option<BTreeMap<String, Stat>>>);

impl Listing {
    fn lock(&self) -> MutexGuard<'_, Option<BTreeMap<String, Stat>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Call after publishing an object.
    pub(super) fn added(&self, bucket: &Bucket, key: &str) {
        if let Some(keys) = self.lock().as_mut()
            && let Ok((_, stat)) = bucket.open_object(key)
        {
            keys.insert(key.to_owned(), stat);
        }
    }

    /// Call after removing an object.
    pub(super) fn removed(&self, key: &str) {
        if let Some(keys) = self.lock().as_mut() {
            keys.remove(key);
        }
    }

    /// Up to `limit` keys after `after` with this prefix, and whether there are more.
    pub(super) fn page(
        &self,
        bucket: &Bucket,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> io::Result<(Vec<(String, Stat)>, bool)> {
        let mut guard = self.lock();
        let keys = match guard.as_mut() {
            Some(keys) => keys,
            // Locked while scanning, so that concurrent publishers add their keys afterwards.
            None => guard.insert(bucket.scan()?.into_iter().collect()),
        };
        let start = if after >= prefix { Bound::Excluded(after) } else { Bound::Included(prefix) };
        let mut matching =
            keys.range::<str, _>((start, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix));
        let page: Vec<_> = matching.by_ref().take(limit).map(|(k, s)| (k.clone(), s.clone())).collect();
        let more = matching.next().is_some();
        Ok((page, more))
    }
}
