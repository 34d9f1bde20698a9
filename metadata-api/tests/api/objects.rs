//! Objects: confirmation, batches and numbers; refused requests change nothing.

use api_types::{
    ObjectKind,
    backup::{Confirm, Confirmed, WantUpload},
    vault::{ReadGrants, ReadUrls},
};

use crate::support::member::{announce, id_of, member, objects, random, upload};

#[test]
fn confirm_trusts_only_the_store() {
    let member = member();
    let run = member.begin();
    let (sent, unsent) = (random(1000), random(1000));
    let grants = member.want(run, &[(ObjectKind::Pack, &sent), (ObjectKind::Index, &unsent)]);
    assert_eq!(upload(&grants[0], &sent).status, 200);
    let confirm = Confirm { objects: vec![id_of(&unsent), id_of(&sent), id_of(b"never granted")] };
    for _ in 0..2 {
        let response: Confirmed = member.post(&format!("runs/{run}/confirm"), &confirm).ok();
        assert_eq!(response.stored, [id_of(&sent)]);
        assert_eq!(response.absent, [id_of(&unsent), id_of(b"never granted")]);
    }
    assert_eq!(objects(&member).objects.len(), 1);
    let grants: ReadGrants =
        member.post("objects/read-urls", &ReadUrls { objects: vec![id_of(&unsent)] }).ok();
    assert!(grants.grants.is_empty(), "granted is not stored");
}

/// H8: every device of the vault would read twelve bytes as an index.
#[test]
fn confirm_refuses_objects_that_are_no_index_or_key() {
    let member = member();
    let run = member.begin();
    let confirm = |bytes: &[&Vec<u8>]| {
        let objects = bytes.iter().map(|bytes| id_of(bytes)).collect();
        member.post(&format!("runs/{run}/confirm"), &Confirm { objects })
    };
    let with = |beginning: &[u8], len: usize| {
        let mut bytes = random(len);
        bytes[..beginning.len()].copy_from_slice(beginning);
        bytes
    };
    let (index, key) = (&b"SKINDX01"[..], &b"age-encryption.org/v1\n"[..]);
    let pack = random(1000);
    assert_eq!(upload(&member.want(run, &[(ObjectKind::Pack, &pack)])[0], &pack).status, 200);
    for (kind, bytes) in [
        (ObjectKind::Index, b"twelve bytes".to_vec()),
        (ObjectKind::Index, random(5000)),
        (ObjectKind::Index, with(index, 200)),
        (ObjectKind::Index, with(b"SKIND", 5000)),
        (ObjectKind::Index, with(b"SKSNAP01", 5000)),
        (ObjectKind::Index, with(key, 5000)),
        (ObjectKind::Key, random(12)),
        (ObjectKind::Key, with(index, 5000)),
        (ObjectKind::Key, with(key, 199)),
    ] {
        assert_eq!(upload(&member.want(run, &[(kind, &bytes)])[0], &bytes).status, 200);
        let reply = confirm(&[&pack, &bytes]);
        assert_eq!(reply.refusal(), (422, "content_invalid".into()), "{kind:?}, {} bytes", bytes.len());
        assert_eq!(reply.named_objects(), [id_of(&bytes)]);
        assert!(objects(&member).objects.is_empty(), "a request that is refused changes nothing");
    }
    // Readers verify what follows a valid beginning; a pack may begin with anything.
    let (index, key) = (with(index, 201), with(key, 100_000));
    for (kind, bytes) in [(ObjectKind::Index, &index), (ObjectKind::Key, &key)] {
        assert_eq!(upload(&member.want(run, &[(kind, bytes)])[0], bytes).status, 200);
    }
    let confirmed: Confirmed = confirm(&[&pack, &index, &key]).ok();
    assert_eq!(confirmed.stored, [id_of(&pack), id_of(&index), id_of(&key)]);
    assert_eq!(objects(&member).objects.len(), 3);
}

#[test]
fn batches_are_bounded_and_ids_mean_one_thing() {
    let member = member();
    let run = member.begin();
    let path = format!("runs/{run}/objects");
    let object = announce(ObjectKind::Pack, b"some bytes");
    let invalid = (400, "invalid_request".to_owned());
    for objects in [vec![], vec![object; 257]] {
        assert_eq!(member.post(&path, &WantUpload { objects }).refusal(), invalid);
    }
    for size in [0, api_types::backup::MAX_OBJECT_SIZE + 1, u64::MAX] {
        let objects = vec![api_types::backup::NewObject { size, ..object }];
        assert_eq!(member.post(&path, &WantUpload { objects }).refusal(), invalid, "{size}");
    }
    let confirm = |objects| member.post(&format!("runs/{run}/confirm"), &Confirm { objects });
    assert_eq!(confirm(vec![]).refusal(), invalid);
    assert_eq!(confirm(vec![object.id; 257]).refusal(), invalid);
    assert_eq!(member.post("objects/read-urls", &ReadUrls { objects: vec![] }).refusal(), invalid);
    for query in [
        "objects?limit=0",
        "objects?limit=1001",
        "objects?kind=other",
        "objects?x=1",
        "snapshots?limit=0",
        "runs?limit=1001",
    ] {
        assert_eq!(member.get(query).refusal(), invalid, "{query}");
    }

    // Requested twice in one batch, and again later: one number.
    let both = WantUpload { objects: vec![object, object] };
    let grants: api_types::backup::UploadGrants = member.post(&path, &both).ok();
    assert_eq!(grants.grants[0].number, grants.grants[1].number);
    let again: api_types::backup::UploadGrants = member.post(&path, &both).ok();
    assert_eq!(again.grants[0].number, grants.grants[0].number);
    for other in [
        api_types::backup::NewObject { kind: ObjectKind::Index, ..object },
        api_types::backup::NewObject { size: object.size + 1, ..object },
    ] {
        let reply = member.post(&path, &WantUpload { objects: vec![other] });
        assert_eq!(reply.refusal(), (409, "conflict".into()));
        assert_eq!(reply.named_objects(), [object.id]);
    }
    assert!(objects(&member).objects.is_empty());
}

#[test]
fn concurrent_grants_never_share_a_number() {
    let member = std::sync::Arc::new(member());
    let run = member.begin();
    let shared = random(64);
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let (member, shared) = (member.clone(), shared.clone());
            std::thread::spawn(move || {
                let mine = random(64);
                let grants = member.want(run, &[(ObjectKind::Pack, &mine), (ObjectKind::Pack, &shared)]);
                (grants[0].number, grants[1].number)
            })
        })
        .collect();
    let numbers: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(numbers.iter().all(|(_, shared)| *shared == numbers[0].1), "{numbers:?}");
    let own: std::collections::BTreeSet<_> = numbers.iter().map(|(own, _)| own).collect();
    assert_eq!(own.len(), 6, "{numbers:?}");
}
