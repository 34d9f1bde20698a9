//! Memory does not grow with the dump.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests; measurements are printed")]

use std::{
    fs::File,
    io::{Write, pipe},
    thread,
};

use e2e::{Device, Outcome, Stage, device::text, files};

const MIB: u64 = 1024 * 1024;
const BAR: u64 = 200 * MIB;

/// Writes `total` bytes; half of them compress, none of them repeat.
fn stream(device: &Device, total: u64) -> Outcome {
    let (read, mut write) = pipe().unwrap();
    let block = files::noise(11, MIB as usize);
    let writer = thread::spawn(move || {
        let mut written = 0;
        let mut piece = vec![b' '; 64 * 1024];
        while written < total {
            let n = (total - written).min(piece.len() as u64) as usize;
            let at = (written / 7) as usize % (block.len() - piece.len());
            let half = piece.len() / 2;
            piece[..half].copy_from_slice(&block[at..at + half]);
            // No two pieces are equal, so each one is stored.
            for (i, chunk) in piece[..half].chunks_exact_mut(8).enumerate() {
                let mark = written.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(i as u32 % 64);
                for (byte, m) in chunk.iter_mut().zip(mark.to_le_bytes()) {
                    *byte ^= m;
                }
            }
            if write.write_all(&piece[..n]).is_err() {
                return;
            }
            written += n as u64;
        }
    });
    let outcome = device.call(["backup", "--stdin", "--name", "stream"]).stdin_from(read).go().unwrap();
    writer.join().unwrap();
    outcome
}

#[test]
fn a_long_stream_takes_no_more_memory_than_a_short_one() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let gigabytes: u64 = if std::env::var_os("LONG").is_some() { 20 } else { 1 };
    let outcome = stream(&device, gigabytes * 1_000_000_000);
    let report = outcome.expect_ok().unwrap();
    let backup = outcome.usage;
    let target = File::create(device.desk().join("null")).unwrap();
    drop(target);
    let restored = device
        .call_plain(["restore", text(&report, "snapshot_id").unwrap(), "--stdout"])
        .stdout_into(File::options().write(true).open("/dev/null").unwrap())
        .unwrap();
    assert_eq!(restored.code, 0, "{restored}");
    println!(
        "{gigabytes} GB: backup {:.1} s, {} MiB; restore {:.1} s, {} MiB",
        backup.wall.as_secs_f64(),
        backup.peak_rss / MIB,
        restored.usage.wall.as_secs_f64(),
        restored.usage.peak_rss / MIB
    );
    assert!(backup.peak_rss > 5 * MIB, "nothing was measured");
    assert!(backup.peak_rss <= BAR, "backup: {} MiB", backup.peak_rss / MIB);
    assert!(restored.usage.peak_rss <= BAR, "restore: {} MiB", restored.usage.peak_rss / MIB);
}
