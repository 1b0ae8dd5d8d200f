//! What systemd is told, and what it tells: readiness, the watchdog, signals.

use anyhow::{Context, Result};
use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Tells systemd, where it listens, that the daemon is ready, and then that it is alive, for as
/// long as the runtime goes on.
pub(crate) fn ready() {
    tell(NotifyState::Ready);
    let Some(within) = watchdog_enabled() else { return };
    tokio::spawn(async move {
        loop {
            tell(NotifyState::Watchdog);
            tokio::time::sleep(within / 2).await;
        }
    });
}

/// Tells it that the daemon is about to end.
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

/// SIGTERM and Ctrl-C, from when this was made. They are heard on a thread of its own, so that the
/// second one ends the process whatever keeps all others busy.
pub(crate) struct Signals(watch::Receiver<bool>);

impl Signals {
    /// Takes the signals over from the system's default, which would end the process.
    ///
    /// # Errors
    ///
    /// Where the system refuses.
    pub(crate) fn listen() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.context("starting to listen for signals")?;
        let heard = {
            let _entered = runtime.enter();
            Heard {
                terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
                interrupt: signal(SignalKind::interrupt()).context("listening for Ctrl-C")?,
            }
        };
        let (teller, told) = watch::channel(false);
        let listen = move || {
            runtime.block_on(async move {
                let mut heard = heard;
                heard.next().await;
                teller.send_replace(true);
                heard.next().await;
                end_at_once()
            })
        };
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread.spawn(listen).context("starting to listen for signals")?;
        Ok(Self(told))
    }

    /// Resolves once the first of them has come.
    pub(crate) async fn told(&mut self) {
        // The thread ends with the process.
        drop(self.0.wait_for(|told| *told).await);
    }
}

struct Heard {
    terminate: Signal,
    interrupt: Signal,
}

impl Heard {
    /// Resolves with the next of them.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ends the process without another word: somebody has asked twice.
#[expect(clippy::exit, reason = "whoever asks twice does not want to wait for destructors")]
fn end_at_once() -> ! {
    crate::output::tell("duban: ended at once; what was answered is on the disk");
    std::process::exit(1)
}
