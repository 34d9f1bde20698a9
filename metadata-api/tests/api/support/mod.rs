//! What the tests have in common.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

pub mod client;
pub mod fixture;
pub mod http;
pub mod member;
pub mod service;
pub mod sigv4;
pub mod stores;

/// Waits for an event that only shows in a state.
#[track_caller]
pub fn until(what: &str, happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < Duration::from_secs(60), "still waiting: {what}");
        sleep(Duration::from_millis(10));
    }
}
