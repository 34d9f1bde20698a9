//! The typed whole: keys that are open, a directory and a history that are verified, packs being filled
//! and read.

mod chunk_reader;
mod directory;
mod fetcher;
mod hands;
mod history;
mod pack_cache;
mod packer;
mod unlocked;

pub use chunk_reader::{ChunkFault, ChunkReader};
pub use directory::{Directory, DirectoryError, TrustedDevice};
pub use fetcher::Fetcher;
pub use history::{History, HistoryError, ListedSnapshot};
pub use pack_cache::{OpenPack, PackCache, PackFault};
pub use packer::{FullPack, PACK_TARGET, Packer};
pub use unlocked::UnlockedVault;
