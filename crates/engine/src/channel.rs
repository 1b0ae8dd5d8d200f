//! How messages reach people: the [`Channel`] trait, and two channels that need no network.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use duban_calendar::Instant;
use duban_core::Sent;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::clock::BoxFuture;

/// A message on its way to people. It may come more than once, always with the same `id`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    /// `CASE-SEQ`, or a name of its own where no event sends it: the same at every attempt.
    pub id: String,
    /// The case.
    pub case: String,
    /// The position of its event in the case's log.
    pub seq: u64,
    /// What it is, for example `remind`.
    pub kind: String,
    /// When it came about.
    pub at: Instant,
    /// Which attempt, from 1. Waiting for a channel's hours or turn is none.
    pub attempt: u32,
    /// The present moment by the engine's clock. It is no part of the message.
    #[serde(skip)]
    pub now: Instant,
    /// What it says and to whom.
    pub sent: Sent,
}

/// Why a delivery did not arrive.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChannelError {
    /// It may arrive later.
    #[error("{error}")]
    Retry {
        /// What happened.
        error: String,
        /// When to try again, if the other side said so; otherwise the engine's back-off holds.
        after: Option<Duration>,
    },
    /// It will never arrive: park it as a dead letter.
    #[error("{error}")]
    Dead {
        /// What happened.
        error: String,
    },
    /// It must not be sent before `until`. That is no failed attempt, however often it comes.
    #[error("held until {until}")]
    Hold {
        /// When to ask again.
        until: Instant,
        /// What it waits for.
        why: Hold,
    },
}

/// What a message waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hold {
    /// The channel's hours. A reminder that a later one of the same item overtakes meanwhile is
    /// not sent any more.
    Hours,
    /// Its turn: the channel takes only so many in a minute.
    Turn,
}

/// A way by which messages reach people.
///
/// The engine calls a channel at least once for each message, from its own threads and for
/// several messages at a time. An attempt that takes longer than the limit `delivery_ms_max` is
/// dropped and tried again.
pub trait Channel: Send + Sync + 'static {
    /// Its name in logs, in errors and in the store: which channels have taken a message is kept
    /// under it. No two channels of an engine may share one, and one that changes its name gets
    /// again what is still under way.
    fn name(&self) -> &str;

    /// Whether a message is meant for this channel; others pass it by.
    fn carries(&self, _delivery: &Delivery) -> bool {
        true
    }

    /// Hands a message over; `Ok` once the other side has taken it.
    ///
    /// # Errors
    ///
    /// [`ChannelError`] says whether to try again.
    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>>;
}

/// Writes each message to the log of the process, at level `info`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogChannel;

impl Channel for LogChannel {
    fn name(&self) -> &'static str {
        "log"
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        let to: Vec<String> = delivery.sent.to.iter().map(ToString::to_string).collect();
        tracing::info!(
            id = delivery.id,
            kind = delivery.kind,
            to = to.join(" "),
            text = delivery.sent.text,
            "delivery"
        );
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Appends each message to a file as one line of JSON.
///
/// A message has arrived when its line is on the disk; lines that come together share one disk
/// synchronisation. After a failure the last line may be cut short; the message comes again.
#[derive(Debug)]
pub struct FileChannel {
    lines: mpsc::Sender<Line>,
}

/// A line on its way to the file.
struct Line {
    text: String,
    done: oneshot::Sender<Result<(), String>>,
}

impl FileChannel {
    /// Opens the file for appending, or makes it. One thread writes it until the channel is
    /// dropped.
    ///
    /// # Errors
    ///
    /// What opening the file, or starting the thread, gave.
    pub fn open(path: impl AsRef<Path>) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let (lines, inbox) = mpsc::channel();
        std::thread::Builder::new()
            .name("duban-file".to_owned())
            .spawn(move || write_lines(file, &inbox))?;
        Ok(Self { lines })
    }
}

/// Lines that one disk synchronisation may cover.
const LINES_MAX: usize = 1_024;

fn write_lines(mut file: File, inbox: &mpsc::Receiver<Line>) {
    while let Ok(first) = inbox.recv() {
        let mut batch = vec![first];
        while batch.len() < LINES_MAX
            && let Ok(line) = inbox.try_recv()
        {
            batch.push(line);
        }
        let text: String = batch.iter().map(|line| line.text.as_str()).collect();
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        let answer = written.map_err(|error| error.to_string());
        for line in batch {
            // Whoever waited may have given up; the line comes again then.
            drop(line.done.send(answer.clone()));
        }
    }
}

impl Channel for FileChannel {
    fn name(&self) -> &'static str {
        "file"
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let mut text = serde_json::to_string(delivery)
                .map_err(|error| ChannelError::Dead { error: error.to_string() })?;
            text.push('\n');
            let (done, answer) = oneshot::channel();
            let gone = || retry("the file's thread has ended".to_owned());
            self.lines.send(Line { text, done }).map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?.map_err(retry)
        })
    }
}

fn retry(error: String) -> ChannelError {
    ChannelError::Retry { error, after: None }
}
