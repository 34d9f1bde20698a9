//! Compressed files that consist of several members.

use std::{
    io::{self, BufRead, Cursor, Read},
    marker::PhantomData,
};

/// A decompressor for one member.
pub(super) trait Member<R>: Read {
    /// First byte of every member. Other bytes after a member are ignored, as the programs do.
    const FIRST: u8;
    fn begin(reader: R) -> Self;
    fn reader(self) -> R;
}

impl<R: BufRead> Member<R> for flate2::bufread::GzDecoder<R> {
    const FIRST: u8 = 0x1f;
    fn begin(reader: R) -> Self {
        Self::new(reader)
    }
    fn reader(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Member<R> for bzip2::bufread::BzDecoder<R> {
    const FIRST: u8 = b'B';
    fn begin(reader: R) -> Self {
        Self::new(reader)
    }
    fn reader(self) -> R {
        self.into_inner()
    }
}

/// The content of all members.
pub(super) struct Joined<R, D> {
    member: Option<D>,
    reader: PhantomData<R>,
}

impl<R, D: Member<R>> Joined<R, D> {
    pub(super) fn new(reader: R) -> Self {
        Self { member: Some(D::begin(reader)), reader: PhantomData }
    }
}

impl<R: BufRead, D: Member<R>> Read for Joined<R, D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut member) = self.member.take() {
            let read = member.read(buffer)?;
            if read > 0 {
                self.member = Some(member);
                return Ok(read);
            }
            let mut reader = member.reader();
            if reader.fill_buf()?.first() == Some(&D::FIRST) {
                self.member = Some(D::begin(reader));
            }
        }
        Ok(0)
    }
}

/// Its magic number has already been read.
type Lz4Frame<R> = lz4_flex::frame::FrameDecoder<io::Chain<Cursor<[u8; 4]>, Endless<R>>>;

/// lz4 frames. The decoder accepts a missing end mark as an end, so its reader fails at the end of the file.
pub(super) struct Lz4Frames<R: Read> {
    reader: Option<R>,
    frame: Option<Lz4Frame<R>>,
}

impl<R: BufRead> Lz4Frames<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self { reader: Some(reader), frame: None }
    }

    /// `false`: there is no further frame.
    fn next(&mut self) -> io::Result<bool> {
        while let Some(mut reader) = self.reader.take() {
            if reader.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let mut magic = [0; 4];
            reader.read_exact(&mut magic)?;
            if let [0x50..=0x5f, 0x2a, 0x4d, 0x18] = magic {
                let mut len = [0; 4];
                reader.read_exact(&mut len)?;
                let len = u64::from(u32::from_le_bytes(len));
                if io::copy(&mut reader.by_ref().take(len), &mut io::sink())? < len {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.reader = Some(reader);
                continue;
            }
            let input = Cursor::new(magic).chain(Endless(reader));
            self.frame = Some(lz4_flex::frame::FrameDecoder::new(input));
            return Ok(true);
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
            }
            if let Some(frame) = self.frame.take() {
                self.reader = Some(frame.into_inner().into_inner().1.0);
            }
            if !self.next()? {
                return Ok(0);
            }
        }
    }
}

/// Reports no end of file, which could be mistaken for a real end.
pub(super) struct Endless<R>(R);

impl<R: Read> Read for Endless<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::Error::other("its end mark is missing")),
            read => Ok(read),
        }
    }
}
