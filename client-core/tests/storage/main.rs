//! Stored data: format, keys, and the effects of damage.

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
