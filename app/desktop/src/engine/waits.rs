//! What a person waits for while no run is shown: a service that is away, work that it asks for at sign-in.

use std::sync::Arc;

use client_core::event::{Event, Observer};

use super::Window;
use crate::view::WaitView;

/// Tells the window of it.
pub(super) struct Waits(pub(super) Arc<dyn Window>);

impl Observer for Waits {
    fn event(&self, event: &Event) {
        match event {
            Event::Away { seconds, limit, .. } => {
                self.0.waits(&WaitView::Away { seconds: *seconds, limit: *limit });
            }
            Event::Proving { seconds, about } => {
                self.0.waits(&WaitView::Proving { left: about.saturating_sub(*seconds).max(1) });
            }
            Event::Reachable | Event::Proven => self.0.waits(&WaitView::Over),
            _ => {}
        }
    }
}
