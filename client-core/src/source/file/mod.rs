//! Dumps and databases in files.

mod open;
mod sqlite;
mod stamp;

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use self::open::{Handle, Opened};
use super::{
    Complete, DumpStream, Origin, SourceError, Stopper,
    engine::{AnySource, Connected, Engine, Opening, Source},
    preflight::Preflight,
    readable::readable,
    stream::Input,
};

const KIND: &str = "file";

/// Files, disks and named pipes.
pub(super) struct Files;

#[derive(Debug)]
struct Named(PathBuf);

struct Looked {
    opened: Opened,
    place: String,
    origin: Origin,
    allow_changes: bool,
    stopper: Stopper,
}

struct Open {
    handle: Handle,
    allow_changes: bool,
}

pub(super) fn source(path: PathBuf) -> AnySource {
    Arc::new(Named(path))
}

/// Removes what a killed run left in the spool. No other backup may be running.
pub fn tidy(spool: &Path) {
    sqlite::tidy(spool);
}

impl Engine for Files {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn accepts(&self, text: &str) -> bool {
        Path::new(text).is_absolute()
    }

    fn source(&self, text: &str) -> Result<AnySource, SourceError> {
        Ok(source(text.into()))
    }
}

impl Source for Named {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn default_name(&self) -> String {
        readable(self.0.file_name().unwrap_or(self.0.as_os_str()).as_encoded_bytes())
    }

    fn suggested_name(&self) -> String {
        let name = self.default_name();
        Path::new(&name).file_stem().map_or_else(|| name.clone(), |stem| stem.display().to_string())
    }

    fn address(&self) -> String {
        self.place()
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }

    fn may_be_at(&self, _place: &str) -> bool {
        // Rotating dumps have changing names.
        true
    }

    fn is_local(&self) -> bool {
        true
    }

    fn arguments(&self) -> Vec<String> {
        vec!["--file".to_owned(), self.place()]
    }

    fn connect(&self, stopper: &Stopper, opening: &Opening) -> Result<Box<dyn Connected>, SourceError> {
        let opened = open::open(&self.0, &opening.spool, opening.copy)?;
        Ok(Box::new(Looked {
            opened,
            place: self.place(),
            origin: Origin { path: Some(absolute(&self.0)), ..Origin::default() },
            allow_changes: opening.allow_changes,
            stopper: stopper.clone(),
        }))
    }
}

impl Connected for Looked {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn preflight(&self) -> Preflight {
        Preflight::Bytes { size: self.opened.size }
    }

    fn dump(self: Box<Self>) -> Result<DumpStream, SourceError> {
        let Self {
            opened: Opened { handle, size, copied_by, warnings },
            place,
            origin,
            allow_changes,
            stopper,
        } = *self;
        let (tool, version) = copied_by.map_or((KIND, ""), |version| ("sqlite", version));
        let complete = Complete { origin, ..Complete::new(tool, version, place) };
        let input = Open { handle, allow_changes };
        Ok(DumpStream::new(input, complete, stopper).expecting(size).warning(warnings))
    }
}

impl Input for Open {
    fn read(&mut self, buffer: &mut [u8], stopper: &Stopper) -> io::Result<usize> {
        match &mut self.handle {
            Handle::File(file) => file.read(buffer),
            Handle::Disk(disk) => disk.read(buffer),
            Handle::Pipe(pipe) => pipe.read(buffer, stopper),
        }
    }

    /// The file must be unchanged since it was opened.
    fn check(&mut self, complete: &mut Complete, to_end: bool) -> Result<(), SourceError> {
        let Handle::File(file) = &self.handle else { return Ok(()) };
        let what = complete.detail.clone();
        match file.changed(to_end) {
            Err(e) => Err(SourceError::Unreadable { what, detail: e.to_string() }),
            Ok(None) => Ok(()),
            Ok(Some(_)) if self.allow_changes => {
                complete.changed = true;
                Ok(())
            }
            Ok(Some(how)) => Err(SourceError::Changed { what, how }),
        }
    }
}

/// One spelling per file: resolves links and dots in its folder. The last component stays: it may link to a rotating
/// dump.
fn absolute(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = whole.parent().and_then(|folder| folder.canonicalize().ok());
    folder
        .zip(whole.file_name())
        .map_or(whole.clone(), |(folder, name)| folder.join(name))
        .display()
        .to_string()
}
