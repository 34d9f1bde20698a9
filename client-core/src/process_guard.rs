//! Protects this process's memory.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Disables core files for this process and the programs that it starts; in a release build it also keeps other
/// processes of the same user from attaching to it or reading its memory and environment. Call it first in `main`.
/// Where the system supports only one of these, that one still applies.
pub fn guard_memory() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core files cannot be turned off");
    }
    // Debug builds must stay debuggable.
    if !cfg!(debug_assertions) {
        hide();
    }
}

fn hide() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes of this user can read this one's memory");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn memory_stays_in_the_process() {
        guard_memory();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        hide();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        // Let the other tests of this program be inspected again.
        set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();
    }
}
