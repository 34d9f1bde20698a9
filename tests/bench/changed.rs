//! A lower bound for any program that deduplicates rows: the new rows alone, compressed.

use std::{
    collections::{HashSet, hash_map::DefaultHasher},
    fs::File,
    hash::{Hash, Hasher},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use e2e::{Failure, Result};

/// Size of the lines of `second` that are not in `first`, through `zstd -3`, bytes.
pub(crate) fn alone(first: &Path, second: &Path) -> Result<u64> {
    let mut known = HashSet::new();
    lines(first, |line| {
        known.insert(hash(line));
        Ok(())
    })?;
    let mut zstd =
        Command::new("zstd").args(["-3", "-q", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut to = zstd.stdin.take().ok_or_else(|| Failure::new("zstd takes no input"))?;
    let counting = std::thread::spawn({
        let from = zstd.stdout.take();
        move || from.map_or(Ok(0), |mut from| std::io::copy(&mut from, &mut std::io::sink()))
    });
    lines(second, |line| if known.contains(&hash(line)) { Ok(()) } else { to.write_all(line) })?;
    drop(to);
    zstd.wait()?;
    Ok(counting.join().map_err(|_| Failure::new("zstd could not be read"))??)
}

fn hash(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

fn lines(file: &Path, mut each: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<()> {
    let (mut from, mut line) = (BufReader::with_capacity(1 << 20, File::open(file)?), Vec::new());
    while from.read_until(b'\n', &mut line)? > 0 {
        each(&line)?;
        line.clear();
    }
    Ok(())
}
