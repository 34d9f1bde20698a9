//! Protects this process's memory, which holds the service's secrets. client-core has the same few lines: the two crates
//! share only `api-types`, which makes no system calls.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Disables core files for this process and its children; in a release build it also keeps other processes of the same
/// user from attaching, or from reading memory and environment. Called first in `main`. If the system lacks one of
/// these, the other still holds.
pub fn guard_memory() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core files cannot be turned off");
    }
    // Debug builds exist to be debugged.
    if !cfg!(debug_assertions)
        && let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "other processes of this user can read this one's memory");
    }
}
