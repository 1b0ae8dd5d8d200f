//! Questions about all cases, answered from the store, and the upkeep of its rows.

use std::future::Future;
use std::sync::Arc;

use duban_calendar::Instant;
use duban_core::{CaseId, CaseRow, ItemKey, ItemRow, Outgoing};
use duban_model::{Assignee, SuiteId};
use duban_store::{
    AttentionCount, CaseFilter, Cursor, DeliveryFilter, DeliveryRow, EventRow, ItemFilter,
    LightCount, Noted, NotedState, Page, PageRequest, ScoreFilter, ScoreRow, ScoreTotal, Store,
    StoreError, VersionRow,
};
use tokio::sync::oneshot;

use crate::attempt::failed;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::feed::Subscription;
use crate::upkeep::{self, Audit, Openings, Rebuilt};
use crate::work::Work;

/// Each answers with [`EngineError::Store`] where the store fails and [`EngineError::Closed`]
/// once the engine is shut down.
#[expect(clippy::missing_errors_doc, reason = "said once for all of them")]
impl<S: Store> Engine<S> {
    async fn read<T, F>(&self, read: impl FnOnce(S) -> F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.shared().check_running()?;
        let answer = read(self.store().clone());
        self.shared().on_runtime(async move { Ok(answer.await?) }).await
    }

    /// Cases, by id.
    pub async fn cases(
        &self,
        filter: CaseFilter,
        page: PageRequest,
    ) -> Result<Page<CaseRow>, EngineError> {
        self.read(|store| async move { store.cases(&filter, &page).await }).await
    }

    /// Items of all cases, by due date.
    pub async fn tasks(
        &self,
        filter: ItemFilter,
        page: PageRequest,
    ) -> Result<Page<ItemRow>, EngineError> {
        self.read(|store| async move { store.items(&filter, &page).await }).await
    }

    /// What waits on these assignees now, by due date; without any, what waits on anybody. Each
    /// row says on whom and since when.
    pub async fn waiting(
        &self,
        on: &[Assignee],
        page: PageRequest,
    ) -> Result<Page<ItemRow>, EngineError> {
        let filter = ItemFilter {
            waiting_on: on.iter().map(ToString::to_string).collect(),
            statuses: ["ready", "active", "submitted"].map(str::to_owned).to_vec(),
            ..ItemFilter::default()
        };
        self.tasks(filter, page).await
    }

    /// Interviews of all cases, by due date.
    pub async fn interviews(&self, page: PageRequest) -> Result<Page<ItemRow>, EngineError> {
        let task = Some("interview".to_owned());
        self.tasks(ItemFilter { task, ..ItemFilter::default() }, page).await
    }

    /// Deliveries, by case and position.
    pub async fn deliveries(
        &self,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<DeliveryRow>, EngineError> {
        self.read(|store| async move { store.deliveries(&filter, &page).await }).await
    }

    /// Puts a dead letter back into the outbox, with all its attempts before it; `false` where it
    /// is not dead.
    pub async fn retry_delivery(&self, case: &CaseId, seq: u64) -> Result<bool, EngineError> {
        let (case, at) = (case.as_str().to_owned(), self.now().millis());
        let is_back =
            self.read(|store| async move { store.retry_delivery(&case, seq, at).await }).await?;
        if is_back {
            self.shared().outbox.note(Some(at));
        }
        Ok(is_back)
    }

    /// Puts all dead letters of a filter back; returns how many.
    pub async fn retry_deliveries(&self, filter: DeliveryFilter) -> Result<u64, EngineError> {
        let at = self.now().millis();
        let back =
            self.read(|store| async move { store.retry_deliveries(&filter, at).await }).await?;
        if back > 0 {
            self.shared().outbox.note(Some(at));
        }
        Ok(back)
    }

    /// Gives a pending delivery up, as a dead letter with this reason. One that is under way at
    /// this moment may arrive all the same, and counts as arrived then.
    pub async fn give_up_delivery(
        &self,
        case: &CaseId,
        seq: u64,
        why: &str,
    ) -> Result<(), EngineError> {
        let id = (case.as_str().to_owned(), seq);
        let note = failed(id, NotedState::Dead, why.to_owned());
        let note = Noted { counts: false, ..note };
        self.read(|store| async move { store.noted(vec![note]).await }).await
    }

    /// How many dead letters there are that came about before an instant.
    pub async fn dead_letters(&self, before: Instant) -> Result<u64, EngineError> {
        let before = before.millis();
        self.read(|store| async move { store.dead_letters(before).await }).await
    }

    /// Sends messages for people that no case sends, each once under its own id; returns how many
    /// were new. They are delivered as all others are.
    pub async fn send(&self, messages: Vec<Outgoing>) -> Result<u64, EngineError> {
        let at = messages.iter().map(|message| message.at).min();
        let new = self.read(|store| async move { store.enqueue(messages).await }).await?;
        self.shared().outbox.note(at);
        Ok(new)
    }

    /// A case's events after a position, oldest first.
    pub async fn events(
        &self,
        case: &CaseId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>, EngineError> {
        let case = case.as_str().to_owned();
        self.read(|store| async move { store.events(&case, after, limit).await }).await
    }

    /// The latest `limit` of a case's events about one item, oldest first.
    pub async fn events_about(
        &self,
        case: &CaseId,
        item: &ItemKey,
        limit: u32,
    ) -> Result<Vec<EventRow>, EngineError> {
        let (case, item) = (case.as_str().to_owned(), item.as_str().to_owned());
        self.read(|store| async move { store.events_about(&case, &item, limit).await }).await
    }

    /// How many items of which workflow and unit have which light now.
    pub async fn lights(&self, suite: Option<&str>) -> Result<Vec<LightCount>, EngineError> {
        let (suite, now) = (suite.map(str::to_owned), self.now().millis());
        self.read(|store| async move { store.lights(suite.as_deref(), now).await }).await
    }

    /// How many items need attention, by kind and unit.
    pub async fn attention(&self) -> Result<Vec<AttentionCount>, EngineError> {
        self.read(|store| async move { store.attention().await }).await
    }

    /// Points by unit.
    pub async fn scores(&self, suite: Option<&str>) -> Result<Vec<ScoreTotal>, EngineError> {
        let suite = suite.map(str::to_owned);
        self.read(|store| async move { store.scores(suite.as_deref()).await }).await
    }

    /// Points one by one, by case and position.
    pub async fn score_entries(
        &self,
        filter: ScoreFilter,
        page: PageRequest,
    ) -> Result<Page<ScoreRow>, EngineError> {
        self.read(|store| async move { store.score_entries(&filter, &page).await }).await
    }

    /// Every version of a suite's workflows, and how many open cases run on it.
    pub async fn versions(&self, suite: &SuiteId) -> Result<Vec<VersionRow>, EngineError> {
        let suite = suite.clone();
        self.read(|store| async move { store.versions(suite.as_str()).await }).await
    }

    /// Every case's events in the order of their commits: from a cursor on, or from the
    /// beginning.
    pub fn subscribe(&self, after: Option<Cursor>) -> Subscription<S> {
        Subscription::new(Arc::clone(self.shared()), after, self.options().poll)
    }

    /// The place at the end of the feed: subscribe with it to see only what comes.
    pub async fn feed_end(&self) -> Result<Cursor, EngineError> {
        self.read(|store| async move { store.feed_end().await }).await
    }

    /// Makes a case's rows again from its events. Deliveries are left alone.
    pub async fn rebuild(&self, case: &CaseId) -> Result<Rebuilt, EngineError> {
        let shared = self.shared();
        shared.check_running()?;
        let (reply, answer) = oneshot::channel();
        shared.submit_later(case, Work::Rebuild(reply)).await?;
        shared.answered(case, answer.await)
    }

    /// Makes every case's rows again, one case after the other, and tells of each; a case that
    /// fails does not stop the others. The search index is made again after them. Answers with
    /// how many failed.
    pub async fn rebuild_all(
        &self,
        mut progress: impl FnMut(&CaseId, &Result<Rebuilt, EngineError>),
    ) -> Result<u64, EngineError> {
        let (mut openings, mut failed) = (Openings::new(self.store().clone()), 0);
        while let Some(cases) = self.next_cases(&mut openings).await? {
            for case in cases {
                let rebuilt = self.rebuild(&case).await;
                failed += u64::from(rebuilt.is_err());
                progress(&case, &rebuilt);
            }
        }
        if self.options().search {
            self.reindex().await?;
            self.indexed().await?;
        }
        Ok(failed)
    }

    /// Verifies a case's log: every hash, every position, and that its row ends where it does.
    pub async fn verify(&self, case: &CaseId) -> Result<Audit, EngineError> {
        self.shared().check_running()?;
        let (store, case) = (self.store().clone(), case.clone());
        self.shared().on_runtime(async move { upkeep::audit(&store, &case).await }).await
    }

    /// Verifies every case's log and tells of each. Answers with how many are broken or could
    /// not be read.
    pub async fn verify_all(
        &self,
        mut progress: impl FnMut(&CaseId, &Result<Audit, EngineError>),
    ) -> Result<u64, EngineError> {
        let (mut openings, mut broken) = (Openings::new(self.store().clone()), 0);
        while let Some(cases) = self.next_cases(&mut openings).await? {
            for case in cases {
                let audit = self.verify(&case).await;
                broken += u64::from(!audit.as_ref().is_ok_and(Audit::is_well));
                progress(&case, &audit);
            }
        }
        Ok(broken)
    }

    /// Compares the wake-up index with every running case now and puts it right where it is
    /// wrong. The engine does so by itself as often as its options say.
    pub async fn check_wakeups(&self) -> Result<(), EngineError> {
        self.shared().check_running()?;
        let shared = Arc::clone(self.shared());
        self.shared().on_runtime(async move { upkeep::check_all(&shared).await }).await
    }

    /// The next cases in the order of their openings; `None` at the end.
    async fn next_cases(
        &self,
        openings: &mut Openings<S>,
    ) -> Result<Option<Vec<CaseId>>, EngineError> {
        self.shared().check_running()?;
        let mut reading = openings.clone();
        let read = async move {
            let cases = reading.next().await?;
            Ok((reading, cases))
        };
        let (read_on, cases) = self.shared().on_runtime(read).await?;
        *openings = read_on;
        Ok(cases)
    }
}
