//! What is measured: memory and waiting times. Nothing else runs beside it.

mod doors;
mod memory;
