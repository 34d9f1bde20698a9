//! Starts a dump of any source.

use client_core::source::{AnySource, DumpStream, Opening, SourceError, Stopper};

/// Starts the dump of a source.
pub(crate) fn begin(source: AnySource) -> Result<DumpStream, SourceError> {
    begin_with(source, &Opening::default())
}

/// Like [`begin`], with options.
pub(crate) fn begin_with(source: AnySource, opening: &Opening) -> Result<DumpStream, SourceError> {
    source.connect(&Stopper::default(), opening)?.dump()
}
