//! Lies about snapshots: older lists, other lists, lists for each device.

use std::sync::Arc;

use api_types::{ErrorCode, vault::Snapshots};
use e2e::{
    Call, Device,
    liar::{
        Telling,
        edit::Edit,
        edits::{COMMIT, DIRECTORY, EDITS, OBJECTS, SNAPSHOTS},
        lie::{Answer, On, Route, Verdict, get, put},
        promise::{ANY, Kept, ROLLED_BACK, Secrets, ends, promise, run, signed_once, was_backed_up},
        world::{SHOP, World, content, id},
    },
};

/// Every list that a device reads before it does anything else.
pub(crate) const VIEW: [Route; 3] = [DIRECTORY, SNAPSHOTS, OBJECTS];

/// Tells a lie to this device.
pub(crate) fn tell(world: &World, device: &Device, lie: On) -> Result<(Arc<On>, Telling), e2e::Failure> {
    let lie = Arc::new(lie.to(id(device)?));
    let telling = world.liars.api.tell(lie.clone());
    Ok((lie, telling))
}

/// `restore latest` of the source that all devices back up.
pub(crate) fn restore(device: &Device) -> Call {
    device.call_plain(["restore", "latest", "--source", SHOP, "--stdout"])
}

/// Tells every change with this number on this route, each to a fresh copy of the device.
pub(crate) fn each_edit(
    world: &World,
    number: u8,
    route: Route,
    device: &Device,
    play: impl Fn(&Device, &Edit) -> Kept,
) -> Kept {
    for edit in EDITS.iter().filter(|edit| edit.lie == number && edit.route == route) {
        let device = device.copy()?;
        let secrets = Secrets::of(&device)?;
        let (_lie, _telling) = tell(world, &device, edit.on())?;
        play(&device, edit)?;
        secrets.unchanged(&device, edit.what)?;
    }
    Ok(())
}

/// Replays all responses from before this entry.
pub(crate) fn freeze(world: &World, routes: &[Route], before: usize) -> On {
    let liars = Arc::downgrade(&world.liars);
    On::routes(routes).may_say(move |seen| {
        let then = liars.upgrade().and_then(|liars| liars.api.book().truth_before(before, seen));
        then.map_or(Verdict::Pass, Verdict::Say)
    })
}

fn refused(world: &World, device: &Device, after: &str) -> Kept {
    for call in [
        device.call(["snapshots"]),
        restore(device),
        device.call(["check"]),
        device.backup_bytes(SHOP, b"new"),
    ] {
        let before = world.liars.api.book().count(0, COMMIT);
        let outcome = run(call)?;
        ends(&outcome, &[ROLLED_BACK], after)?;
        promise(outcome.stdout.is_empty() || outcome.error().is_some(), || {
            format!("after \"{after}\" {outcome}")
        })?;
        let commits = world.liars.api.book().count(0, COMMIT) - before;
        promise(commits == 0, || format!("after \"{after}\" a snapshot was committed"))?;
    }
    Ok(())
}

/// Records responses, lets another device continue, and then replays the recorded ones.
fn yesterday(world: &World, device: &Device) -> Result<usize, e2e::Failure> {
    device.call(["snapshots"]).ok()?;
    let yesterday = world.liars.api.book().now();
    world.first.copy()?.backup_bytes(SHOP, &content(SHOP, yesterday)).ok()?;
    Ok(yesterday)
}

pub(crate) fn frozen(world: &mut World) -> Kept {
    let second = world.second.copy()?;
    let before = yesterday(world, &second)?;
    second.call(["snapshots"]).ok()?;
    for routes in [&VIEW[..], &[SNAPSHOTS]] {
        let (_lie, _telling) = tell(world, &second, freeze(world, routes, before))?;
        refused(world, &second, "yesterday's lists")?;
    }
    ends(&run(second.call(["snapshots"]))?, &[0], "the truth again")
}

/// The view was never exceeded by this device, so it cannot know. But the others see that it backed up in the past.
pub(crate) fn frozen_unseen(world: &mut World) -> Kept {
    let second = world.second.copy()?;
    let before = yesterday(world, &second)?;
    {
        let (_lie, _telling) = tell(world, &second, freeze(world, &VIEW, before))?;
        second.backup_bytes(SHOP, &content(SHOP, before + 1)).ok()?;
    }
    let first = world.first.copy()?;
    let listed = run(first.call_plain(["snapshots"]))?;
    let said = String::from_utf8_lossy(&listed.stdout).into_owned() + &listed.stderr;
    promise(listed.code == ROLLED_BACK || said.contains("had not seen"), || {
        format!("nobody says that a device backed up without having seen the newest snapshots: {listed}")
    })
}

pub(crate) fn rows_changed(world: &mut World) -> Kept {
    let second = world.second.copy()?;
    second.call(["snapshots"]).ok()?;
    each_edit(world, 11, SNAPSHOTS, &second, |device, edit| {
        if edit.what != "the envelope of another row" {
            return refused(world, device, edit.what);
        }
        // The chains are valid; only the object of each head is false, which costs just those objects.
        let restored = run(restore(device))?;
        ends(&restored, &[0, 9, ROLLED_BACK], edit.what)?;
        let honest = run(restore(&world.first.copy()?))?.stdout;
        was_backed_up(&restored, &[honest], edit.what)?;
        ends(&run(device.call(["check"]))?, &[9, ROLLED_BACK], edit.what)
    })
}

pub(crate) fn last_row_hidden(world: &mut World) -> Kept {
    let fresh = world.fresh.copy()?;
    let lie = On::route(SNAPSHOTS).edits::<Snapshots>(|s| drop(s.snapshots.pop()));
    let (_lie, _telling) = tell(world, &fresh, lie)?;
    let outcome = run(fresh.call_plain(["restore", "latest", "--source", SHOP, "--to", "old"]))?;
    promise(outcome.code == ROLLED_BACK || outcome.stderr.contains("newest backup"), || {
        format!(
            "a device without a memory was shown an older list, and was not told how fresh it is: {outcome}"
        )
    })
}

pub(crate) fn commit_denied(world: &mut World) -> Kept {
    let first = world.first.copy()?;
    first.call(["snapshots"]).ok()?;
    let (api, store) = (world.liars.api.book().now(), world.liars.store.book().now());
    let denied = On::route(COMMIT).does(|_, _| Answer::problem(ErrorCode::Internal, |_| {}));
    let hidden = On::route(SNAPSHOTS).edits::<Snapshots>(|s| drop(s.snapshots.pop()));
    {
        let (_lie, _telling) = tell(world, &first, denied)?;
        ends(&run(first.backup_bytes("denied", &content("denied", 1)))?, &ANY, "a commit that is denied")?;
    }
    {
        let (_lie, _telling) = tell(world, &first, hidden)?;
        ends(&run(first.backup_bytes("denied", &content("denied", 2)))?, &ANY, "a commit that is hidden")?;
    }
    signed_once(&[(world.liars.api.book(), api), (world.liars.store.book(), store)])
}

/// The snapshot is stored, but the device is told that it is not and never commits it; still, its head is out.
pub(crate) fn never_committed(world: &mut World) -> Kept {
    let first = world.first.copy()?;
    let (api, store) = (world.liars.api.book().now(), world.liars.store.book().now());
    {
        let gone = On::route(put("*")).does(|seen, answer| {
            if seen.path.contains("/snapshots/") { Answer::bytes(404, "") } else { answer }
        });
        let _telling = world.liars.store.tell(Arc::new(gone));
        // Any other outcome is not this scene.
        first.backup_bytes("stored", &content("stored", 1)).refused(5)?;
    }
    first.backup_bytes("stored", &content("stored", 2)).ok()?;
    signed_once(&[(world.liars.api.book(), api), (world.liars.store.book(), store)])
}

/// A device that opened a snapshot knows its name, whatever the service calls it; a device that opened nothing cannot
/// read the rows.
pub(crate) fn renamed(world: &mut World) -> Kept {
    let second = world.second.copy()?;
    second.call(["snapshots"]).ok()?;
    each_edit(world, 31, SNAPSHOTS, &second, |device, edit| refused(world, device, edit.what))?;
    each_edit(world, 31, SNAPSHOTS, &world.fresh, |device, edit| {
        let listed = run(device.call(["snapshots"]))?;
        let shown = listed.json().map(|list| list["snapshots"].clone()).unwrap_or_default();
        promise(listed.code != 0 || shown.as_array().is_some_and(Vec::is_empty), || {
            format!("\"{}\" is believed: {listed}", edit.what)
        })
    })?;
    // Its own snapshots, from the moment it created them.
    let first = world.first.copy()?;
    first.backup_bytes("named", &content("named", 1)).ok()?;
    each_edit(world, 31, SNAPSHOTS, &first, |device, edit| refused(world, device, edit.what))
}

pub(crate) fn commit_dropped(world: &mut World) -> Kept {
    let first = world.first.copy()?;
    let lie = On::route(COMMIT).says(|_| Answer::json(&api_types::backup::Committed { position: 1_000 }));
    {
        let (_lie, _telling) = tell(world, &first, lie)?;
        ends(&run(first.backup_bytes(SHOP, &content(SHOP, 77)))?, &ANY, "a commit that is not kept")?;
    }
    ends(&run(first.call(["snapshots"]))?, &[ROLLED_BACK], "a commit that was not kept")?;
    // And a number that nobody can have reached does no harm.
    each_edit(world, 13, COMMIT, &world.second, |device, edit| {
        ends(&run(device.backup_bytes("numbers", b"numbers"))?, &[0], edit.what)?;
        ends(&run(device.call(["snapshots"]))?, &[0], edit.what)
    })
}

pub(crate) fn reordered(world: &mut World) -> Kept {
    world.second.copy()?.backup_bytes(SHOP, &content(SHOP, 151)).ok()?;
    world.first.copy()?.backup_bytes(SHOP, &content(SHOP, 152)).ok()?;
    each_edit(world, 15, SNAPSHOTS, &world.second, |device, edit| {
        let (honest, given) = (run(restore(&world.first.copy()?))?, run(restore(device))?);
        promise(given.code != 0 || given.stdout == honest.stdout, || {
            format!("\"{}\": `latest` is another snapshot for another device", edit.what)
        })
    })
}

pub(crate) fn forked(world: &mut World) -> Kept {
    let (first, second) = (world.first.copy()?, world.second.copy()?);
    let fork = world.service.fork(1)?;
    let page = world.liars.api.book().now();
    world.liars.api.move_to(id(&second)?, 1);
    first.backup_bytes(SHOP, &content(SHOP, 101)).ok()?;
    second.backup_bytes(SHOP, &content(SHOP, 102)).ok()?;
    second.call(["snapshots"]).ok()?;
    let there = world.liars.api.book().since(page).into_iter().rev().find_map(|page| {
        let fits = SNAPSHOTS.fits(&page.seen.method, &page.seen.path);
        serde_json::from_slice::<Snapshots>(&page.truth?.body).ok().filter(|_| fits)
    });
    let row = there.and_then(|list| list.snapshots.into_iter().next_back());
    world.liars.api.move_to(id(&second)?, 0);
    drop(fork);
    let row = row.ok_or_else(|| e2e::Failure::new("the fork shows nothing"))?;
    let lie = On::route(SNAPSHOTS).edits::<Snapshots>(move |s| {
        let mut row = row.clone();
        row.position = s.snapshots.last().map_or(1, |last| last.position + 1);
        s.snapshots.push(row);
    });
    let (_lie, _telling) = tell(world, &first, lie)?;
    let listed = run(first.call(["snapshots"]))?;
    promise(listed.code == ROLLED_BACK, || {
        format!("two services were made of one, and nobody noticed: {listed}")
    })
}

pub(crate) fn older_home(world: &mut World) -> Kept {
    let (api, store) = (world.liars.api.book().now(), world.liars.store.book().now());
    let (today, image) = (world.second.copy()?, world.second.copy()?);
    today.backup_bytes("image", &content("image", 1)).ok()?;
    let outcome = run(image.backup_bytes("image", &content("image", 2)))?;
    ends(&outcome, &[0, ROLLED_BACK], "an older home")?;
    signed_once(&[(world.liars.api.book(), api), (world.liars.store.book(), store)])?;
    let restored = run(image.call_plain(["restore", "latest", "--source", "image", "--stdout"]))?;
    was_backed_up(&restored, &[content("image", 1), content("image", 2)], "an older home")
}

pub(crate) fn older_home_silent(world: &mut World) -> Kept {
    let (today, image) = (world.second.copy()?, world.second.copy()?);
    today.backup_bytes("image", &content("image", 3)).ok()?;
    let outcome = run(image.call_plain(["snapshots"]))?;
    promise(outcome.stderr.contains("older"), || {
        format!("a home from an older disk image is not noticed: {outcome}")
    })
}

/// `pins.db` is deleted or replaced by an older copy: the record next to the keys is just as good.
pub(crate) fn memory_lost(world: &mut World) -> Kept {
    const NAME: &str = "pins.db";
    let second = world.second.copy()?;
    let before = yesterday(world, &second)?;
    let old = std::fs::read(second.home().join(NAME))?;
    second.call(["snapshots"]).ok()?;
    for older in [None, Some(old)] {
        let device = second.copy()?;
        std::fs::remove_file(device.home().join(NAME))?;
        if let Some(old) = older {
            std::fs::write(device.home().join(NAME), old)?;
        }
        for routes in [&VIEW[..], &[SNAPSHOTS]] {
            // Each case starts with the same lost memory.
            let device = device.copy()?;
            let (_lie, _telling) = tell(world, &device, freeze(world, routes, before))?;
            let outcome = run(device.call_plain(["snapshots"]))?;
            ends(&outcome, &[ROLLED_BACK], "yesterday's lists and a lost memory")?;
            promise(outcome.stderr.contains(NAME), || format!("the loss is not named: {outcome}"))?;
            refused(world, &device, "yesterday's lists and a lost memory")?;
        }
        let outcome = run(device.call_plain(["snapshots"]))?;
        ends(&outcome, &[0], "a lost memory, and the truth")?;
        promise(outcome.stderr.contains(NAME), || format!("the loss is not named: {outcome}"))?;
        let outcome = run(device.call_plain(["snapshots"]))?;
        promise(!outcome.stderr.contains(NAME), || format!("the loss is named for ever: {outcome}"))?;
    }
    Ok(())
}

/// One device saw today's state, the other only yesterday's: the first refuses yesterday's, list by list, and the
/// second accepts it.
pub(crate) fn frozen_each(world: &mut World) -> Kept {
    let (second, slow) = (world.second.copy()?, world.fresh.copy()?);
    slow.call(["snapshots"]).ok()?;
    let before = yesterday(world, &second)?;
    second.call(["snapshots"]).ok()?;
    for routes in [&VIEW[..], &[SNAPSHOTS], &[SNAPSHOTS, OBJECTS], &[SNAPSHOTS, DIRECTORY]] {
        let (_lie, _telling) = tell(world, &second, freeze(world, routes, before))?;
        let (_other, _also) = tell(world, &slow, freeze(world, routes, before))?;
        ends(&run(second.call(["snapshots"]))?, &[ROLLED_BACK], "a list that is older than what was seen")?;
        ends(&run(slow.call(["snapshots"]))?, &[0], "a list as old as what was seen")?;
    }
    let restored = run(restore(&slow))?;
    ends(&restored, &[0], "the truth again")
}

/// Each row of devices other than the reader, and a body whose row stays.
pub(crate) fn one_missing(world: &mut World) -> Kept {
    let first = world.first.copy()?;
    let own = id(&first)?;
    let page = world.liars.api.book().now();
    let listed = first.call(["snapshots"]).ok()?;
    let truth = world.liars.api.book().since(page).into_iter().find_map(|page| {
        let fits = SNAPSHOTS.fits(&page.seen.method, &page.seen.path);
        page.truth.filter(|_| fits)
    });
    let rows = truth.map(|truth| serde_json::from_slice::<Snapshots>(&truth.body)).transpose();
    let rows = rows.map_err(e2e::Failure::from)?.map(|list| list.snapshots.len()).unwrap_or_default();
    for row in 0..rows {
        let lie = On::route(SNAPSHOTS).edits::<Snapshots>(move |list| {
            if row < list.snapshots.len() {
                list.snapshots.remove(row);
            }
        });
        let (_lie, _telling) = tell(world, &first, lie)?;
        ends(&run(first.call(["snapshots"]))?, &[ROLLED_BACK], "a row that is missing")?;
    }
    let others = listed["snapshots"].as_array().cloned().unwrap_or_default();
    let other =
        others.iter().find(|row| row["device"] != own.to_string().as_str()).cloned().unwrap_or_default();
    let snapshot = other["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/snapshots/{snapshot}");
    let gone = On::route(get("*")).may_say(move |seen| {
        if seen.path.ends_with(&path) { Verdict::Say(Answer::bytes(404, "")) } else { Verdict::Pass }
    });
    let _telling = world.liars.store.tell(Arc::new(gone));
    // This device has nothing cached.
    let fresh = world.fresh.copy()?;
    ends(&run(fresh.call_plain(["restore", &snapshot, "--stdout"]))?, &[9], "a body that is missing")?;
    let checked = run(fresh.call(["check"]))?;
    ends(&checked, &[9], "a body that is missing")?;
    promise(String::from_utf8_lossy(&checked.stdout).contains(&snapshot), || {
        format!("the snapshot is not named: {checked}")
    })
}
