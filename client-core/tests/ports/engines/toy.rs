//! A small engine built only on public traits: its databases are a table in this process.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use client_core::{
    source::{
        AnySource, CleanedUp, Complete, Connected, Database, DatabaseFacts, DumpStream, Engine, Finding,
        Input, Opening, Origin, Preflight, RestoreChoices, RestoreSink, Restored, Source, SourceError,
        Stopper,
    },
    text,
};

static DATABASES: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

fn databases() -> MutexGuard<'static, BTreeMap<String, String>> {
    DATABASES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn fill(name: &str, content: &str) {
    databases().insert(name.to_owned(), content.to_owned());
}

pub(super) fn content(name: &str) -> Option<String> {
    databases().get(name).cloned()
}

pub(super) struct Toy;

#[derive(Debug, Clone)]
struct Named(String);

struct Looked {
    name: Named,
    content: String,
    origin: Origin,
    stopper: Stopper,
}

struct Bytes(io::Cursor<Vec<u8>>);

struct Sink {
    name: Named,
    choices: RestoreChoices,
    bytes: Vec<u8>,
    stopper: Stopper,
}

impl Engine for Toy {
    fn kind(&self) -> &'static str {
        "toy"
    }

    fn accepts(&self, text: &str) -> bool {
        text.starts_with("toy://")
    }

    fn source(&self, text: &str) -> Result<AnySource, SourceError> {
        let name = text.rsplit(['/', '@']).next().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| SourceError::Usage(text!("a toy has a name")))?;
        Ok(Arc::new(Named(name.to_owned())))
    }
}

impl Source for Named {
    fn kind(&self) -> &'static str {
        "toy"
    }

    fn default_name(&self) -> String {
        self.0.clone()
    }

    fn address(&self) -> String {
        format!("toy://{}", self.0)
    }

    fn place(&self) -> String {
        format!("toy/{}", self.0)
    }

    fn may_be_at(&self, place: &str) -> bool {
        place == self.place()
    }

    fn is_local(&self) -> bool {
        true
    }

    fn arguments(&self) -> Vec<String> {
        vec![self.address()]
    }

    fn connect(&self, stopper: &Stopper, _opening: &Opening) -> Result<Box<dyn Connected>, SourceError> {
        let content = content(&self.0)
            .ok_or_else(|| SourceError::NoDatabase { place: self.place(), detail: "no such toy".into() })?;
        let origin = Origin::default();
        Ok(Box::new(Looked { name: self.clone(), content, origin, stopper: stopper.clone() }))
    }

    fn database(&self) -> Option<&dyn Database> {
        Some(self)
    }
}

impl Connected for Looked {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn preflight(&self) -> Preflight {
        Preflight::Database(Box::new(DatabaseFacts {
            server: "Toy 1".into(),
            tls: false,
            local: true,
            size: self.content.len() as u64,
            readable_tables: 1,
            unreadable: Vec::new(),
            tool: "toydump 1".into(),
            read_only_role: String::new(),
        }))
    }

    fn dump(self: Box<Self>) -> Result<DumpStream, SourceError> {
        let complete = Complete {
            origin: self.origin,
            ..Complete::new("toydump", "1", format!("{} (Toy 1)", self.name.place()))
        };
        let size = self.content.len() as u64;
        let bytes = Bytes(io::Cursor::new(self.content.into_bytes()));
        Ok(DumpStream::new(bytes, complete, self.stopper).expecting(Some(size)))
    }
}

impl Input for Bytes {
    fn read(&mut self, buffer: &mut [u8], _stopper: &Stopper) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Database for Named {
    fn name(&self) -> String {
        self.0.clone()
    }

    fn restore(&self, choices: RestoreChoices) -> Box<dyn RestoreSink> {
        Box::new(Sink { name: self.clone(), choices, bytes: Vec::new(), stopper: Stopper::default() })
    }

    fn inspect(&self, choices: RestoreChoices, _stopper: &Stopper) -> Result<Finding, SourceError> {
        match content(&self.0) {
            None => Ok(Finding::Absent),
            Some(there) if there.is_empty() => Ok(Finding::Empty),
            Some(_) if choices.overwrite => Ok(Finding::Replaced),
            Some(_) => Err(SourceError::NotEmpty(self.place())),
        }
    }

    fn clean_up(&self, _stopper: &Stopper) -> Result<CleanedUp, SourceError> {
        Ok(CleanedUp::default())
    }
}

impl RestoreSink for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        if self.stopper.is_stopped() {
            return Err(SourceError::Cancelled);
        }
        if content(&self.name.0).is_some() && !self.choices.overwrite {
            return Err(SourceError::NotEmpty(self.name.place()));
        }
        if let Some(guard) = &self.choices.guard {
            guard.check(None, &self.name.place())?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Restored, SourceError> {
        if self.stopper.is_stopped() {
            return Err(SourceError::Cancelled);
        }
        let content =
            String::from_utf8(self.bytes).map_err(|_| SourceError::NotRestorable(text!("it is no toy")))?;
        fill(&self.name.0, &content);
        Ok(Restored::default())
    }

    fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }
}
