//! What systemd is told, and what it tells: readiness, the watchdog, signals.

use anyhow::{Context, Result};
use sd_notify::{NotifyState, notify, watchdog_enabled};
use tokio::signal::unix::{Signal, SignalKind, signal};

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

/// SIGTERM and Ctrl-C, from when this was made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from the system's default, which would end the process.
    ///
    /// # Errors
    ///
    /// Where the system refuses.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listening for Ctrl-C")?,
        })
    }

    /// Resolves with the next of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ends the process without another word: somebody has asked twice.
#[expect(clippy::exit, reason = "whoever asks twice does not want to wait for destructors")]
pub(crate) fn end_at_once() -> ! {
    eprintln!("duban: ended at once; what was answered is on the disk");
    std::process::exit(1)
}
