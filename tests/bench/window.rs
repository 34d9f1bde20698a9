//! Start time of the window, and its cost when idle. Prints figures without limits. `DESKTOP_BIN` names a release
//! build; needs a display (`xvfb-run -a sealkeep-bench-window`).

use std::{
    io::{Write, stdout},
    time::Duration,
};

use e2e::{Result, Stage, Window, files};

const STARTS: usize = 5;
const REST: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> Result<()> {
    let stage = Stage::shared()?;
    let home = files::temporary()?;
    for _ in 0..STARTS {
        let window = Window::open(&stage.service, home.path()).await?;
        window.heading("").await?;
        writeln!(stdout(), "{}", window.measure(REST).await?)?;
    }
    Ok(())
}
