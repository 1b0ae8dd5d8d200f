//! The trait, method by method: which thread does what.

use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use duban_core::{CaseRow, ItemRow, Outgoing};

use super::append::{size_of, write_batch};
use super::deliveries::SetAside;
use super::search::{self, Prepared};
use super::writer::Urgency;
use super::{SqliteStore, deliveries, list, read, rebuild};
use crate::commit::{Commit, KeyRecord};
use crate::error::{CommitError, StoreError};
use crate::query::{
    AttentionCount, CaseFilter, Cursor, DeliveryFilter, DeliveryRow, EventRow, ItemFilter,
    LightCount, Noted, Page, PageRequest, ScoreFilter, ScoreRow, ScoreTotal, VersionRow,
};
use crate::search::{Entry, Indexing, SearchFilter};
use crate::store::{Backlog, DefinitionRow, Leased, Store, StoreStats, StoredCase};
use crate::words::SearchWords;

/// How many rows a clearing-up reads or removes at a time.
const CHUNK: u32 = 1000;

/// What an entry of the search index costs to write, in rows of other tables.
const ROWS_OF_AN_ENTRY: usize = 4;

impl Store for SqliteStore {
    async fn append(&self, batch: Vec<Commit>) -> Result<Vec<Result<(), CommitError>>, StoreError> {
        let urgent = batch.iter().any(|commit| commit.urgent);
        let urgency = if urgent { Urgency::Urgent } else { Urgency::Later };
        let size = size_of(&batch);
        self.handle.queue.submit(urgency, size, move |conn| write_batch(conn, &batch)).await
    }

    async fn load(&self, case: &str) -> Result<Option<StoredCase>, StoreError> {
        self.read(|conn| read::load(conn, case))
    }

    async fn recall(
        &self,
        case: &str,
        actor: &str,
        key: &str,
    ) -> Result<Option<KeyRecord>, StoreError> {
        self.read(|conn| read::recall(conn, case, actor, key))
    }

    async fn forget_keys(&self, before: i64) -> Result<u64, StoreError> {
        let mut place = read::KeyPlace::default();
        let mut forgotten = 0;
        loop {
            let (old, last) = self.read(|conn| read::old_keys(conn, &place, before, CHUNK))?;
            if !old.is_empty() {
                let gone =
                    self.write_later(old.len(), move |conn| read::forget_keys(conn, &old, before));
                forgotten += gone.await?;
            }
            match last {
                Some(last) => place = last,
                None => return Ok(count(forgotten)),
            }
            // A long table must not keep the caller's thread to itself.
            tokio::task::yield_now().await;
        }
    }

    async fn next_wakeup(&self) -> Result<Option<i64>, StoreError> {
        self.read(read::next_wakeup)
    }

    /// Nothing is leased: this process is the only one. `skip` are the cases in hand.
    async fn claim_due(
        &self,
        now: i64,
        _until: i64,
        limit: u32,
        skip: &[String],
    ) -> Result<Vec<(String, i64)>, StoreError> {
        self.read(|conn| read::due(conn, now, limit, skip))
    }

    async fn lease_deliveries(
        &self,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<Leased>, StoreError> {
        let raws = self.write(move |conn| deliveries::lease(conn, now, until, limit)).await?;
        let (mut leased, mut unread) = (Vec::with_capacity(raws.len()), Vec::new());
        for raw in raws {
            match raw.open() {
                Ok(delivery) => leased.push(Leased { delivery }),
                Err(found) => unread.push(found),
            }
        }
        if !unread.is_empty() {
            for SetAside { case, seq, error } in &unread {
                tracing::error!(case, seq, error, "a delivery cannot be read and is set aside");
            }
            self.handle.set_aside.fetch_add(count(unread.len()), Ordering::Relaxed);
            // Where this fails they come up again after the lease, and stop nobody meanwhile.
            let write = move |conn: &_| deliveries::set_aside(conn, &unread);
            if let Err(error) = self.write_later(1, write).await {
                tracing::error!(%error, "deliveries could not be set aside");
            }
        }
        Ok(leased)
    }

    async fn next_delivery(&self) -> Result<Option<i64>, StoreError> {
        self.read(deliveries::next)
    }

    async fn shift_deliveries(&self, by: i64) -> Result<u64, StoreError> {
        Ok(count(self.write(move |conn| deliveries::shift(conn, by)).await?))
    }

    async fn delivered(&self, ids: Vec<(String, u64)>, at: i64) -> Result<(), StoreError> {
        self.write_later(ids.len(), move |conn| deliveries::delivered(conn, &ids, at)).await
    }

    async fn noted(&self, notes: Vec<Noted>) -> Result<(), StoreError> {
        self.write_later(notes.len(), move |conn| deliveries::noted(conn, &notes)).await
    }

    async fn overtaking(&self, topic: &str, after: u64) -> Result<Vec<DeliveryRow>, StoreError> {
        self.read(|conn| deliveries::overtaking(conn, topic, after))
    }

    async fn enqueue(&self, messages: Vec<Outgoing>) -> Result<u64, StoreError> {
        let rows = messages.len();
        let added = self.write_later(rows, move |conn| deliveries::enqueue(conn, &messages));
        Ok(count(added.await?))
    }

    async fn prune_messages(&self, from: &str, until: &str) -> Result<u64, StoreError> {
        let rows = read::optional_count(CHUNK);
        let mut pruned = 0;
        loop {
            let (from, until) = (from.to_owned(), until.to_owned());
            let gone = self.write_later(rows, move |conn| {
                deliveries::prune_messages(conn, &from, &until, CHUNK)
            });
            let gone = gone.await?;
            pruned += gone;
            if gone < rows {
                return Ok(count(pruned));
            }
        }
    }

    async fn last_delivery(&self, kind: &str) -> Result<Option<DeliveryRow>, StoreError> {
        self.read(|conn| deliveries::last(conn, kind))
    }

    async fn retry_delivery(&self, case: &str, seq: u64, at: i64) -> Result<bool, StoreError> {
        let case = case.to_owned();
        self.write(move |conn| deliveries::retry(conn, &case, seq, at)).await
    }

    async fn retry_deliveries(&self, filter: &DeliveryFilter, at: i64) -> Result<u64, StoreError> {
        let rows = read::optional_count(CHUNK);
        let mut back = 0;
        loop {
            let filter = filter.clone();
            let chunk = self
                .write_later(rows, move |conn| deliveries::retry_chunk(conn, &filter, at, CHUNK));
            let chunk = chunk.await?;
            back += chunk;
            if chunk < rows {
                return Ok(count(back));
            }
        }
    }

    async fn dead_letters(&self, before: i64) -> Result<u64, StoreError> {
        self.read(|conn| deliveries::dead_letters(conn, before))
    }

    async fn prune_delivered(&self, before: i64) -> Result<u64, StoreError> {
        let rows = read::optional_count(CHUNK);
        let mut pruned = 0;
        loop {
            let gone =
                self.write_later(rows, move |conn| deliveries::prune(conn, before, CHUNK)).await?;
            pruned += gone;
            if gone < rows {
                return Ok(count(pruned));
            }
        }
    }

    async fn publish(&self, definition: DefinitionRow) -> Result<(), StoreError> {
        self.write(move |conn| read::publish(conn, &definition)).await
    }

    async fn definition(&self, hash: &str) -> Result<Option<DefinitionRow>, StoreError> {
        self.read(|conn| read::definition(conn, hash))
    }

    async fn current(
        &self,
        suite: &str,
        workflow: &str,
    ) -> Result<Option<DefinitionRow>, StoreError> {
        self.read(|conn| read::current(conn, suite, workflow))
    }

    async fn currents(&self) -> Result<Vec<(String, String, String)>, StoreError> {
        self.read(read::currents)
    }

    async fn versions(&self, suite: &str) -> Result<Vec<VersionRow>, StoreError> {
        self.read(|conn| read::versions(conn, suite))
    }

    async fn put_document(&self, name: &str, json: &str, at: i64) -> Result<(), StoreError> {
        let (name, json) = (name.to_owned(), json.to_owned());
        self.write(move |conn| read::put_document(conn, &name, &json, at)).await
    }

    async fn swap_document(
        &self,
        name: &str,
        expected: Option<&str>,
        json: &str,
        at: i64,
    ) -> Result<bool, StoreError> {
        let (name, json, expected) =
            (name.to_owned(), json.to_owned(), expected.map(ToOwned::to_owned));
        self.write(move |conn| read::swap_document(conn, &name, expected.as_deref(), &json, at))
            .await
    }

    async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|conn| read::document(conn, name))
    }

    async fn documents(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|conn| read::documents(conn, prefix))
    }

    async fn documents_after(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|conn| read::documents_after(conn, prefix, after, i64::from(limit)))
    }

    async fn remove_document(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write(move |conn| read::remove_document(conn, &name)).await
    }

    async fn cases(
        &self,
        filter: &CaseFilter,
        page: &PageRequest,
    ) -> Result<Page<CaseRow>, StoreError> {
        self.read(|conn| list::cases(conn, filter, page))
    }

    async fn case(&self, id: &str) -> Result<Option<CaseRow>, StoreError> {
        self.read(|conn| list::case(conn, id))
    }

    async fn item(&self, case: &str, key: &str) -> Result<Option<ItemRow>, StoreError> {
        self.read(|conn| list::item(conn, case, key))
    }

    async fn items(
        &self,
        filter: &ItemFilter,
        page: &PageRequest,
    ) -> Result<Page<ItemRow>, StoreError> {
        self.read(|conn| list::items(conn, filter, page))
    }

    async fn lights(&self, suite: Option<&str>, now: i64) -> Result<Vec<LightCount>, StoreError> {
        self.read(|conn| list::lights(conn, suite, now))
    }

    async fn attention(&self) -> Result<Vec<AttentionCount>, StoreError> {
        self.read(list::attention)
    }

    async fn events(
        &self,
        case: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.read(|conn| read::events(conn, case, after, limit))
    }

    async fn events_about(
        &self,
        case: &str,
        item: &str,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.read(|conn| read::events_about(conn, case, item, limit))
    }

    async fn feed(&self, after: Option<&Cursor>, limit: u32) -> Result<Page<EventRow>, StoreError> {
        self.read(|conn| read::feed(conn, after, limit))
    }

    async fn feed_end(&self) -> Result<Cursor, StoreError> {
        self.read(read::feed_end)
    }

    async fn feed_left(&self, after: Option<&Cursor>) -> Result<u64, StoreError> {
        self.read(|conn| read::feed_left(conn, after))
    }

    async fn index(&self, part: Indexing) -> Result<bool, StoreError> {
        let Indexing { entries, before, after } = part;
        let entries: Vec<Prepared> = entries.into_iter().map(Prepared::of).collect();
        let rows = entries.len() * ROWS_OF_AN_ENTRY;
        let write = move |conn: &_| search::index(conn, &entries, before.as_deref(), &after);
        self.write_later(rows, write).await
    }

    async fn clear_index(&self) -> Result<(), StoreError> {
        self.write_later(1, search::clear).await
    }

    async fn search(
        &self,
        words: &SearchWords,
        filter: &SearchFilter,
        page: &PageRequest,
    ) -> Result<Page<Entry>, StoreError> {
        self.read(|conn| search::search(conn, words, filter, page))
    }

    async fn feed_from(&self, at: i64) -> Result<Cursor, StoreError> {
        self.read(|conn| read::feed_from(conn, at))
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<DeliveryRow>, StoreError> {
        self.read(|conn| deliveries::list(conn, filter, page))
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.read(deliveries::backlog)
    }

    fn stats(&self) -> StoreStats {
        let size = |path: &Path| std::fs::metadata(path).map(|file| file.len()).ok();
        let mut log = self.path().as_os_str().to_owned();
        log.push("-wal");
        let (transaction_us, transaction_commits) = self.handle.queue.measured();
        let failures = self.handle.queue.failures();
        let ms = |last: Instant| u64::try_from(last.elapsed().as_millis()).unwrap_or(u64::MAX);
        StoreStats {
            transaction_us,
            transaction_commits,
            write_failures: failures.count,
            failed_ms_ago: failures.last.map(ms),
            set_aside: self.handle.set_aside.load(Ordering::Relaxed),
            database_bytes: size(self.path()),
            log_bytes: size(Path::new(&log)),
        }
    }

    async fn scores(&self, suite: Option<&str>) -> Result<Vec<ScoreTotal>, StoreError> {
        self.read(|conn| list::scores(conn, suite))
    }

    async fn score_entries(
        &self,
        filter: &ScoreFilter,
        page: &PageRequest,
    ) -> Result<Page<ScoreRow>, StoreError> {
        self.read(|conn| list::score_entries(conn, filter, page))
    }

    async fn replace_rows(&self, case: CaseRow, items: Vec<ItemRow>) -> Result<(), StoreError> {
        let (id, rows) = (case.id.clone(), case.version);
        let replaced =
            self.write_later(items.len(), move |conn| rebuild::replace_rows(conn, &case, &items));
        let replaced = replaced.await?;
        replaced.map_err(|events| StoreError::Behind { case: id, rows, events })
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.handle.shut();
        let ended = self.handle.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended {
            // The sender goes with the thread, whether that ends well or not.
            ended.await.ok();
        }
        Ok(())
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
