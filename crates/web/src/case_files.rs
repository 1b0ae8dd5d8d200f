//! Files given for cases: who gave what for which case, and what goes again because no move
//! named it.
//!
//! Files lie under their content, so one file may be given for many cases. For each case and file
//! there is a document `evidence/CASE/DIGEST` that says who gave it; `evidence-of/DIGEST/CASE` is
//! the same the other way round, so that nothing is taken away that another case rests on. While
//! no move has named a file, `evidence-waiting/CASE/DIGEST` stands beside it: once its time is
//! over, the case's events are looked at, and the file stays or goes.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::time::Duration;

use axum::body::Bytes;
use duban_calendar::{Instant, Tz, date_of};
use duban_core::{CaseId, Event, Evidence as Named, decode};
use duban_engine::{BoxFuture, Engine, EvidenceCheck, EvidenceError};
use duban_store::{Store, StoreError};
use futures_util::{Stream, stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::evidence::{Evidence, FileError, Incoming, is_digest};
use crate::server::App;

/// What every address begins with; the digest follows.
const SCHEME: &str = "sha256:";

/// How long a file waits for a move that names it, in milliseconds.
const WAITING_MS_MAX: i64 = 24 * 3_600_000;

/// How often files are looked at that no move has named.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// Documents or events that are read at once.
const READ_MAX: u32 = 500;

/// How much of a file of this machine is read at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Days are counted where the offices are.
const ZONE: Tz = Tz::Asia__Shanghai;

/// Files given for the cases of one database. A cheap handle.
///
/// It is also what the engine asks before a move that names files is made: hand it over as
/// [`Options::evidence`](duban_engine::Options::evidence).
#[derive(Clone, Debug)]
pub struct CaseFiles<S> {
    store: S,
    files: Evidence,
}

/// For which case a file is given, and by whom.
#[derive(Clone, Debug)]
pub struct Giving<'a> {
    /// The case.
    pub case: &'a CaseId,
    /// A person's id.
    pub by: &'a str,
    /// The file's name; its ending says what it is.
    pub name: &'a str,
    /// The present.
    pub at: Instant,
}

/// A file that was given for a case.
#[derive(Clone, Debug)]
pub struct Given {
    case: CaseId,
    digest: String,
    /// Whether nobody had given it for this case before.
    is_first: bool,
}

impl Given {
    /// Its address, to be named in a move.
    pub fn address(&self) -> String {
        format!("{SCHEME}{}", self.digest)
    }
}

/// What is kept of a file that was given for a case.
#[derive(Serialize, Deserialize)]
struct Record {
    by: String,
    name: String,
    bytes: u64,
    at: i64,
}

/// What is kept of a file that no move has named yet.
#[derive(Serialize, Deserialize)]
struct Waiting {
    expires_at: i64,
    /// Somebody else rests on it too: only the sweep may take it away.
    is_shared: bool,
}

/// What one person has uploaded in a day.
#[derive(Default, Serialize, Deserialize)]
struct Uploaded {
    bytes: u64,
}

/// Where a file stands in the documents.
struct Place {
    record: String,
    of_digest: String,
    waiting: String,
}

const RECORDS: &str = "evidence/";
const OF_DIGEST: &str = "evidence-of/";
const WAITING: &str = "evidence-waiting/";
const DAYS: &str = "evidence-day/";

impl Place {
    fn new(case: &str, digest: &str) -> Self {
        Self {
            record: format!("{RECORDS}{case}/{digest}"),
            of_digest: format!("{OF_DIGEST}{digest}/{case}"),
            waiting: format!("{WAITING}{case}/{digest}"),
        }
    }
}

/// In the place of a case: the file was there before anybody kept such records, and stays.
const OLDER: &str = "-";

impl<S: Store> CaseFiles<S> {
    /// The files of a database's cases.
    pub fn new(store: S, files: Evidence) -> Self {
        Self { store, files }
    }

    /// Takes a file in for a case. It goes again unless a move names it within a day. Repeated:
    /// nothing changes.
    ///
    /// # Errors
    ///
    /// [`FileError`]; nothing is kept then.
    pub async fn give<E: Display>(
        &self,
        giving: Giving<'_>,
        parts: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Given, FileError> {
        // Whoever has had enough today is told before the file is read.
        self.count_day(&giving, 0).await?;
        let file = self.files.receive(giving.name, parts).await?;
        let settling = self.files.settling.lock().await;
        let (digest, bytes) = (file.digest(), file.bytes());
        let given = match self.settle(&giving, &digest, bytes).await {
            Ok(is_first) => Given { case: giving.case.clone(), digest, is_first },
            Err(error) => {
                file.abandon().await;
                return Err(error);
            }
        };
        let kept = self.place(file, &given.digest, bytes).await;
        drop(settling);
        if kept.is_err() {
            self.take_back(std::slice::from_ref(&given)).await;
        }
        kept.map(|()| given)
    }

    /// The same with a file of this machine. Reading it blocks: for the command line.
    ///
    /// # Errors
    ///
    /// As [`give`](Self::give).
    pub async fn give_file(&self, giving: Giving<'_>, file: File) -> Result<Given, FileError> {
        let parts = stream::unfold(Some(file), |file| async move {
            let mut file = file?;
            let mut part = vec![0; CHUNK_BYTES];
            match file.read(&mut part) {
                Ok(0) => None,
                Ok(length) => {
                    part.truncate(length);
                    Some((Ok(Bytes::from(part)), Some(file)))
                }
                Err(error) => Some((Err(error), None)),
            }
        });
        self.give(giving, parts).await
    }

    /// Writes down that a file is given; whether it is the first time for this case.
    async fn settle(
        &self,
        giving: &Giving<'_>,
        digest: &str,
        bytes: u64,
    ) -> Result<bool, FileError> {
        self.count_day(giving, bytes).await?;
        let (case, at) = (giving.case.as_str(), giving.at.millis());
        let place = Place::new(case, digest);
        let expires_at = at.saturating_add(WAITING_MS_MAX);
        if self.read::<Record>(&place.record).await?.is_some() {
            if self.read::<Waiting>(&place.waiting).await?.is_some() {
                self.write(&place.waiting, &Waiting { expires_at, is_shared: true }, at).await?;
            }
            return Ok(false);
        }
        self.check_case(case, bytes).await?;
        let others = self.store.documents(&format!("{OF_DIGEST}{digest}/")).await?;
        if others.is_empty() && self.files.size(digest).await?.is_some() {
            self.store.put_document(&Place::new(OLDER, digest).of_digest, "{}", at).await?;
        }
        // In this order: whatever a crash leaves, the sweep finds by the first.
        self.write(&place.waiting, &Waiting { expires_at, is_shared: false }, at).await?;
        self.store.put_document(&place.of_digest, "{}", at).await?;
        let (by, name) = (giving.by.to_owned(), giving.name.to_owned());
        self.write(&place.record, &Record { by, name, bytes, at }, at).await?;
        Ok(true)
    }

    async fn place(&self, file: Incoming<'_>, digest: &str, bytes: u64) -> Result<(), FileError> {
        if self.files.size(digest).await? == Some(bytes) {
            file.abandon().await;
            return Ok(());
        }
        file.keep().await
    }

    /// Adds to what a person has uploaded today.
    async fn count_day(&self, giving: &Giving<'_>, bytes: u64) -> Result<(), FileError> {
        let max = self.files.limits().person_day_bytes_max;
        let day = date_of(giving.at, ZONE);
        let name = format!("{DAYS}{day}/{}", giving.by);
        let before: Uploaded = self.read(&name).await?.unwrap_or_default();
        let after = before.bytes.saturating_add(bytes);
        if before.bytes >= max || after > max {
            return Err(FileError::DayFull { max });
        }
        if bytes > 0 {
            self.write(&name, &Uploaded { bytes: after }, giving.at.millis()).await?;
        }
        Ok(())
    }

    async fn check_case(&self, case: &str, bytes: u64) -> Result<(), FileError> {
        let limits = self.files.limits();
        let (mut files, mut sum) = (1, bytes);
        for (_, json) in self.store.documents(&format!("{RECORDS}{case}/")).await? {
            files += 1;
            sum = sum.saturating_add(parse::<Record>(&json)?.bytes);
        }
        if files > limits.case_files_max {
            let max = u64::try_from(limits.case_files_max).unwrap_or(u64::MAX);
            return Err(FileError::CaseFull { limit: "case_files_max", max });
        }
        if sum > limits.case_bytes_max {
            let max = limits.case_bytes_max;
            return Err(FileError::CaseFull { limit: "case_bytes_max", max });
        }
        Ok(())
    }

    /// Takes files back whose move was not made. What somebody else has given too, or what a move
    /// may name by now, is left to the sweep.
    pub async fn take_back(&self, given: &[Given]) {
        let _settling = self.files.settling.lock().await;
        for one in given.iter().filter(|one| one.is_first) {
            let place = Place::new(one.case.as_str(), &one.digest);
            let gone = match self.read::<Waiting>(&place.waiting).await {
                Ok(Some(waiting)) if !waiting.is_shared => {
                    self.remove(one.case.as_str(), &one.digest).await
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = gone {
                tracing::warn!(%error, file = one.digest, "a file is left to the sweep");
            }
        }
    }

    /// Takes a file away from a case, and from the disk where no other case has it.
    async fn remove(&self, case: &str, digest: &str) -> Result<(), FileError> {
        let place = Place::new(case, digest);
        let of = self.store.documents(&format!("{OF_DIGEST}{digest}/")).await?;
        if of.iter().all(|(name, _)| *name == place.of_digest) {
            self.files.remove(digest).await?;
        }
        self.store.remove_document(&place.of_digest).await?;
        self.store.remove_document(&place.record).await?;
        self.store.remove_document(&place.waiting).await?;
        Ok(())
    }

    /// Looks at the files that have waited long enough: those that a move has named stay, the
    /// others go, and so do parts of uploads that a crash has left. Returns how many went.
    ///
    /// # Errors
    ///
    /// [`FileError`]; what is left is looked at the next time.
    pub async fn sweep(&self, now: Instant) -> Result<usize, FileError> {
        let mut gone = self.files.sweep_parts().await?;
        let mut after = String::new();
        loop {
            let waiting = self.store.documents_after(WAITING, &after, READ_MAX).await?;
            let Some((last, _)) = waiting.last() else { break };
            after.clone_from(last);
            for (name, json) in &waiting {
                let is_over = parse::<Waiting>(json)?.expires_at < now.millis();
                let place = name.strip_prefix(WAITING).and_then(|name| name.split_once('/'));
                if let (true, Some((case, digest))) = (is_over, place) {
                    gone += usize::from(!self.settle_waiting(case, digest).await?);
                }
            }
        }
        self.forget_days(now).await?;
        Ok(gone)
    }

    /// Whether a file that has waited stays.
    async fn settle_waiting(&self, case: &str, digest: &str) -> Result<bool, FileError> {
        let _settling = self.files.settling.lock().await;
        let stays = self.is_mentioned(case, digest).await?;
        if stays {
            self.store.remove_document(&Place::new(case, digest).waiting).await?;
        } else {
            self.remove(case, digest).await?;
        }
        Ok(stays)
    }

    /// Whether any event of a case has a file's address in it, be it in a form.
    async fn is_mentioned(&self, case: &str, digest: &str) -> Result<bool, StoreError> {
        let (address, mut after) = (format!("{SCHEME}{digest}"), 0);
        loop {
            let rows = self.store.events(case, after, READ_MAX).await?;
            let Some(last) = rows.last() else { return Ok(false) };
            after = last.seq;
            if rows.iter().any(|row| row.text.contains(&address)) {
                return Ok(true);
            }
        }
    }

    async fn forget_days(&self, now: Instant) -> Result<(), StoreError> {
        let today = format!("{DAYS}{}/", date_of(now, ZONE));
        for (name, _) in self.store.documents(DAYS).await? {
            if !name.starts_with(&today) {
                self.store.remove_document(&name).await?;
            }
        }
        Ok(())
    }

    /// The name under which a case's events have a file, with the ending of the file that was
    /// given; `None`: no report and no submission of this case has named it. What a text says of
    /// files names none.
    ///
    /// # Errors
    ///
    /// [`FileError::Store`].
    pub(crate) async fn name_in(
        &self,
        case: &CaseId,
        digest: &str,
    ) -> Result<Option<String>, FileError> {
        if !is_digest(digest) {
            return Ok(None);
        }
        let Some(named) = self.named_in(case, digest).await? else { return Ok(None) };
        let record: Option<Record> = self.read(&Place::new(case.as_str(), digest).record).await?;
        let given = record.map(|record| record.name).unwrap_or_default();
        Ok(Some(match (named.rsplit_once('.'), given.rsplit_once('.')) {
            (named_as, Some((_, ending)))
                if named_as.is_none_or(|(_, own)| !own.eq_ignore_ascii_case(ending)) =>
            {
                format!("{named}.{ending}")
            }
            _ => named,
        }))
    }

    /// What the latest event that names a file calls it.
    async fn named_in(&self, case: &CaseId, digest: &str) -> Result<Option<String>, StoreError> {
        let (address, mut after, mut found) = (format!("{SCHEME}{digest}"), 0, None);
        loop {
            let rows = self.store.events(case.as_str(), after, READ_MAX).await?;
            let Some(last) = rows.last() else { return Ok(found) };
            after = last.seq;
            for row in rows.iter().filter(|row| row.text.contains(&address)) {
                // An event that cannot be read opens nothing.
                let Ok(event): Result<Event, _> = decode(&row.text) else { continue };
                let named = event.fact.evidence().iter().rfind(|one| one.file == address);
                found = named.map(|one| one.name.clone()).or(found);
            }
        }
    }

    /// Whether a move of a case may name a file.
    async fn may_name(&self, case: &CaseId, file: &Named, at: i64) -> Result<bool, FileError> {
        let digest = file.file.strip_prefix(SCHEME).filter(|digest| is_digest(digest));
        let Some(digest) = digest else { return Ok(false) };
        let place = Place::new(case.as_str(), digest);
        let Some(record) = self.read::<Record>(&place.record).await? else {
            // Named before such records were kept.
            let is_older = self.named_in(case, digest).await?.is_some();
            return Ok(is_older && self.files.size(digest).await?.is_some());
        };
        if self.files.size(digest).await? != Some(record.bytes) {
            return Ok(false);
        }
        // From now on a commit may be on its way: only the sweep, which looks at events, may take
        // the file away, and not at once.
        if self.read::<Waiting>(&place.waiting).await?.is_some() {
            let expires_at = at.saturating_add(WAITING_MS_MAX);
            self.write(&place.waiting, &Waiting { expires_at, is_shared: true }, at).await?;
        }
        Ok(true)
    }

    async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        self.store.document(name).await?.map(|json| parse(&json)).transpose()
    }

    async fn write(&self, name: &str, value: &impl Serialize, at: i64) -> Result<(), StoreError> {
        let json = serde_json::to_string(value).map_err(StoreError::Unreadable)?;
        self.store.put_document(name, &json, at).await
    }
}

fn parse<T: DeserializeOwned>(json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(StoreError::Unreadable)
}

impl<S: Store> EvidenceCheck for CaseFiles<S> {
    fn check<'a>(
        &'a self,
        case: &'a CaseId,
        files: &'a [Named],
        at: Instant,
    ) -> BoxFuture<'a, Result<(), EvidenceError>> {
        Box::pin(async move {
            let _settling = self.files.settling.lock().await;
            for file in files {
                let may = self.may_name(case, file, at.millis()).await;
                if !may.map_err(|error| EvidenceError::Unreachable(error.to_string()))? {
                    return Err(EvidenceError::not_given(file));
                }
            }
            Ok(())
        })
    }
}

impl<S: Store> App<S> {
    /// Files given for its cases.
    pub(crate) fn files(&self) -> CaseFiles<S> {
        CaseFiles::new(self.engine.store().clone(), self.evidence().clone())
    }
}

/// Sweeps from time to time until the store is closed.
pub(crate) async fn keep_swept<S: Store>(engine: Engine<S>, files: CaseFiles<S>) {
    loop {
        match files.sweep(engine.now()).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "files that no move named are gone"),
            Err(FileError::Store(StoreError::Closed)) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "files were not swept");
            }
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}
