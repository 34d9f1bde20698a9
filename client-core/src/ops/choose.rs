//! Finds the snapshot that a [`Selector`] names, in an open vault.

use std::collections::BTreeSet;

use api_types::SourceId;
use jiff::tz::TimeZone;

use super::{
    OpenVault,
    select::{
        Selector, by_prefix, name_a_source, no_source, not_found, of_day, several_sources, two_sources,
    },
    source_match::is_carried_on,
};
use crate::{
    error::{Error, ErrorKind},
    format::snapshot::SnapshotBody,
    source::ENGINES,
    text,
    vault::ListedSnapshot,
};

impl OpenVault {
    /// Finds and opens the selected snapshot.
    pub(super) async fn select(&self, selector: &Selector) -> Result<(ListedSnapshot, SnapshotBody), Error> {
        match selector {
            Selector::Id(prefix) => {
                let listed = by_prefix(self.history().snapshots(), prefix)?.clone();
                let body = self.body(&listed).await?;
                Ok((listed, body))
            }
            Selector::Latest { source: Some(source) } => {
                self.newest(source, &self.named(source).await?).await
            }
            Selector::OfDay { source, day } => {
                let named = of_day(source, &self.named(source).await?, *day, &TimeZone::system())?;
                self.newest(source, &named).await
            }
            Selector::Latest { source: None } => {
                let snapshots = self.history().snapshots();
                let last = snapshots.last().ok_or_else(|| not_found(text!("there is no snapshot yet")))?;
                if snapshots.iter().any(|s| s.envelope.source != last.envelope.source) {
                    return Err(several_sources(&self.source_names().await));
                }
                let body = self.body(last).await?;
                Ok((last.clone(), body))
            }
        }
    }

    /// The snapshots of all sources of this name, newest first; at least one. Chosen by the signed, unencrypted
    /// envelope: a damaged body of another source does not interfere.
    async fn named(&self, source: &str) -> Result<Vec<&ListedSnapshot>, Error> {
        let ids: Vec<SourceId> =
            ENGINES.iter().map(|engine| self.keys().source_id(engine.kind(), source)).collect();
        let snapshots = self.history().snapshots().iter().rev();
        let named: Vec<&ListedSnapshot> = snapshots.filter(|s| ids.contains(&s.envelope.source)).collect();
        if named.is_empty() {
            return Err(no_source(source, &self.source_names().await));
        }
        Ok(named)
    }

    /// Opens the first of these snapshots, if all are of the same source.
    async fn newest(
        &self,
        source: &str,
        named: &[&ListedSnapshot],
    ) -> Result<(ListedSnapshot, SnapshotBody), Error> {
        let (last, earlier) = named.split_first().ok_or_else(|| no_source(source, &BTreeSet::new()))?;
        let body = self.body(last).await?;
        if let Some(older) = earlier.iter().find(|s| s.envelope.source != last.envelope.source) {
            return Err(two_sources(source, last, older));
        }
        if let Some(older) = earlier.first()
            && let Ok(before) = self.body(older).await
            && !is_carried_on(&before, &body)
        {
            return Err(two_sources(source, last, older));
        }
        Ok(((*last).clone(), body))
    }

    /// Finds and opens the newest snapshot of this source, or of the only one.
    pub(super) async fn newest_of(
        &self,
        source: Option<String>,
    ) -> Result<(ListedSnapshot, SnapshotBody), Error> {
        let any = source.is_none();
        match self.select(&Selector::Latest { source }).await {
            Err(error) if any && error.kind() == ErrorKind::Ambiguous => {
                Err(name_a_source(&self.source_names().await))
            }
            selected => selected,
        }
    }

    /// Names of the sources of which at least one snapshot can be opened.
    async fn source_names(&self) -> BTreeSet<String> {
        let (mut seen, mut names) = (BTreeSet::new(), BTreeSet::new());
        for listed in self.history().snapshots().iter().rev() {
            if !seen.contains(&listed.envelope.source)
                && let Ok(body) = self.body(listed).await
            {
                seen.insert(listed.envelope.source);
                names.insert(body.source_name);
            }
        }
        names
    }
}
