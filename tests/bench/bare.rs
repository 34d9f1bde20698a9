//! The bare pipeline on one core: chunks, ids, zstd at level 3, packs. No lookups, no hash of the whole, no upload, no
//! checks.

use std::{env, fs, path::Path, process::Command};

use api_types::VaultId;
use client_core::{
    chunk::{ChunkIdKey, ChunkerKey, ChunkerParams, Cutter},
    crypto::{ReadIdentity, RecoveryWords},
    encode::Compressor,
    format::{Recipients, pack::PackWriter},
};
use e2e::{Failure, Result, measure};

const PACK: usize = 16 << 20;

/// Runs the pipeline in its own process; returns MB of the file per CPU-second.
pub(crate) fn measure(file: &Path) -> Result<f64> {
    let ended = measure::run(Command::new(env::current_exe()?).arg("--bare").arg(file))?;
    if !ended.status.success() {
        return Err(Failure::new(String::from_utf8_lossy(&ended.stdout)));
    }
    Ok(fs::metadata(file)?.len() as f64 / 1e6 / ended.usage.cpu.as_secs_f64().max(0.01))
}

/// The body of that process.
pub(crate) fn run(file: &Path) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let (ids, gear) = (ChunkIdKey::generate(), ChunkerKey::generate().gear_table());
    let words = RecoveryWords::generate().map_err(|e| failed(&e))?;
    let recovery = words.recipient().map_err(|e| failed(&e))?;
    let recipients = Recipients::new(ReadIdentity::generate(1).recipient(), recovery);
    let fresh = || PackWriter::new(VaultId::from_bytes([1; 16]), 1, &recipients).map_err(|e| failed(&e));
    let (mut zstd, mut pack) = (Compressor::new(3).map_err(|e| failed(&e))?, fresh()?);
    for chunk in Cutter::new(fs::File::open(file)?, &gear, ChunkerParams::default()) {
        let chunk = chunk?;
        let encoded = zstd.compress(&chunk).map_err(|e| failed(&e))?;
        pack.push(ids.chunk_id(&chunk), &encoded).map_err(|e| failed(&e))?;
        if pack.len_estimate() >= PACK {
            std::mem::replace(&mut pack, fresh()?).finish().map_err(|e| failed(&e))?;
        }
    }
    pack.finish().map_err(|e| failed(&e))?;
    Ok(())
}
