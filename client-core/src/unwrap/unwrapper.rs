//! Finds the compressed streams in a dump and extracts their content.

use std::mem;

use super::{
    UnwrapError,
    deflate::{Maker, Params},
    kind::{ENOUGH, GZIP_TAIL, Kind, find_piece, gzip_head},
    plan,
    rewrap::Remaker,
    stream::{Out, Progress, Stream},
};

/// Give up after this many consecutive streams that cannot be reproduced.
const MAX_FAILURES: u32 = 8;
/// Once the only matching parameters have reproduced this much content, they suffice for later streams, bytes.
const DECIDED: u64 = 4 << 20;

/// The result of unwrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unwrapped {
    /// Number of compressed streams that were unwrapped.
    pub streams: u64,
    /// Number of compressed streams that stay as they are because they cannot be reproduced.
    pub kept: u64,
    /// Bytes of content of the former.
    pub content: u64,
    /// Length of the plan at the end of the unwrapped dump, bytes; 0: nothing was unwrapped, and there is no plan.
    pub plan_len: u64,
    /// Whether it is a gzip file, whose content was also passed on.
    pub is_gzip: bool,
    /// The dump's compression, if it cannot be unwrapped.
    pub other: Option<&'static str>,
}

enum State {
    Begin,
    /// Between gzip streams; `true`: there was at least one.
    Member(bool),
    InMember(Box<Stream>),
    Trailer {
        crc: u32,
        len: u32,
    },
    /// Between the pieces of an archive's streams.
    Archive,
    InPieces(Box<Stream>),
    AsIs,
}

/// Takes a dump; outputs its content, followed by the plan for reproducing the dump.
pub struct Unwrapper {
    state: State,
    pending: Vec<u8>,
    plan: plan::Writer,
    report: Unwrapped,
    /// Parameters that reproduced the streams so far, with the amount of their content.
    ways: Vec<Remaker>,
    made: u64,
    failures: u32,
}

impl Default for Unwrapper {
    fn default() -> Self {
        Self::new()
    }
}

impl Unwrapper {
    /// Starts at the dump's first byte.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Begin,
            pending: Vec::new(),
            plan: plan::Writer::new(),
            report: Unwrapped::default(),
            ways: Vec::new(),
            made: 0,
            failures: 0,
        }
    }

    /// Whether everything passes through unchanged, so far and from here on.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::AsIs) && self.report.streams == 0
    }

    /// The dump's compression, if it cannot be unwrapped.
    #[must_use]
    pub const fn other(&self) -> Option<&'static str> {
        self.report.other
    }

    /// Takes the next bytes of the dump; appends to `out`. `content` gets the content of gzip streams.
    ///
    /// # Errors
    /// [`UnwrapError`]: a gzip file that no program could read.
    pub fn push(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        content: &mut dyn FnMut(&[u8]),
    ) -> Result<(), UnwrapError> {
        let mut plan = mem::replace(&mut self.plan, plan::Writer::new());
        let mut to = Out { bytes: out, plan: &mut plan, content };
        let mut pending = mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut rest = pending.as_slice();
        let result = self.all(&mut rest, false, &mut to);
        self.pending = rest.to_vec();
        self.plan = plan;
        result
    }

    /// Call after the last byte: appends the plan, if there is anything to reproduce.
    ///
    /// # Errors
    /// [`UnwrapError`]: a truncated gzip file.
    pub fn finish(
        mut self,
        out: &mut Vec<u8>,
        content: &mut dyn FnMut(&[u8]),
    ) -> Result<Unwrapped, UnwrapError> {
        let mut plan = mem::replace(&mut self.plan, plan::Writer::new());
        let mut to = Out { bytes: out, plan: &mut plan, content };
        let pending = mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        self.all(&mut rest, true, &mut to)?;
        match mem::replace(&mut self.state, State::AsIs) {
            State::InMember(_) | State::Trailer { .. } | State::Member(false) => {
                return Err(UnwrapError("the gzip file is cut off"));
            }
            State::InPieces(stream) => stream.abandon(&mut to),
            State::Begin | State::Member(true) | State::Archive | State::AsIs => {}
        }
        to.raw(rest);
        if let Some(plan) = plan.finish() {
            self.report.plan_len = plan.len() as u64;
            out.extend_from_slice(&plan);
        }
        Ok(self.report)
    }

    fn all(&mut self, rest: &mut &[u8], ended: bool, out: &mut Out<'_>) -> Result<(), UnwrapError> {
        while let Some(taken) = self.step(rest, ended, out)? {
            *rest = &rest[taken..];
        }
        Ok(())
    }

    /// Consumes some of the bytes; `None`: it needs more.
    fn step(&mut self, bytes: &[u8], ended: bool, out: &mut Out<'_>) -> Result<Option<usize>, UnwrapError> {
        if bytes.is_empty() && !(ended && matches!(self.state, State::Begin)) {
            return Ok(None);
        }
        match mem::replace(&mut self.state, State::AsIs) {
            State::Begin if bytes.len() < ENOUGH && !ended => {
                self.state = State::Begin;
                Ok(None)
            }
            State::Begin => {
                self.state = match Kind::of(bytes) {
                    Kind::Gzip => {
                        self.report.is_gzip = true;
                        State::Member(false)
                    }
                    Kind::Archive => State::Archive,
                    Kind::Other(name) => {
                        self.report.other = Some(name);
                        State::AsIs
                    }
                    Kind::Plain => State::AsIs,
                };
                Ok(Some(0))
            }
            State::AsIs => {
                out.raw(bytes);
                Ok(Some(bytes.len()))
            }
            State::Member(any) => match gzip_head(bytes) {
                None => {
                    self.state = State::Member(any);
                    Ok(None)
                }
                Some(Ok(len)) => {
                    out.raw(&bytes[..len]);
                    self.state = State::InMember(self.begin(None, out, |_| true));
                    Ok(Some(len))
                }
                // gzip ignores anything after the last stream, and so do we.
                Some(Err(_)) if any => Ok(Some(0)),
                Some(Err(error)) => Err(error),
            },
            State::InMember(mut stream) => {
                let (taken, progress) = stream.push(bytes, out);
                self.state = match progress {
                    Progress::More => State::InMember(stream),
                    Progress::Broken => return Err(UnwrapError("the gzip file is damaged")),
                    Progress::Ended => {
                        let (crc, len) = stream.sums();
                        self.ended(*stream, out);
                        State::Trailer { crc, len }
                    }
                };
                Ok(Some(taken))
            }
            State::Trailer { crc, len } => match bytes.first_chunk::<GZIP_TAIL>() {
                None => {
                    self.state = State::Trailer { crc, len };
                    Ok(None)
                }
                Some(tail) if *tail == u64::to_le_bytes(u64::from(len) << 32 | u64::from(crc)) => {
                    out.raw(tail);
                    self.state = State::Member(true);
                    Ok(Some(tail.len()))
                }
                Some(_) => Err(UnwrapError("the gzip file's checksum is not that of its content")),
            },
            State::Archive if self.failures >= MAX_FAILURES => Ok(Some(0)),
            State::Archive => {
                let (before, found) = match find_piece(bytes) {
                    Ok((at, len)) => (at, Some(len)),
                    Err(surely_not) => (surely_not, None),
                };
                out.raw(&bytes[..before]);
                self.state = match found {
                    None => State::Archive,
                    Some(len) => {
                        // The header contains the compression effort (RFC 1950: FLEVEL).
                        let effort = bytes.get(before + 6).map_or(0, |flags| flags >> 6);
                        let fits = |params: &Params| {
                            let says = match params.level {
                                1 => 0,
                                2..=5 => 1,
                                6 => 2,
                                _ => 3,
                            };
                            params.maker != Maker::GnuGzip && says == effort
                        };
                        State::InPieces(self.begin(Some(len), out, fits))
                    }
                };
                Ok((before > 0 || found.is_some()).then_some(before))
            }
            State::InPieces(mut stream) => {
                let (taken, progress) = stream.push(bytes, out);
                self.state = match progress {
                    Progress::More => State::InPieces(stream),
                    Progress::Broken => {
                        self.failures += u32::from(stream.plain() > 0);
                        stream.abandon(out);
                        State::Archive
                    }
                    Progress::Ended => {
                        self.ended(*stream, out);
                        State::Archive
                    }
                };
                Ok(Some(taken))
            }
        }
    }

    /// Starts the next stream; tries what reproduced the last ones first.
    fn begin(&mut self, pieces: Option<u32>, out: &Out<'_>, fits: impl Fn(&Params) -> bool) -> Box<Stream> {
        if self.failures >= MAX_FAILURES || out.plan.is_full() {
            return Box::new(Stream::new(Vec::new(), Vec::new(), pieces));
        }
        let makers = [Maker::GnuGzip, Maker::Zlib, Maker::ZlibLarge];
        let levels = [6, 9, 1, 5, 7, 8, 4, 3, 2];
        let all = makers.into_iter().flat_map(|maker| levels.map(|level| Params { maker, level }));
        let mut ways = mem::take(&mut self.ways);
        ways.retain(|way| fits(&way.params()));
        let known: Vec<Params> = ways.iter().map(Remaker::params).collect();
        let mut spare: Vec<Params> = all.filter(|way| fits(way) && !known.contains(way)).collect();
        if ways.is_empty() {
            ways = spare.drain(..).map(Remaker::new).collect();
        }
        Box::new(Stream::new(ways, spare, pieces))
    }

    fn ended(&mut self, stream: Stream, out: &mut Out<'_>) {
        let content = stream.plain();
        self.ways = stream.finish(out);
        if self.ways.is_empty() {
            self.report.kept += 1;
            self.failures += 1;
            self.made = 0;
            return;
        }
        self.report.streams += 1;
        self.report.content += content;
        self.made += content;
        self.failures = 0;
        if self.made >= DECIDED {
            self.ways.truncate(1);
        }
    }
}
