//! A bucket with its listing, in pages.

use std::io;

use super::{
    disk::{Bucket, Stat},
    listing::Listing,
};

pub(super) struct ListedBucket {
    pub(super) bucket: Bucket,
    pub(super) listing: Listing,
}

#[derive(Default)]
pub(super) struct Page {
    pub(super) objects: Vec<(String, Stat)>,
    pub(super) prefixes: Vec<String>,
    /// Where the next page starts, exclusive.
    pub(super) next: Option<String>,
}

impl ListedBucket {
    /// Objects after a key; with a delimiter, keys that share a prefix up to it count as one.
    pub(super) fn page(
        &self,
        prefix: &str,
        mut after: String,
        delimiter: Option<&str>,
        limit: usize,
    ) -> io::Result<Page> {
        let mut page = Page::default();
        if limit == 0 {
            return Ok(page);
        }
        let Some(delimiter) = delimiter else {
            let (objects, more) = self.listing.page(&self.bucket, prefix, &after, limit)?;
            page.next = more.then(|| objects.last().map(|(key, _)| key.clone())).flatten();
            page.objects = objects;
            return Ok(page);
        };
        loop {
            let (found, _) = self.listing.page(&self.bucket, prefix, &after, 1)?;
            let Some((key, stat)) = found.into_iter().next() else { return Ok(page) };
            if page.objects.len() + page.prefixes.len() == limit {
                page.next = Some(after);
                return Ok(page);
            }
            match key[prefix.len()..].find(delimiter) {
                Some(at) => {
                    let folder = &key[..prefix.len() + at + delimiter.len()];
                    page.prefixes.push(folder.to_owned());
                    after = format!("{folder}{}", char::MAX);
                }
                None => {
                    after.clone_from(&key);
                    page.objects.push((key, stat));
                }
            }
        }
    }
}
