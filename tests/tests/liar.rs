//! The lying service: every lie of the security review against the real command, then random histories. Lies that only
//! signed order, epochs or an authentic recovery could detect are expected to succeed, by number.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod liar {
    pub(crate) mod answers;
    pub(crate) mod coverage;
    pub(crate) mod devices;
    pub(crate) mod history;
    pub(crate) mod index;
    pub(crate) mod session;
    pub(crate) mod store;
    pub(crate) mod table;
}

use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use e2e::liar::{
    promise::{Broken, Kept},
    story::{Numbers, history, play},
    world::{World, hold},
};

use liar::table::{LIES, PROMISES, State, Told};

/// Histories of `make test`.
const SHORT: u64 = 3;
/// Histories of `LONG=1`.
const LONG: u64 = 200;

#[test]
fn every_lie_is_detected_or_waits_by_its_number() {
    let only = env::var("LIE").unwrap_or_default();
    let lies: Vec<&Told> = LIES.iter().filter(|lie| lie.name().starts_with(&only)).collect();
    let next = AtomicUsize::new(0);
    let tell_all = || {
        let mut world = World::new().unwrap();
        let mut wrong = Vec::new();
        while let Some(lie) = lies.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(tell(&mut world, lie));
        }
        wrong
    };
    // Half of the time nothing is computed, so two worlds take little more than half as long.
    let wrong = thread::scope(|scope| {
        let other = scope.spawn(tell_all);
        let mut wrong = tell_all();
        wrong.extend(other.join().unwrap());
        wrong
    });
    assert!(wrong.is_empty(), "{} of {} lies:\n{}", wrong.len(), lies.len(), wrong.join("\n\n"));
}

/// Tells a lie; returns what is wrong with its outcome.
fn tell(world: &mut World, lie: &Told) -> Option<String> {
    let name = lie.name();
    let (api, store) = (world.liars.api.book().now(), world.liars.store.book().now());
    let started = Instant::now();
    let kept = (lie.scene)(world);
    let kept = kept.and_then(|()| told(world, lie, api, store));
    // Only the lie may have succeeded; a service that is down proves nothing.
    let after = world.second.copy().unwrap().call(["snapshots"]).ok();
    let kept = after.map_err(Broken::Stage).and(kept);
    e2e::liar::note(&format!("{name}: {:.1} s", started.elapsed().as_secs_f32()));
    match (kept, lie.state) {
        (Ok(()), State::Answered) | (Err(Broken::Promise(_)), State::WaitsFor(_)) => None,
        (Ok(()), State::WaitsFor(finding)) => {
            Some(format!("{name} is answered now: take it off the list of those that wait ({finding})"))
        }
        (Err(Broken::Promise(what)), State::Answered) => Some(format!("{name}: {what}")),
        (Err(Broken::Stage(failure)), _) => Some(format!("{name} could not be played: {failure}")),
    }
}

/// On each route of a lie, a response was false.
fn told(world: &World, lie: &Told, api: usize, store: usize) -> Kept {
    let mut pages = world.liars.api.book().since(api);
    pages.extend(world.liars.store.book().since(store));
    for route in lie.routes {
        let told = pages.iter().any(|page| {
            let truth = page.truth.as_ref().map(|truth| (truth.status, &truth.body));
            route.fits(&page.seen.method, &page.seen.path)
                && truth != Some((page.said.status, &page.said.body))
        });
        if !told {
            return Err(Broken::Stage(e2e::Failure::new(format!("{route:?} was answered truly"))));
        }
    }
    Ok(())
}

#[test]
fn promises_hold_in_random_histories() {
    let world = World::shared().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("liar-seeds.txt");
    let kept = fs::read_to_string(path).unwrap();
    let kept = kept.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.trim().parse().ok());
    let (from, count) = match env::var("LONG") {
        Ok(_) => (rand::random::<u32>().into(), LONG),
        // Fixed seeds, so that only a change can break them.
        Err(_) => (1, SHORT),
    };
    let (mut broken, mut looked) = (Vec::new(), Numbers::new());
    for seed in kept.chain(from..from + count) {
        let steps = history(seed).unwrap();
        let mut world = hold(&world);
        match play(&mut world, &steps, &mut looked) {
            Ok(()) => {}
            Err(Broken::Promise(what)) => {
                e2e::liar::note(&format!("seed {seed}: {what}"));
                broken.push(format!("seed {seed}: {what}\n{steps:?}"));
            }
            Err(Broken::Stage(failure)) => panic!("seed {seed} could not be played: {failure}\n{steps:?}"),
        }
    }
    assert!(broken.is_empty(), "keep the seeds in liar-seeds.txt:\n{}", broken.join("\n\n"));
    let promised = PROMISES.iter().filter(|promise| promise.broken_by.is_none());
    let promised: Numbers = promised.map(|promise| promise.number).collect();
    assert_eq!(looked, promised, "what histories looked at, and what the table says that they look at");
}

/// A promise that no history checks waits, together with a lie that still succeeds.
#[test]
fn a_promise_waits_with_a_lie_that_waits() {
    let numbers: BTreeSet<u8> = PROMISES.iter().map(|promise| promise.number).collect();
    assert_eq!(numbers, (1..=10).collect());
    for promise in PROMISES {
        let Some(name) = promise.broken_by else { continue };
        let lie = LIES.iter().find(|lie| lie.name() == name);
        let waits = lie.is_some_and(|lie| matches!(lie.state, State::WaitsFor(_)));
        assert!(waits, "P{} \"{}\" waits with {name}, which does not wait", promise.number, promise.part);
    }
}

/// Two devices with different knowledge, and each list of a view separately.
#[test]
fn n73_an_older_list_is_refused_by_whoever_saw_more() {
    let world = World::shared().unwrap();
    kept(liar::history::frozen_each(&mut hold(&world)));
}

/// Another device's snapshot, in the middle, and a body that is missing while its row stays.
#[test]
fn n74_a_missing_snapshot_is_noticed_whoever_made_it() {
    let world = World::shared().unwrap();
    kept(liar::history::one_missing(&mut hold(&world)));
}

/// From the end, entry by entry.
#[test]
fn n77_a_shortened_directory_is_refused() {
    let world = World::shared().unwrap();
    kept(liar::devices::shortened(&mut hold(&world)));
}

fn kept(kept: Kept) {
    match kept {
        Ok(()) => {}
        Err(Broken::Promise(what)) => panic!("{what}"),
        Err(Broken::Stage(failure)) => panic!("could not be played: {failure}"),
    }
}
