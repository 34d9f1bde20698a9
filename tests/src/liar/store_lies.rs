//! What a store can do to a device that fetches an object. The service's own requests are left alone.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use super::{
    Liars,
    lie::{Answer, On, Route, Seen, get, put},
};

/// Any object.
pub const STORE: Route = get("*");
/// Any upload.
pub const STORE_PUT: Route = put("*");
/// Time per byte of a slow store, which never stalls completely.
const DRIP: Duration = Duration::from_millis(200);

/// A change of the store's response.
pub struct StoreLie {
    /// A short description.
    pub what: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// The same for every request.
    Always(fn(Answer) -> Answer),
    /// Only for the first fetch of an object; later ones are correct.
    Once(fn(Answer) -> Answer),
    /// An older object of the same kind, complete and authentic.
    Older { of_that_length: bool },
}

/// All of them.
pub const STORE_LIES: &[StoreLie] = &[
    always("a bit flipped", flipped),
    always("cut", |answer| change(answer, |bytes| bytes.truncate(bytes.len() / 2))),
    always("longer", |answer| change(answer, |bytes| bytes.extend_from_slice(&[0; 100]))),
    always("other bytes of that length", |answer| change(answer, |bytes| bytes.fill(0x5a))),
    always("gone", |_| Answer::bytes(404, Bytes::new())),
    always("a redirect", |_| Answer::bytes(302, Bytes::new())),
    always("a byte now and then", |answer| Answer { drip: Some(DRIP), ..answer }),
    StoreLie { what: "an older object of that length", kind: Kind::Older { of_that_length: true } },
    StoreLie { what: "the oldest object of that kind", kind: Kind::Older { of_that_length: false } },
    StoreLie { what: "the right bytes on the second try", kind: Kind::Once(flipped) },
    StoreLie {
        what: "all of it on the second try",
        kind: Kind::Once(|answer| change(answer, |bytes| bytes.truncate(bytes.len() / 2))),
    },
];

const fn always(what: &'static str, change: fn(Answer) -> Answer) -> StoreLie {
    StoreLie { what, kind: Kind::Always(change) }
}

fn change(answer: Answer, change: impl FnOnce(&mut Vec<u8>)) -> Answer {
    let mut bytes = answer.body.to_vec();
    change(&mut bytes);
    Answer { body: bytes.into(), ..answer }
}

fn flipped(answer: Answer) -> Answer {
    change(answer, |bytes| {
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
    })
}

impl StoreLie {
    /// Whether a retry gets the truth.
    #[must_use]
    pub const fn is_once(&self) -> bool {
        matches!(self.kind, Kind::Once(_))
    }

    /// The change as a lie.
    #[must_use]
    pub fn on(&self, liars: &Arc<Liars>) -> On {
        let (kind, liars, tried) = (self.kind, Arc::downgrade(liars), Mutex::new(HashSet::new()));
        let first =
            move |seen: &Seen| tried.lock().unwrap_or_else(PoisonError::into_inner).insert(seen.path.clone());
        On::route(STORE).does(move |seen, answer| match kind {
            _ if !seen.presigned() || answer.status >= 300 => answer,
            Kind::Always(change) => change(answer),
            Kind::Once(change) if first(seen) => change(answer),
            Kind::Once(_) => answer,
            Kind::Older { of_that_length } => {
                let len = of_that_length.then_some(answer.body.len());
                let older =
                    liars.upgrade().and_then(|liars| liars.store.book().other_object(&seen.path, len));
                match older {
                    Some(body) => Answer { body, ..answer },
                    None => answer,
                }
            }
        })
    }
}
