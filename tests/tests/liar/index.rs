//! Lies about the index: it is a cache, and no backup depends on it.

use api_types::{
    ObjectId, ObjectKind,
    vault::{ObjectRow, Objects, ReadGrants},
};
use client_core::{
    crypto::{DeviceSigningKey, Keyring},
    device::DeviceSecrets,
    format::index::{IndexedPack, SegmentHeader, seal_segment},
};
use e2e::{
    Device,
    liar::{
        edits::{OBJECTS, READ_URLS},
        lie::{Answer, On, Verdict, get},
        promise::{Broken, Kept, ends, promise, run},
        world::{SHOP, Stolen, World, content, id},
    },
};

use super::history::{each_edit, restore, tell};

/// Everything a user does still works; a check reports what is wrong with the index.
fn everything_works(world: &World, device: &Device, after: &str) -> Kept {
    for call in [
        restore(device),
        device.backup_bytes(SHOP, &content(SHOP, world.liars.api.book().now())),
        device.call(["snapshots"]),
    ] {
        ends(&run(call)?, &[0], after)?;
    }
    // A service that hides packs from its list is reported as hiding them.
    ends(&run(device.call(["check"]))?, &[0, 9], after)
}

pub(crate) fn junk(world: &mut World) -> Kept {
    for device in [&world.second, &world.fresh] {
        each_edit(world, 14, OBJECTS, device, |device, edit| everything_works(world, device, edit.what))?;
        let device = device.copy()?;
        let (_object, _listed) = planted(world, &device, b"twelve bytes".to_vec())?;
        everything_works(world, &device, "twelve bytes as an index object")?;
    }
    Ok(())
}

pub(crate) fn many_rows(world: &mut World) -> Kept {
    let device = world.second.copy()?;
    // Each object is looked up once; the long run has time for as many as a vault may list.
    let most = if std::env::var_os("LONG").is_some() { 100_000 } else { 3000 };
    let lie = On::route(OBJECTS).does(move |seen, answer| {
        let after: u32 = seen
            .query
            .split('&')
            .find_map(|part| part.strip_prefix("after="))
            .and_then(|number| number.parse().ok())
            .unwrap_or(0);
        if after >= most || !seen.query.contains("kind=index") {
            return answer;
        }
        let objects = (after + 1..=after + 1000)
            .map(|number| {
                let mut id = [0xaa; 32];
                id[..4].copy_from_slice(&number.to_be_bytes());
                ObjectRow { number, id: ObjectId::new(id), kind: ObjectKind::Index, size: 500 }
            })
            .collect();
        Answer::json(&Objects { objects })
    });
    let (lie, _telling) = tell(world, &device, lie)?;
    ends(&run(restore(&device))?, &[0], "index objects that nobody holds")?;
    promise(lie.told() > 0, || "the lie was not told".into())
}

/// An index object listed by the service and served by the store.
fn planted(
    world: &World,
    device: &Device,
    bytes: Vec<u8>,
) -> Result<(ObjectId, [e2e::liar::Telling; 3]), Broken> {
    use sha2::Digest;
    let object = ObjectId::new(sha2::Sha256::digest(&bytes).into());
    let size = bytes.len() as u64;
    let listed = On::route(OBJECTS).does(move |seen, answer| {
        let Ok(mut list) = serde_json::from_slice::<Objects>(&answer.body) else { return answer };
        if seen.query.contains("kind=index") {
            let number = list.objects.last().map_or(1, |row| row.number + 1);
            list.objects.push(ObjectRow { number, id: object, kind: ObjectKind::Index, size });
        }
        Answer::json(&list)
    });
    let origin = DeviceSecrets::of(device)?.vault()?.info.clone();
    let path = format!("/{}/v1/{}/index/{object}", origin.bucket, origin.vault_id);
    let url = format!("{}{path}?X-Amz-Signature=0", origin.storage_origin.trim_end_matches('/'));
    let granted = On::route(READ_URLS).does(move |seen, answer| {
        let wanted =
            seen.json::<api_types::vault::ReadUrls>().map(|wanted| wanted.objects).unwrap_or_default();
        let mut said: ReadGrants =
            serde_json::from_slice(&answer.body).unwrap_or(ReadGrants { grants: Vec::new() });
        if !wanted.contains(&object) {
            return answer;
        }
        let row = ObjectRow { number: 9999, id: object, kind: ObjectKind::Index, size };
        let grant =
            api_types::vault::ReadGrant { object: row, url: url.clone(), expires_at: i64::from(u32::MAX) };
        said.grants.push(grant);
        Answer::json(&said)
    });
    let served = On::route(get("*")).may_say(move |seen| {
        if seen.path == path { Verdict::Say(Answer::bytes(200, bytes.clone())) } else { Verdict::Pass }
    });
    let (_, listing) = tell(world, device, listed)?;
    let (_, granting) = tell(world, device, granted)?;
    Ok((object, [listing, granting, world.liars.store.tell(std::sync::Arc::new(served))]))
}

/// The thief kept the index key and signs an entry that hides a chunk's location.
pub(crate) fn segment_of_thief(world: &mut World) -> Kept {
    let thief = DeviceSecrets::of(&world.thief)?;
    let vault = thief.vault()?;
    let keyring = Keyring::from_bytes(&vault.keyring).map_err(|e| e2e::Failure::new(e.to_string()))?;
    let domain = keyring.domains().first().ok_or_else(|| e2e::Failure::new("no domain"))?;
    let header = SegmentHeader { vault: vault.info.vault_id, domain: domain.id, device: id(&world.thief)? };
    let packs: Vec<IndexedPack> = (0..3)
        .map(|n| IndexedPack { pack: ObjectId::new([0xb0 + n; 32]), size: 4096, entries: Vec::new() })
        .collect();
    let segment = seal_segment(
        &header,
        &domain.index_key,
        &DeviceSigningKey::from_seed(thief.device.signing_key().as_bytes()),
        &packs,
    )
    .map_err(|e| e2e::Failure::new(e.to_string()))?;
    let device = world.second.copy()?;
    let before = device.call(["status"]).ok()?["index"]["packs"].clone();
    let (_object, _telling) = planted(world, &device, segment.bytes.to_vec())?;
    run(device.call(["check"]))?;
    let after = device.call(["status"]).ok()?["index"]["packs"].clone();
    promise(before == after, || {
        format!("packs that a revoked device named are in the index: {before} before, {after} after")
    })
}
