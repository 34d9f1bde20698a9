//! A typed change of one response.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::lie::{Answer, On, Route};

/// A change of one route's response.
#[derive(Clone, Copy)]
pub struct Edit {
    /// The lie it belongs to.
    pub lie: u8,
    /// The route.
    pub route: Route,
    /// A short description.
    pub what: &'static str,
    /// The change, made in place.
    pub change: fn(&mut Value),
}

impl Edit {
    /// The change as a lie.
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

/// Changes a document through its type; a document of another type stays as it is.
pub(super) fn typed<T: Serialize + DeserializeOwned>(document: &mut Value, edit: impl FnOnce(&mut T)) {
    let Ok(mut value) = serde_json::from_value::<T>(document.clone()) else { return };
    edit(&mut value);
    if let Ok(changed) = serde_json::to_value(&value) {
        *document = changed;
    }
}
