//! Standard input as a source.

use std::{io, sync::Arc};

use super::{
    Complete, DumpStream, Origin, SourceError, Stopper,
    engine::{AnySource, Connected, Engine, Opening, Source},
    fifo,
    preflight::Preflight,
    stream::Input,
};
use crate::text;

const KIND: &str = "stdin";
const PLACE: &str = "standard input";

/// Standard input: no address names it; the text is the name of its snapshots.
pub(super) struct StandardInput;

#[derive(Debug)]
struct Named(String);

struct Waiting {
    origin: Origin,
    stopper: Stopper,
}

struct Pipe;

pub(super) fn source(name: String) -> AnySource {
    Arc::new(Named(name))
}

impl Engine for StandardInput {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn accepts(&self, _text: &str) -> bool {
        false
    }

    fn source(&self, text: &str) -> Result<AnySource, SourceError> {
        Ok(source(text.to_owned()))
    }
}

impl Source for Named {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn default_name(&self) -> String {
        self.0.clone()
    }

    fn address(&self) -> String {
        PLACE.to_owned()
    }

    fn place(&self) -> String {
        PLACE.to_owned()
    }

    fn may_be_at(&self, _place: &str) -> bool {
        true
    }

    fn is_local(&self) -> bool {
        true
    }

    fn arguments(&self) -> Vec<String> {
        vec!["--stdin".to_owned()]
    }

    fn connect(&self, stopper: &Stopper, _opening: &Opening) -> Result<Box<dyn Connected>, SourceError> {
        if self.0.trim().is_empty() {
            return Err(SourceError::Usage(text!("standard input requires a name (--name)")));
        }
        Ok(Box::new(Waiting { origin: Origin::default(), stopper: stopper.clone() }))
    }
}

impl Connected for Waiting {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn preflight(&self) -> Preflight {
        Preflight::Bytes { size: None }
    }

    fn dump(self: Box<Self>) -> Result<DumpStream, SourceError> {
        Ok(DumpStream::new(Pipe, Complete::new(KIND, "", PLACE.to_owned()), self.stopper))
    }
}

impl Input for Pipe {
    fn read(&mut self, buffer: &mut [u8], stopper: &Stopper) -> io::Result<usize> {
        fifo::read_stdin(buffer, stopper)
    }
}
