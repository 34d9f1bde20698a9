//! Lies about objects, and by the store that holds them.

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use api_types::{ErrorCode, ObjectId, backup::Confirm, backup::Confirmed};
use client_core::{
    crypto::{Keyring, Recipient},
    device::DeviceSecrets,
    encode::Encoded,
    format::pack::{PackReader, PackWriter, Recipients},
};
use e2e::{
    Call, Device,
    liar::{
        edits::{COMMIT, CONFIRM, EDITS, GRANTS, READ_URLS},
        lie::{Answer, On, Verdict, get, put},
        promise::{ANY, Broken, Kept, Secrets, ends, promise, run, was_backed_up},
        store_lies::{STORE, STORE_LIES},
        world::{Stolen, World, content},
    },
};

use super::history::{each_edit, restore, tell};

/// A source used by one device only, so that its packs are known.
fn stored(world: &World, name: &str, bytes: &[u8]) -> Result<(Device, String), e2e::Failure> {
    let device = world.second.copy()?;
    let done = device.backup_bytes(name, bytes).ok()?;
    let id = done["snapshot_id"].as_str().unwrap_or_default().to_owned();
    Ok((device, id))
}

pub(crate) fn nothing_stored(world: &mut World) -> Kept {
    let device = world.second.copy()?;
    let dropped = On::route(put("*")).may_say(|seen| {
        if seen.path.contains("/packs/") { Verdict::Say(Answer::bytes(200, "")) } else { Verdict::Pass }
    });
    let confirmed = On::route(CONFIRM).says(|seen| {
        let stored = seen.json::<Confirm>().map(|wanted| wanted.objects).unwrap_or_default();
        Answer::json(&Confirmed { stored, absent: Vec::new() })
    });
    {
        let _dropping = world.liars.store.tell(Arc::new(dropped));
        let (_c, _confirming) = tell(world, &device, confirmed)?;
        let commits = world.liars.api.book().count(0, COMMIT);
        for _twice in 0..2 {
            let outcome = run(device.backup_bytes("hollow", &content("hollow", 1)))?;
            ends(&outcome, &[9], "packs that are confirmed and not stored")?;
        }
        promise(world.liars.api.book().count(0, COMMIT) == commits, || "a hollow snapshot was made".into())?;
    }
    // None of it is believed to be stored: once the truth is told, it is sent.
    device.backup_bytes("hollow", &content("hollow", 1)).ok()?;
    let whole = run(device.call_plain(["restore", "latest", "--source", "hollow", "--stdout"]))?;
    ends(&whole, &[0], "the truth again")?;
    was_backed_up(&whole, &[content("hollow", 1)], "the truth again")?;
    for route in [CONFIRM, GRANTS] {
        each_edit(world, 16, route, &world.second, |device, edit| {
            ends(&run(device.backup_bytes("hollow", &content("hollow", 2)))?, &ANY, edit.what)?;
            ends(&run(restore(device))?, &[0], edit.what)
        })?;
    }
    Ok(())
}

pub(crate) fn called_missing(world: &mut World) -> Kept {
    let bytes = content("missing", 1);
    let (device, _) = stored(world, "missing", &bytes)?;
    let packs: Vec<ObjectId> =
        world.service.bucket().of_kind("packs")?.into_keys().filter_map(|id| id.parse().ok()).collect();
    let lie = On::route(COMMIT)
        .says(move |_| Answer::problem(ErrorCode::MissingObjects, |problem| problem.objects = packs.clone()));
    {
        let (lie, _telling) = tell(world, &device, lie)?;
        let mut more = bytes.clone();
        more.extend_from_slice(b"more");
        ends(&run(device.backup_bytes("missing", &more))?, &ANY, "packs that are called missing")?;
        promise(lie.told() > 0, || "the lie was not told".into())?;
    }
    let page = world.liars.store.book().now();
    device.backup_bytes("missing", &bytes).ok()?;
    let sent: usize = world
        .liars
        .store
        .book()
        .since(page)
        .iter()
        .filter(|page| page.seen.method == "PUT" && page.seen.path.contains("/packs/"))
        .map(|page| page.seen.body.len())
        .sum();
    promise(sent < bytes.len() / 2, || format!("{sent} bytes that the store still holds were sent again"))
}

/// A server that nobody may be redirected to: it counts its visitors.
struct Trap {
    port: u16,
    visits: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Trap {
    fn set() -> Result<Self, e2e::Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (visits, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counting, ending) = (Arc::clone(&visits), Arc::clone(&over));
        std::thread::spawn(move || {
            for _visit in listener.incoming().flatten() {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                counting.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { port, visits, over })
    }

    fn untouched(&self, after: &str) -> Kept {
        let visits = self.visits.load(Ordering::SeqCst);
        promise(visits == 0, || format!("P10: \"{after}\" led {visits} times to another origin"))
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(std::net::TcpStream::connect(("127.0.0.1", self.port)));
    }
}

pub(crate) fn read_elsewhere(world: &mut World) -> Kept {
    let trap = Trap::set()?;
    let port = trap.port;
    let harmless = ["another number", "past its time"];
    for edit in EDITS.iter().filter(|edit| edit.lie == 18 && edit.route == READ_URLS) {
        // Nothing is cached, so everything has to be fetched.
        let device = world.fresh.copy()?;
        let secrets = Secrets::of(&device)?;
        let change = edit.change;
        let lie = On::route(READ_URLS).does(move |_, answer| {
            let Ok(mut value) = serde_json::from_slice(&answer.body) else { return answer };
            change(&mut value);
            let text = value.to_string().replace("127.0.0.1:9/", &format!("127.0.0.1:{port}/"));
            Answer { body: text.into(), ..answer }
        });
        let (lie, _telling) = tell(world, &device, lie)?;
        let outcome = run(restore(&device))?;
        promise(lie.told() > 0, || format!("\"{}\" was not told", edit.what))?;
        let codes: &[i32] = if harmless.contains(&edit.what) { &[0] } else { &[4, 5, 9] };
        ends(&outcome, codes, edit.what)?;
        was_backed_up(&outcome, &[restored_by(&world.first)?], edit.what)?;
        secrets.unchanged(&device, edit.what)?;
        trap.untouched(edit.what)?;
    }
    let device = world.fresh.copy()?;
    let redirect = On::route(get("*")).may_say(move |seen| {
        if !seen.presigned() {
            return Verdict::Pass;
        }
        let mut answer = Answer::bytes(302, "");
        if let Ok(to) = format!("http://127.0.0.1:{port}/").parse() {
            answer.headers.insert("location", to);
        }
        Verdict::Say(answer)
    });
    let _telling = world.liars.store.tell(Arc::new(redirect));
    ends(&run(restore(&device))?, &[5, 9], "a redirect")?;
    trap.untouched("a redirect")
}

fn restored_by(device: &Device) -> Result<Vec<u8>, e2e::Failure> {
    Ok(run(restore(&device.copy()?))?.stdout)
}

pub(crate) fn upload_elsewhere(world: &mut World) -> Kept {
    let trap = Trap::set()?;
    let port = trap.port;
    for edit in EDITS.iter().filter(|edit| edit.lie == 18 && edit.route == GRANTS) {
        let device = world.second.copy()?;
        let change = edit.change;
        let lie = On::route(GRANTS).does(move |_, answer| {
            let Ok(mut value) = serde_json::from_slice(&answer.body) else { return answer };
            change(&mut value);
            let text = value.to_string().replace("127.0.0.1:9/", &format!("127.0.0.1:{port}/"));
            Answer { body: text.into(), ..answer }
        });
        let (_lie, _telling) = tell(world, &device, lie)?;
        let codes: &[i32] = if edit.what == "past its time" { &[0] } else { &[4, 5] };
        ends(&run(device.backup_bytes("upload", &content("upload", 1)))?, codes, edit.what)?;
        trap.untouched(edit.what)?;
    }
    Ok(())
}

/// Scaled: a slow store is abandoned within seconds.
fn with_short_timeouts(call: Call) -> Call {
    call.env("SEALKEEP_STALL_TIMEOUT", "3").env("SEALKEEP_PATIENCE", "4")
}

pub(crate) fn other_bytes(world: &mut World) -> Kept {
    let bytes = content("bytes", 1);
    let (source, snapshot) = stored(world, "bytes", &bytes)?;
    stored(world, "bytes of that length", &content("bytes", 2))?;
    let call = |device: &Device| with_short_timeouts(device.call_plain(["restore", &snapshot, "--stdout"]));
    for lie in STORE_LIES {
        // A device that knows all locations, and one that has to fetch the index.
        for (device, who) in [(&source, "who made it"), (&world.fresh, "who has nothing at hand")] {
            let (device, after) = (device.copy()?, format!("{}, for {who}", lie.what));
            let page = world.liars.store.book().now();
            {
                let _telling = world.liars.store.tell(Arc::new(lie.on(&world.liars)));
                let outcome = run(call(&device))?;
                // A second fetch counts only if it is correct.
                ends(&outcome, if lie.is_once() { &[0, 9] } else { &[5, 9] }, &after)?;
                was_backed_up(&outcome, std::slice::from_ref(&bytes), &after)?;
                promise(outcome.code == 0 || outcome.stdout.is_empty(), || {
                    format!("after \"{after}\" bytes were handed out before the damage was named: {outcome}")
                })?;
                promise(world.liars.store.book().lied(page), || format!("\"{after}\" was not told"))?;
            }
            let outcome = run(call(&device))?;
            promise(outcome.code == 0 && outcome.stdout == bytes, || {
                format!("after \"{after}\" ended: {outcome}")
            })?;
        }
    }
    // Another object of the same kind and length, complete and authentic, under the first one's name.
    let device = source.copy()?;
    let bucket = world.service.bucket();
    let packs = bucket.of_kind("packs")?;
    let whole: Vec<Vec<u8>> = packs.values().map(|pack| pack.bytes()).collect::<Result<_, _>>()?;
    let swapped = On::route(STORE).does(move |seen, answer| {
        let other = whole.iter().find(|pack| pack.len() == answer.body.len() && **pack != answer.body);
        match other {
            Some(other) if seen.presigned() && seen.path.contains("/packs/") => {
                Answer { body: other.clone().into(), ..answer }
            }
            _ => answer,
        }
    });
    let _telling = world.liars.store.tell(Arc::new(swapped));
    let outcome = run(call(&device))?;
    ends(&outcome, &[9], "an authentic pack under another's name")?;
    was_backed_up(&outcome, &[bytes], "an authentic pack under another's name")
}

/// The same pack with other bytes in its chunks, made by somebody who knows the vault's public recipients and chunk
/// ids.
fn forge(honest: &[u8], world: &World) -> Result<Vec<u8>, Broken> {
    let text = |e: &dyn std::fmt::Display| e2e::Failure::new(e.to_string());
    let thief = DeviceSecrets::of(&world.thief)?;
    let vault = thief.vault()?;
    let keyring = Keyring::from_bytes(&vault.keyring).map_err(|e| text(&e))?;
    let read = keyring.current_identity().ok_or_else(|| e2e::Failure::new("no identity"))?;
    let recovery = vault.recovery_recipient.parse::<Recipient>().map_err(|e| text(&e))?;
    let recipients = Recipients::new(read.recipient(), recovery);
    let reader =
        PackReader::open(honest, keyring.vault(), keyring.read_identities()).map_err(|e| text(&e))?;
    let mut writer = PackWriter::new(keyring.vault(), keyring.epoch(), &recipients).map_err(|e| text(&e))?;
    for entry in reader.entries() {
        let encoded = reader.open_record_in(entry, honest).map_err(|e| text(&e))?;
        let mut evil = vec![0x5a; usize::try_from(entry.plain_len).unwrap_or_default()];
        evil.iter_mut().zip(b"\n\\! echo forged\n").for_each(|(to, from)| *to = *from);
        let evil = Encoded { bytes: evil, ..encoded };
        writer.push(entry.chunk_id, &evil).map_err(|e| text(&e))?;
    }
    Ok(writer.finish().map_err(|e| text(&e))?.bytes.to_vec())
}

pub(crate) fn foreign_pack(world: &mut World) -> Kept {
    let bytes = content("foreign", 1);
    let (device, snapshot) = stored(world, "foreign", &bytes)?;
    let forged = Mutex::new(Vec::new());
    let mut packs = Vec::new();
    for pack in world.service.bucket().of_kind("packs")?.into_values() {
        let honest = pack.bytes()?;
        if let Ok(evil) = forge(&honest, world) {
            packs.push((pack.key, evil));
        }
    }
    promise(!packs.is_empty(), || "no pack could be forged".into())?;
    *forged.lock().unwrap_or_else(PoisonError::into_inner) = packs;
    let lie = On::route(STORE).does(move |seen, answer| {
        let packs = forged.lock().unwrap_or_else(PoisonError::into_inner);
        let evil = packs.iter().find(|(key, _)| seen.presigned() && seen.path.ends_with(key.as_str()));
        match evil {
            // The old promise compared nothing but the length.
            Some((_, evil)) => {
                let mut evil = evil.clone();
                evil.resize(answer.body.len(), 0);
                Answer { body: evil.into(), ..answer }
            }
            None => answer,
        }
    });
    let lie = Arc::new(lie);
    let _telling = world.liars.store.tell(lie.clone());
    for call in [
        device.call_plain(["restore", &snapshot, "--stdout"]),
        device.copy()?.call_plain(["restore", &snapshot, "--to", "forged"]),
    ] {
        let outcome = run(call)?;
        ends(&outcome, &[9], "a pack of somebody else's making")?;
        let given = String::from_utf8_lossy(&outcome.stdout).contains("echo forged");
        promise(!given, || "forged bytes reached the pipe".into())?;
    }
    promise(lie.told() > 0, || "the lie was not told".into())
}
