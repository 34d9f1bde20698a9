//! The route handlers, one file per resource. A handler gets a proven caller and a transaction, never the pool. No
//! handler imports another: what they share is in `identity`, `settlement` and `db`, and for requests in the first two
//! files here.

pub mod extract;
pub mod page;

pub mod health;
pub mod service;

pub mod sign_up;

pub mod sign_in;

pub mod account;
pub mod token;

pub mod vault;

pub mod devices;
pub mod directory;
pub mod keys;

pub mod backups;
pub mod runs;

pub mod objects;

pub mod snapshots;

pub mod audit;
