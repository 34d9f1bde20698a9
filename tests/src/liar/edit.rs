//! A change of one answer, typed by what both sides agree on.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::lie::{Answer, On, Route};

/// One change of one route's answer.
#[derive(Clone, Copy)]
pub struct Edit {
    /// Which lie it belongs to.
    pub lie: u8,
    /// Which answer.
    pub route: Route,
    /// In a few words.
    pub what: &'static str,
    /// The change itself, in place.
    pub change: fn(&mut Value),
}

impl Edit {
    /// As a lie that can be told.
    #[must_use]
    pub fn on(&self) -> On {
        let change = self.change;
        On::route(self.route).does(move |_, answer| match serde_json::from_slice::<Value>(&answer.body) {
            Ok(mut value) if answer.status < 300 => {
                change(&mut value);
                Answer { headers: answer.headers, ..Answer::json(&value) }
            }
            _ => answer,
        })
    }
}

/// Changes a document as its type; one that is of another type stays.
pub(super) fn typed<T: Serialize + DeserializeOwned>(document: &mut Value, edit: impl FnOnce(&mut T)) {
    let Ok(mut value) = serde_json::from_value::<T>(document.clone()) else { return };
    edit(&mut value);
    if let Ok(changed) = serde_json::to_value(&value) {
        *document = changed;
    }
}
