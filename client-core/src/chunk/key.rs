//! The keys of a deduplication domain that chunking needs: for chunk ids and for chunk boundaries.

use api_types::SourceId;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::ChunkerParams;
use crate::{id::ChunkId, secret::secret_key};

const GEAR_CONTEXT: &[u8] = b"sealkeep 2026-11 v1 cdc gear table";
const SOURCE_CONTEXT: &str = "sealkeep 2026-11 v1 source id";

secret_key!(
    /// Computes chunk ids. Its holder can test guesses of whole chunks, but read nothing.
    ChunkIdKey, 32
);

impl ChunkIdKey {
    /// Keyed BLAKE3 of a chunk's plaintext.
    #[must_use]
    pub fn chunk_id(&self, plain: &[u8]) -> ChunkId {
        ChunkId::new(*blake3::keyed_hash(self.expose(), plain).as_bytes())
    }

    /// A source's id for the service, which reveals nothing about it: the same kind and name give the same id on every
    /// device of the domain.
    #[must_use]
    pub fn source_id(&self, kind: &str, name: &str) -> SourceId {
        let key = Zeroizing::new(blake3::derive_key(SOURCE_CONTEXT, self.expose()));
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(&(kind.len() as u64).to_be_bytes()).update(kind.as_bytes()).update(name.as_bytes());
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        SourceId(Uuid::new_v8(bytes))
    }
}

secret_key!(
    /// Determines where dumps are cut.
    ChunkerKey, 32
);

impl ChunkerKey {
    /// The table used by the cutter.
    #[must_use]
    pub fn gear_table(&self) -> GearTable {
        let mut bytes = Zeroizing::new([0_u8; 2048]);
        blake3::Hasher::new_keyed(self.expose()).update(GEAR_CONTEXT).finalize_xof().fill(&mut *bytes);
        let mut table = GearTable { gear: Box::new([0; 256]), gear_ls: Box::new([0; 256]) };
        let (words, _) = bytes.as_chunks::<8>();
        for ((gear, gear_ls), word) in table.gear.iter_mut().zip(table.gear_ls.iter_mut()).zip(words) {
            *gear = u64::from_le_bytes(*word);
            *gear_ls = *gear << 1;
        }
        table
    }
}

/// 256 secret words for the rolling hash: unlike a seed mixed into the public table, they cannot be computed from a
/// few chunk lengths.
pub struct GearTable {
    gear: Box<[u64; 256]>,
    gear_ls: Box<[u64; 256]>,
}

impl GearTable {
    /// Length of the first chunk in `window`, which must be the rest of the dump or at least `max` bytes of it.
    #[must_use]
    pub fn cut(&self, window: &[u8], params: ChunkerParams) -> usize {
        let [min, avg, max] = [params.min(), params.avg(), params.max()].map(|size| size as usize);
        let (mask_s, mask_l) = fastcdc::v2020::select_masks(avg, fastcdc::v2020::Normalization::Level2);
        let (_, len) = fastcdc::v2020::cut_gear(
            window,
            min,
            avg,
            max,
            mask_s,
            mask_l,
            mask_s << 1,
            mask_l << 1,
            &*self.gear,
            &*self.gear_ls,
        );
        len
    }
}

impl Drop for GearTable {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.gear.zeroize();
        self.gear_ls.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_id_depends_on_key_kind_and_name() {
        let key = ChunkIdKey::from_bytes(&[1; 32]);
        let id = key.source_id("postgres", "shop");
        assert_eq!(id, key.source_id("postgres", "shop"));
        assert_ne!(id, key.source_id("postgress", "hop"));
        assert_ne!(id, ChunkIdKey::from_bytes(&[2; 32]).source_id("postgres", "shop"));
        assert_eq!(id.0.get_version_num(), 8);
    }
}
