//! Measurements of memory and waiting times. They run alone.

mod doors;
mod memory;
