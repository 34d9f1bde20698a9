//! The app's window as the X server sees it: visible or not, and its close button.

use std::time::{Duration, Instant};

use x11rb::{
    connection::Connection,
    protocol::xproto::{AtomEnum, ClientMessageEvent, ConnectionExt, EventMask, MapState, Window},
    rust_connection::RustConnection,
};

use crate::failure::{Context, Failure, Result};

const PATIENCE: Duration = Duration::from_secs(20);

/// The display, and the app's window on it.
pub struct Screen {
    display: RustConnection,
    window: Window,
}

impl Screen {
    /// Finds the window with this title.
    ///
    /// # Errors
    /// There is no such window.
    pub fn find(title: &str) -> Result<Self> {
        let (display, number) = x11rb::connect(None).context("the display")?;
        let root = display.setup().roots.get(number).ok_or_else(|| Failure::new("no screen"))?.root;
        let protocols = atom(&display, "WM_PROTOCOLS")?;
        for window in query(display.query_tree(root).map(|tree| tree.reply()))?.children {
            let property = |name: u32, kind: u32| {
                query(display.get_property(false, window, name, kind, 0, 64).map(|p| p.reply()))
            };
            let named = property(AtomEnum::WM_NAME.into(), AtomEnum::ANY.into())?.value == title.as_bytes();
            // The toolkit has an invisible window of the same name.
            if named && !property(protocols, AtomEnum::ATOM.into())?.value.is_empty() {
                return Ok(Self { display, window });
            }
        }
        Err(Failure::new(format!("there is no window called {title}")))
    }

    /// Presses the close button in the window's frame.
    ///
    /// # Errors
    /// The display is gone.
    pub fn close(&self) -> Result<()> {
        let (protocols, close) =
            (atom(&self.display, "WM_PROTOCOLS")?, atom(&self.display, "WM_DELETE_WINDOW")?);
        let message = ClientMessageEvent::new(32, self.window, protocols, [close, 0, 0, 0, 0]);
        query(
            self.display
                .send_event(false, self.window, EventMask::NO_EVENT, message)
                .map(|sent| sent.check()),
        )
    }

    /// Waits until the window is visible, or hidden.
    ///
    /// # Errors
    /// It did not happen in time.
    pub fn waits_until(&self, there: bool) -> Result<()> {
        let started = Instant::now();
        while self.is_there()? != there {
            if started.elapsed() > PATIENCE {
                return Err(Failure::new(if there { "the window stays away" } else { "the window stays" }));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn is_there(&self) -> Result<bool> {
        let attributes = query(self.display.get_window_attributes(self.window).map(|a| a.reply()))?;
        Ok(attributes.map_state == MapState::VIEWABLE)
    }
}

fn atom(display: &RustConnection, name: &str) -> Result<u32> {
    Ok(query(display.intern_atom(false, name.as_bytes()).map(|atom| atom.reply()))?.atom)
}

/// The reply, or the error of either the request or the reply.
fn query<T, A, B>(asked: std::result::Result<std::result::Result<T, A>, B>) -> Result<T>
where
    A: std::error::Error + Send + Sync + 'static,
    B: std::error::Error + Send + Sync + 'static,
{
    asked.context("the display")?.context("the display")
}
