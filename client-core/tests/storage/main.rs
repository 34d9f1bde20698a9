//! What is stored: bytes as the format says, keys, and what damage does to them.

mod big_index;
#[path = "../common/mod.rs"]
mod common;

mod damage;
mod damage_signed;
mod keys;
mod mutations;
mod properties;
mod recipes;
mod records;
mod recovery;
mod state;
mod unwrap;
mod vectors;
mod vectors_keys;
mod vectors_recipe;
mod vectors_unwrap;
