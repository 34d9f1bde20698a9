//! Keeps this process's memory to itself.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// From here on a crash writes no core file, of this process or of a program that it starts; and in a release build no
/// other process of the same user can attach to it, or read its memory and its environment. Called first thing in
/// `main`. Where the system does not know one of these, the other still holds.
pub fn guard_memory() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core files cannot be turned off");
    }
    // A debugger is what a debug build is for.
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
        // The other tests of this program may be looked at again.
        set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();
    }
}
