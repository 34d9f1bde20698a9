//! `--embedded DIR`: a private PostgreSQL cluster and an S3 store in one directory, so that one command on one
//! machine is a whole service.

pub mod object_store;
pub mod postgres;
