//! Following the engine: from moved cases to calls of the other system.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use duban_core::CaseId;
use duban_engine::{ChannelError, Engine, EngineError, FeedBatch};
use duban_model::Directory;
use duban_store::{CaseFilter, PageRequest, Store};
use sha2::{Digest, Sha256};

use crate::todo::{Entry, Ledger, TodoSink, ending, wanted};

/// Why to-dos can be followed no longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TodoError {
    /// The engine could not be read. Follow again, later.
    #[error("the engine cannot be read")]
    Engine(#[from] EngineError),
    /// The ledger could not be written. Nothing is sent that is not written down; make room, then
    /// follow again.
    #[error("the ledger of to-dos cannot be written")]
    Ledger(#[from] io::Error),
}

impl TodoError {
    /// Stable code for logs and exit messages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Engine(error) => error.code(),
            Self::Ledger(_) => "DB5011",
        }
    }
}

/// Keeps another system's to-dos as the cases are.
///
/// A call that fails is made again, after a wait that doubles up to five minutes; the to-dos of
/// other people do not wait for it unless several calls in a row fail.
pub struct Todos {
    sink: Arc<dyn TodoSink>,
    ledger: Arc<Mutex<Ledger>>,
    /// One call at a time: of two for one to-do the earlier must not arrive last.
    calling: tokio::sync::Mutex<()>,
    last_error: Mutex<Option<String>>,
}

/// How to-dos of one system stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TodoStatus {
    /// The system's name.
    pub name: String,
    /// To-dos that are owed and shown there.
    pub open: usize,
    /// To-dos for which a call is still to be made.
    pub pending: usize,
    /// What went wrong last, until all is well again.
    pub last_error: Option<String>,
}

impl std::fmt::Debug for Todos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Todos").field("sink", &self.sink.name()).finish_non_exhaustive()
    }
}

/// Calls in a row that may fail before the other system is taken to be away.
const FAILURES_MAX: u32 = 3;

/// The first and the longest wait after a failure.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(300);

impl Todos {
    /// To-dos of one system, with what was pushed to it before.
    pub fn new(sink: Arc<dyn TodoSink>, ledger: Ledger) -> Self {
        let (calling, last_error) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { sink, ledger: Arc::new(Mutex::new(ledger)), calling, last_error }
    }

    /// How they stand now.
    pub fn status(&self) -> TodoStatus {
        let ledger = self.ledger();
        let is_shown = |entry: &&Entry| entry.is_open && entry.ending.is_none();
        TodoStatus {
            name: self.sink.name().to_owned(),
            open: ledger.entries().filter(is_shown).count(),
            pending: ledger.entries().filter(|entry| entry.is_pending()).count(),
            last_error: self.last_error().clone(),
        }
    }

    /// Follows the engine until it shuts down, and looks at every case again where the directory
    /// has changed, also while nobody followed. What goes wrong is told by [`status`](Self::status)
    /// and in the log, and is tried again. Dropping the wait loses nothing.
    pub async fn keep<S: Store>(&self, engine: &Engine<S>) {
        let mut directory = engine.directory_changes();
        let mut wait = WAIT_MIN;
        loop {
            let followed = async {
                self.settle_if_changed(engine).await?;
                self.follow(engine).await
            };
            let ended = tokio::select! {
                ended = followed => ended,
                changed = directory.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            };
            match ended {
                Ok(()) | Err(TodoError::Engine(EngineError::Closed)) => return,
                Err(error) => {
                    tracing::error!(sink = self.sink.name(), %error, "to-dos are not followed");
                    *self.last_error() = Some(error.to_string());
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    async fn settle_if_changed<S: Store>(&self, engine: &Engine<S>) -> Result<(), TodoError> {
        let digest = digest(&engine.directory());
        let is_known = self.ledger().directory() == Some(digest.as_str());
        if is_known {
            return Ok(());
        }
        let end = engine.feed_end().await?;
        self.settle_all(engine).await?;
        self.ledger().settled_by(digest);
        // Every case has been looked at: what the feed told before need not be read any more.
        self.ledger().advance(end);
        self.flush().await
    }

    /// Every to-do that the other system shows or is to show.
    pub fn entries(&self) -> Vec<Entry> {
        self.ledger().entries().cloned().collect()
    }

    /// Follows the engine from where it was left, until the engine shuts down. Dropping the wait
    /// loses nothing.
    ///
    /// # Errors
    ///
    /// [`TodoError`]; follow again to go on.
    pub async fn follow<S: Store>(&self, engine: &Engine<S>) -> Result<(), TodoError> {
        let mut feed = engine.subscribe(self.ledger().cursor().cloned());
        let mut wait = WAIT_MIN;
        loop {
            let is_behind = !self.push().await?;
            wait = if is_behind { (wait * 2).min(WAIT_MAX) } else { WAIT_MIN };
            tokio::select! {
                batch = feed.next() => {
                    let Some(batch) = batch? else { return Ok(()) };
                    match self.take(engine, batch).await {
                        Err(TodoError::Engine(EngineError::Closed)) => return Ok(()),
                        taken => taken?,
                    }
                }
                () = tokio::time::sleep(wait), if is_behind => {}
            }
        }
    }

    /// Looks at every open case and every to-do again. Call it after the directory has changed:
    /// whoever holds a post now gets its to-dos, and whoever held it loses them.
    ///
    /// # Errors
    ///
    /// [`TodoError`].
    pub async fn settle_all<S: Store>(&self, engine: &Engine<S>) -> Result<(), TodoError> {
        let mut cases: BTreeSet<String> = self.ledger().cases().map(str::to_owned).collect();
        let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
        loop {
            let found = engine.cases(CaseFilter::default(), page.clone()).await?;
            let open = found.rows.into_iter().filter(|row| row.status == "open");
            cases.extend(open.map(|row| row.id));
            match found.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        for case in cases {
            self.plan(engine, &CaseId::new(&case)).await?;
        }
        self.flush().await?;
        self.push().await.map(drop)
    }

    async fn take<S: Store>(&self, engine: &Engine<S>, batch: FeedBatch) -> Result<(), TodoError> {
        let cases: BTreeSet<String> = batch.events.into_iter().map(|event| event.case).collect();
        for case in cases {
            self.plan(engine, &CaseId::new(&case)).await?;
        }
        self.ledger().advance(batch.cursor);
        self.flush().await
    }

    /// Notes what is owed in a case now. One that cannot be read holds no other one up; it is
    /// looked at again when it moves.
    async fn plan<S: Store>(&self, engine: &Engine<S>, id: &CaseId) -> Result<(), TodoError> {
        match self.plan_one(engine, id).await {
            Err(
                error @ (EngineError::Refused(_)
                | EngineError::NoDefinition(_)
                | EngineError::Unreadable(_)),
            ) => {
                tracing::error!(case = id.as_str(), %error, "its to-dos stay as they are");
                Ok(())
            }
            planned => Ok(planned?),
        }
    }

    async fn plan_one<S: Store>(&self, engine: &Engine<S>, id: &CaseId) -> Result<(), EngineError> {
        let case = engine.case(id).await?;
        let definition = engine.definition(&case.head().definition).await?;
        let directory = engine.directory();
        let wanted = wanted(&case, &definition, &directory, self.sink.address());
        self.ledger().plan(id.as_str(), wanted, |todo| ending(todo, &case, &directory));
        Ok(())
    }

    /// Makes the calls that are owed; `false` where some are left.
    ///
    /// # Errors
    ///
    /// [`TodoError::Ledger`].
    pub async fn push(&self) -> Result<bool, TodoError> {
        let _calling = self.calling.lock().await;
        let pending = self.ledger().pending();
        let mut in_a_row = 0;
        let mut is_done = true;
        let mut last_error = None;
        for id in pending {
            match self.push_one(&id).await {
                Ok(()) => in_a_row = 0,
                Err(error) => {
                    tracing::warn!(sink = self.sink.name(), todo = id, %error, "a to-do waits");
                    last_error = Some(error.to_string());
                    (in_a_row, is_done) = (in_a_row + 1, false);
                }
            }
            if in_a_row == FAILURES_MAX {
                break;
            }
        }
        self.flush().await?;
        *self.last_error() = last_error;
        Ok(is_done)
    }

    /// The calls that one to-do owes, in their order.
    async fn push_one(&self, id: &str) -> Result<(), ChannelError> {
        let entry = self.ledger().entry(id).cloned();
        let Some(Entry { todo, is_open, remote, is_changed, ending }) = entry else {
            return Ok(());
        };
        let mut remote = remote;
        if !is_open {
            // Also where it is to end: an earlier call may have arrived without an answer.
            remote = self.sink.open(&todo).await?;
            self.ledger().shown(&todo, remote.clone());
        } else if is_changed && ending.is_none() {
            self.sink.change(&todo, remote.as_deref()).await?;
            self.ledger().shown(&todo, None);
        }
        if let Some(ending) = ending {
            self.sink.close(&todo, remote.as_deref(), ending).await?;
            self.ledger().ended(id);
        }
        Ok(())
    }

    async fn flush(&self) -> Result<(), TodoError> {
        let ledger = Arc::clone(&self.ledger);
        let flush = move || ledger.lock().unwrap_or_else(PoisonError::into_inner).flush();
        let written = tokio::task::spawn_blocking(flush).await;
        Ok(written.unwrap_or_else(|error| Err(io::Error::other(error)))?)
    }

    fn last_error(&self) -> MutexGuard<'_, Option<String>> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A directory's digest: the same for directories of the same content.
fn digest(directory: &Directory) -> String {
    let json = serde_json::to_vec(directory.data()).expect("invariant: a directory is plain data");
    Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};
    use std::path::Path;

    use duban_calendar::Instant;
    use duban_engine::BoxFuture;
    use proptest::prelude::*;

    use super::*;
    use crate::todo::{Ending, Role, Todo};

    /// How the other system takes a call.
    #[derive(Clone, Copy, Debug)]
    enum Luck {
        Good,
        /// It does not arrive.
        Lost,
        /// It arrives, and its answer does not.
        Unheard,
    }

    /// Another system that keeps who sees what.
    #[derive(Default)]
    struct Fake {
        shown: Mutex<BTreeMap<String, Todo>>,
        luck: Mutex<VecDeque<Luck>>,
    }

    impl Fake {
        fn call(
            &self,
            change: impl FnOnce(&mut BTreeMap<String, Todo>),
        ) -> Result<(), ChannelError> {
            let luck = self.luck.lock().unwrap().pop_front().unwrap_or(Luck::Good);
            if !matches!(luck, Luck::Lost) {
                change(&mut self.shown.lock().unwrap());
            }
            match luck {
                Luck::Good => Ok(()),
                Luck::Lost | Luck::Unheard => {
                    Err(ChannelError::Retry { error: "no answer".to_owned(), after: None })
                }
            }
        }

        fn seen(&self) -> Vec<(String, bool)> {
            let shown = self.shown.lock().unwrap();
            let mut seen: Vec<_> =
                shown.values().map(|todo| (todo.account.clone(), todo.is_read)).collect();
            seen.sort();
            seen
        }
    }

    impl TodoSink for Fake {
        fn name(&self) -> &'static str {
            "fake"
        }

        fn address(&self) -> &'static str {
            "fake"
        }

        fn open<'a>(
            &'a self,
            todo: &'a Todo,
        ) -> BoxFuture<'a, Result<Option<String>, ChannelError>> {
            let done = self.call(|shown| drop(shown.insert(todo.id.clone(), todo.clone())));
            Box::pin(std::future::ready(done.map(|()| Some(format!("r-{}", todo.id)))))
        }

        fn change<'a>(
            &'a self,
            todo: &'a Todo,
            remote: Option<&'a str>,
        ) -> BoxFuture<'a, Result<(), ChannelError>> {
            assert_eq!(remote, Some(format!("r-{}", todo.id).as_str()));
            Box::pin(std::future::ready(
                self.call(|shown| drop(shown.insert(todo.id.clone(), todo.clone()))),
            ))
        }

        fn close<'a>(
            &'a self,
            todo: &'a Todo,
            remote: Option<&'a str>,
            _ending: Ending,
        ) -> BoxFuture<'a, Result<(), ChannelError>> {
            assert!(remote.is_some());
            Box::pin(std::future::ready(self.call(|shown| drop(shown.remove(&todo.id)))))
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// These people owe something now, and have read it or not.
        Owed(BTreeMap<u8, bool>),
        Push(Vec<Luck>),
        /// The daemon dies; what was not on the disk is gone.
        Restart,
    }

    fn luck() -> impl Strategy<Value = Luck> {
        prop_oneof![Just(Luck::Good), Just(Luck::Lost), Just(Luck::Unheard)]
    }

    fn step() -> impl Strategy<Value = Step> {
        let owed = prop::collection::btree_map(0..4_u8, any::<bool>(), 0..4).prop_map(Step::Owed);
        let push = prop::collection::vec(luck(), 0..6).prop_map(Step::Push);
        prop_oneof![3 => owed, 3 => push, 1 => Just(Step::Restart)]
    }

    fn todo(person: u8, is_read: bool) -> Todo {
        Todo {
            id: String::new(),
            case: "c".to_owned(),
            item: "write".to_owned(),
            role: Role::Work,
            person: format!("p{person}").as_str().into(),
            account: format!("p{person}"),
            title: "撰写".to_owned(),
            workflow: "措施".to_owned(),
            status: "在办".to_owned(),
            since: Instant::from_millis(0),
            due: None,
            is_read,
        }
    }

    fn start(fake: &Arc<Fake>, path: &Path) -> Todos {
        let sink: Arc<dyn TodoSink> = Arc::<Fake>::clone(fake);
        Todos::new(sink, Ledger::open(path).unwrap())
    }

    async fn live(steps: Vec<Step>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("todos.jsonl");
        let fake = Arc::new(Fake::default());
        let mut todos = start(&fake, &path);
        let mut owed = BTreeMap::new();
        for step in steps {
            match step {
                Step::Owed(now) => {
                    owed = now;
                    let wanted = owed.iter().map(|(person, is_read)| todo(*person, *is_read));
                    todos.ledger().plan("c", wanted.collect(), |_| Ending::Gone);
                }
                Step::Push(luck) => {
                    // As in `follow`: nothing is sent that is not on the disk.
                    todos.flush().await.unwrap();
                    *fake.luck.lock().unwrap() = luck.into();
                    todos.push().await.unwrap();
                }
                Step::Restart => todos = start(&fake, &path),
            }
        }
        let wanted = owed.iter().map(|(person, is_read)| todo(*person, *is_read)).collect();
        todos.ledger().plan("c", wanted, |_| Ending::Gone);
        todos.flush().await.unwrap();
        fake.luck.lock().unwrap().clear();
        assert!(todos.push().await.unwrap());
        let expected: Vec<(String, bool)> =
            owed.iter().map(|(person, is_read)| (format!("p{person}"), *is_read)).collect();
        assert_eq!(fake.seen(), expected);
        assert_eq!(todos.entries().len(), expected.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn whatever_fails_the_other_system_shows_what_is_owed(
            steps in prop::collection::vec(step(), 0..24),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(live(steps));
        }
    }
}
