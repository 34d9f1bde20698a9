//! Compressed dumps are decompressed and come back bit for bit: streams of real gzip, of real zlib (Python's) and of
//! real pg_dump, and streams that we cannot reproduce.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    thread,
};

use client_core::unwrap::{
    Deflater, Maker, Params, Rewrapper, UnwrapError, Unwrapped, Unwrapper,
    plan::{Item, Reader, Stream},
};
use proptest::prelude::*;
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};

/// The unwrapped dump with its plan, and the content of its gzip streams.
fn unwrap(dump: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>, Unwrapped), UnwrapError> {
    let (mut out, mut content) = (Vec::new(), Vec::new());
    let mut unwrapper = Unwrapper::new();
    for piece in dump.chunks(step.max(1)) {
        unwrapper.push(piece, &mut out, &mut |bytes| content.extend_from_slice(bytes))?;
    }
    let report = unwrapper.finish(&mut out, &mut |bytes| content.extend_from_slice(bytes))?;
    Ok((out, content, report))
}

fn rewrap(unwrapped: &[u8], plan_len: u64, step: usize) -> Result<Vec<u8>, UnwrapError> {
    let (bytes, plan) = unwrapped.split_at(unwrapped.len() - plan_len as usize);
    let mut rewrapper = Rewrapper::new(plan.to_vec())?;
    let mut out = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        rewrapper.push(piece, &mut out)?;
    }
    rewrapper.finish(&mut out)?;
    Ok(out)
}

/// Round trip; returns the intermediate form.
fn round(dump: &[u8]) -> (Vec<u8>, Vec<u8>, Unwrapped) {
    let whole = unwrap(dump, 8192).unwrap();
    for step in [1_usize, 100, 8192, 1 << 20] {
        if step == 1 && dump.len() > 100_000 {
            continue;
        }
        let stepped = unwrap(dump, step).unwrap();
        let back = if stepped.2.plan_len == 0 {
            stepped.0.clone()
        } else {
            rewrap(&stepped.0, stepped.2.plan_len, step).unwrap()
        };
        assert!(back == dump, "{} bytes in steps of {step}", dump.len());
        assert_eq!(stepped.2.streams, whole.2.streams);
    }
    whole
}

fn through(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input));
    let mut out = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    out
}

fn gzip(level: u8, input: &[u8]) -> Vec<u8> {
    through("gzip", &["-c", &format!("-{level}")], input)
}

/// The system's zlib, through Python. `bits`: 15 for a zlib header, 31 for gzip's, -15 for none.
fn zlib(level: u8, bits: i32, memory: u8, input: &[u8]) -> Vec<u8> {
    zlib_all(&[(level, bits, memory)], input).remove(0)
}

/// The same with several settings: starting Python takes longer than compressing.
fn zlib_all(settings: &[(u8, i32, u8)], input: &[u8]) -> Vec<Vec<u8>> {
    let list: String =
        settings.iter().map(|(level, bits, memory)| format!("({level},8,{bits},{memory}),")).collect();
    let script = format!(
        "import sys,zlib;d=sys.stdin.buffer.read();w=sys.stdout.buffer.write\n\
         for s in [{list}]:\n c=zlib.compressobj(*s);z=c.compress(d)+c.flush();w(len(z).to_bytes(4,'little')+z)"
    );
    let all = through("python3", &["-c", &script], input);
    let mut rest = all.as_slice();
    let streams = std::iter::from_fn(|| {
        let (len, behind) = rest.split_first_chunk()?;
        let (stream, behind) = behind.split_at(u32::from_le_bytes(*len) as usize);
        rest = behind;
        Some(stream.to_vec())
    });
    streams.collect()
}

fn rows(seed: u64, count: usize) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut out = Vec::new();
    for id in 0..count {
        let (a, b): (u32, u64) = (random.random_range(0..5000), random.random());
        writeln!(
            out,
            "{id}\t{a}\tpage opened\t2026-06-{:02} 10:{:02}\t{{\"session\": \"{b:016x}\"}}",
            a % 28 + 1,
            a % 60
        )
        .unwrap();
    }
    out
}

/// Many kinds of data: rows, zeros, noise, repetitions near and far, and mixtures of them.
fn samples() -> Vec<Vec<u8>> {
    let mut random = StdRng::seed_from_u64(7);
    let mut noise = vec![0; 300_000];
    random.fill_bytes(&mut noise);
    let text = rows(1, 20_000);
    let mut mixed = Vec::new();
    while mixed.len() < 900_000 {
        let (from, len) = (random.random_range(0..200_000), random.random_range(0..40_000));
        match random.random_range(0..4) {
            0 => mixed.extend_from_slice(&noise[from..from + len]),
            1 => mixed.extend_from_slice(&text[from..from + len]),
            2 => mixed.extend(std::iter::repeat_n(random.random::<u8>() & 3, len)),
            _ => mixed.extend((0..len).map(|_| b'a' + (random.random::<u8>() & 1))),
        }
    }
    let far = noise[..32_000].repeat(5);
    let mut samples = vec![text.clone(), noise, mixed, far, vec![0; 1_000_000], b"x".to_vec(), Vec::new()];
    // Around the sizes at which the window slides, and where the data ends near a repetition.
    for len in [2, 3, 4, 258, 261, 262, 263, 32_768, 65_274, 65_275, 65_530, 65_536, 65_537, 98_304, 130_810]
    {
        samples.push(text[..len].to_vec());
        let mut again = text[1000..1000 + len].to_vec();
        again.extend_from_slice(&text[1000 + len - len.min(150)..1000 + len]);
        samples.push(again);
    }
    samples
}

#[test]
fn every_level_of_gzip_and_zlib_is_reproduced_bit_for_bit() {
    for (number, sample) in samples().iter().enumerate() {
        let levels: &[u8] = if number < 5 { &[1, 2, 3, 4, 5, 6, 7, 8, 9] } else { &[1, 3, 6] };
        let settings: Vec<_> = levels.iter().flat_map(|level| [(*level, -15, 8), (*level, -15, 9)]).collect();
        let mut python = zlib_all(&settings, sample).into_iter();
        for &level in levels {
            for maker in Maker::ALL {
                let made = match maker {
                    Maker::GnuGzip => gzip(level, sample)[10..].split_last_chunk::<8>().unwrap().0.to_vec(),
                    Maker::Zlib | Maker::ZlibLarge => python.next().unwrap(),
                };
                let mut ours = Vec::new();
                let mut deflater = Deflater::new(Params { maker, level });
                for piece in sample.chunks(10_007) {
                    deflater.push(piece, &mut ours);
                }
                deflater.finish(&mut ours);
                assert!(ours == made, "sample {number} ({} bytes), {maker:?} {level}", sample.len());
            }
        }
    }
}

#[test]
fn gzip_files_come_apart_and_back() {
    let text = rows(3, 40_000);
    for level in [1, 6, 9] {
        let (unwrapped, content, report) = round(&gzip(level, &text));
        assert_eq!((report.streams, report.kept, report.content), (1, 0, text.len() as u64));
        assert!(content == text);
        // Header 10, trailer 8, plan.
        assert!(unwrapped.len() <= text.len() + 18 + 40, "{} for {}", unwrapped.len(), text.len());
        assert!(unwrapped[10..10 + text.len()] == text);
    }
    // With name and time in the header; from Python; several streams in one file; padding at the end.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("dump.sql"), &text).unwrap();
    let named = Command::new("gzip").arg("dump.sql").current_dir(dir.path()).status().unwrap();
    assert!(named.success());
    let named = std::fs::read(dir.path().join("dump.sql.gz")).unwrap();
    assert_eq!(round(&named).2.streams, 1);
    let python = zlib(6, 31, 8, &text);
    assert_eq!(round(&python).2.streams, 1);
    let several = [named, python, gzip(3, b""), gzip(9, &text[..70_000]), vec![0; 512]].concat();
    let (_, content, report) = round(&several);
    assert_eq!((report.streams, report.kept), (4, 0));
    assert!(content == [&text, &text, &text[..70_000]].concat());
}

#[test]
fn a_changed_row_changes_little_of_what_is_inside() {
    let one = rows(3, 40_000);
    let mut other = one.clone();
    other.splice(1_000_000..1_000_010, *b"something else");
    let (one, other) = (gzip(6, &one), gzip(6, &other));
    let same = |a: &[u8], b: &[u8]| a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    assert!(same(&one, &other) < 1000, "else the test shows nothing");
    let plain = |dump: &[u8]| {
        let (bytes, _, report) = unwrap(dump, 8192).unwrap();
        bytes[..bytes.len() - report.plan_len as usize - 8].to_vec()
    };
    let (one, other) = (plain(&one), plain(&other));
    assert!(same(&one, &other) > one.len() / 2);
}

/// Streams of other compressors, each with its own choices, or with flushes in between.
fn strange_streams(text: &[u8]) -> Vec<Vec<u8>> {
    let flushing = "import sys,zlib;c=zlib.compressobj(6,8,31);d=sys.stdin.buffer.read();w=sys.stdout.buffer.write;\
        [w(c.compress(d[i:i+200000])+c.flush(zlib.Z_SYNC_FLUSH)) for i in range(0,len(d),200000)];w(c.flush())";
    let changing = "import sys,zlib,gzip;d=sys.stdin.buffer.read();w=sys.stdout.buffer.write;\
        c=zlib.compressobj(6,8,31);w(c.compress(d[:2500000])+c.flush(zlib.Z_FULL_FLUSH)+c.compress(d[2500000:])+c.flush())";
    let strategy = "import sys,zlib;d=sys.stdin.buffer.read();c=zlib.compressobj(6,8,31,8,zlib.Z_HUFFMAN_ONLY);\
        sys.stdout.buffer.write(c.compress(d)+c.flush())";
    let mut streams: Vec<_> =
        [flushing, changing, strategy].map(|script| through("python3", &["-c", script], text)).into();
    streams.push(zlib(6, 31, 3, text));
    streams.push(zlib(0, 31, 8, text));
    streams
}

#[test]
fn what_cannot_be_reproduced_stays_as_it_is() {
    let text = rows(5, 60_000);
    assert!(text.len() > 3_500_000);
    for (number, dump) in strange_streams(&text).into_iter().enumerate() {
        let (unwrapped, content, report) = round(&dump);
        assert_eq!((report.streams, report.kept), (0, 1), "stream {number}");
        assert!(content == text);
        if number == 1 {
            // Reproducible beyond the trial: the part up to the deviation is kept unwrapped.
            let mut plan =
                Reader::new(unwrapped[unwrapped.len() - report.plan_len as usize..].to_vec()).unwrap();
            let mut items = std::iter::from_fn(|| plan.next_item().unwrap());
            let cut = items.find_map(|item| match item {
                Item::Stream(Stream { keep, .. }) => keep,
                Item::Raw { .. } => None,
            });
            assert!(cut.unwrap() > 300_000, "{cut:?}");
        } else {
            assert_eq!(unwrapped, dump, "stream {number}");
        }
    }
    // One of several.
    let several = [gzip(6, &text), strange_streams(&text)[0].clone(), gzip(6, &text[..50_000])].concat();
    let (_, _, report) = round(&several);
    assert_eq!((report.streams, report.kept), (2, 1));
}

#[test]
fn a_damaged_or_cut_gzip_file_is_refused() {
    let text = rows(6, 5_000);
    let dump = gzip(6, &text);
    for cut in [5, 9, 10, 11, 1000, dump.len() / 2, dump.len() - 9, dump.len() - 8, dump.len() - 1] {
        let refused = unwrap(&dump[..cut], 4096).unwrap_err();
        assert_eq!(refused.to_string(), "the gzip file is cut off", "{cut}");
    }
    for at in [dump.len() - 1, dump.len() - 8, dump.len() / 2, 200] {
        let mut damaged = dump.clone();
        damaged[at] ^= 0x10;
        unwrap(&damaged, 4096).unwrap_err();
    }
}

#[test]
fn uncompressed_and_otherwise_compressed_dumps_pass_through() {
    for (dump, other) in [
        (rows(1, 100), None),
        (b"\x28\xb5\x2f\xfd and so on, more than enough".to_vec(), Some("zstd")),
        (b"\x04\x22\x4d\x18 and so on, more than enough".to_vec(), Some("lz4")),
        (b"\xfd7zXZ\0 and so on, more than enough".to_vec(), Some("xz")),
        (b"BZh91AY&SY and so on, more than enough".to_vec(), Some("bzip2")),
        (b"PGDMP\x01\x0f\x00\x04\x08\x01\x03and so on".to_vec(), Some("zstd")),
        (b"PGDMP\x01\x0f\x00\x04\x08\x01\x00and so on".to_vec(), None),
        (b"\x1f\x8b\x08\xff not gzip after all".to_vec(), None),
        (Vec::new(), None),
        (b"x".to_vec(), None),
    ] {
        let (unwrapped, _, report) = round(&dump);
        assert_eq!(unwrapped, dump);
        assert_eq!(report, Unwrapped { other, ..Unwrapped::default() });
    }
}

/// An archive's streams in pieces, as pg_dump writes them; the surrounding bytes do not matter here.
fn archive(streams: &[Vec<u8>], piece: usize) -> Vec<u8> {
    let mut out =
        b"PGDMP\x01\x0e\x00\x04\x08\x01\x00\xff\xff\xff\xff table of contents, xxx \0\0\0\0\0x".to_vec();
    for (id, stream) in streams.iter().enumerate() {
        out.extend([1, 0, id as u8, 0, 0, 0]);
        for piece in stream.chunks(piece) {
            out.push(0);
            out.extend((piece.len() as u32).to_le_bytes());
            out.extend_from_slice(piece);
        }
        out.extend([0; 5]);
    }
    out
}

#[test]
fn streams_in_pieces_come_apart_and_back() {
    let text = rows(8, 30_000);
    let mut streams: Vec<_> = [1, 6, 9].map(|level| zlib(level, 15, 8, &text)).into();
    // Lengths around the piece length, so that the trailer is split in every way.
    for rows in 0..40 {
        streams.push(zlib(6, 15, 8, &text[..11_900 + 9 * rows]));
    }
    for piece in [4096, 4095, 131_072, 100_000_000] {
        let dump = archive(&streams, piece);
        let (unwrapped, _, report) = round(&dump);
        if piece <= 1 << 20 {
            assert_eq!((report.streams, report.kept), (streams.len() as u64, 0), "{piece}");
            assert!(unwrapped.len() > 3 * text.len());
        }
    }
}

#[test]
fn pieces_of_odd_lengths_and_foreign_streams_stay() {
    let text = rows(8, 60_000);
    let mut foreign: Vec<Vec<u8>> = Vec::new();
    // The third and fourth bytes are not zlib's; a truncated stream; one with extra bytes after its end.
    let good = zlib(6, 15, 8, &text);
    foreign.push(zlib(6, 15, 4, &text));
    foreign.push(good[..good.len() / 2].to_vec());
    foreign.push([good.clone(), b"more".to_vec()].concat());
    foreign.push(good.clone());
    let mut wrong_sum = good.clone();
    *wrong_sum.last_mut().unwrap() ^= 1;
    // We do not verify the checksum: it comes back unchanged.
    foreign.push(wrong_sum);
    let dump = archive(&foreign, 4096);
    let (_, _, report) = round(&dump);
    assert_eq!((report.streams, report.kept), (2, 2));
    // One piece in the middle is shorter.
    let mut odd = archive(std::slice::from_ref(&good), 4096);
    let at = odd.len() / 2;
    odd.splice(at..at, archive(&[good[..4000].to_vec()], 1000));
    round(&odd);
}

#[test]
fn after_enough_failures_nothing_more_is_tried() {
    let text = rows(9, 400);
    let mut streams = vec![zlib(6, 15, 5, &text); 20];
    streams.push(zlib(6, 15, 8, &text));
    let (_, _, report) = round(&archive(&streams, 4096));
    assert_eq!((report.streams, report.kept), (0, 8));
}

#[test]
fn many_small_streams_cost_little_in_the_plan() {
    let text = rows(9, 50);
    let stream = zlib(6, 15, 8, &text);
    let (_, _, report) = round(&archive(&vec![stream; 500], 4096));
    assert_eq!(report.streams, 500);
    assert!(report.plan_len < 500 * 10, "{}", report.plan_len);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 60 } else { 400 }))]

    #[test]
    fn any_bytes_in_an_archive_come_back(seed in any::<u64>(), flips in 0_usize..6) {
        let mut random = StdRng::seed_from_u64(seed);
        let text = rows(seed, 1500);
        let mut streams = Vec::new();
        for _ in 0..random.random_range(1..6) {
            let len = random.random_range(0..text.len());
            let mut stream = vec![0x78, 0x9c];
            let maker = Maker::ALL[random.random_range(0..3)];
            let mut deflater = Deflater::new(Params { maker, level: 6 });
            deflater.push(&text[..len], &mut stream);
            deflater.finish(&mut stream);
            stream.extend(random.random::<[u8; 4]>());
            streams.push(stream);
        }
        let mut dump = archive(&streams, random.random_range(1..9000));
        for _ in 0..flips {
            let at = random.random_range(0..dump.len());
            match random.random_range(0..3) {
                0 => dump[at] ^= 1 << random.random_range(0..8),
                1 => { dump.remove(at); }
                _ => dump.insert(at, random.random()),
            }
        }
        round(&dump);
    }

    #[test]
    fn damaged_plans_give_errors_and_bounded_bytes(seed in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut plan = bytes.clone();
        if random.random() {
            plan.insert(0, 1);
        }
        if let Ok(rewrapper) = Rewrapper::new(plan) {
            let (mut rewrapper, mut out) = (rewrapper, Vec::new());
            let _ = rewrapper.push(&bytes, &mut out).and_then(|()| rewrapper.finish(&mut out));
            prop_assert!(out.len() <= 2 * bytes.len() + 64 + 10 * bytes.len());
        }
    }
}
