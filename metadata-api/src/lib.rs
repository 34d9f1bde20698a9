//! metadata-api

pub mod bucket;
pub mod config;
pub mod embedded;
pub mod presign;
pub mod probe;
