//! Combines the layers below: unlocked keys, a verified directory and history, packs being filled and read.

mod chunk_reader;
mod directory;
mod fetcher;
mod history;
mod pack_cache;
mod packer;
mod unlocked;
mod working_set;

pub use chunk_reader::{ChunkFault, ChunkReader};
pub use directory::{Directory, DirectoryError, TrustedDevice};
pub use fetcher::Fetcher;
pub use history::{History, HistoryError, ListedSnapshot};
pub use pack_cache::{OpenPack, PackCache, PackFault};
pub use packer::{FullPack, PACK_TARGET, Packer};
pub use unlocked::UnlockedVault;
