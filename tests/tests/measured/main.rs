//! Measurements of memory and waiting times. They run alone.

mod memory;
mod strangers;
