//! Waits without a visible run: an unreachable service, a proof of work at sign-in.

use std::sync::Arc;

use client_core::event::{Event, Observer};

use super::Window;
use crate::view::WaitView;

/// Reports them to the window.
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
