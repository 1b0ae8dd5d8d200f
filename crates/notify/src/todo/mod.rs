//! To-dos in the office's own system: what a case waits for, shown where people look every day.
//!
//! What is to be seen there follows from the state of a case alone: [`wanted`] says who owes
//! something now, the [`Ledger`] remembers what was pushed, and the difference is what is sent. No
//! move of a case needs a call of its own, so none can be forgotten: whatever ends a to-do, be it a
//! transfer, a return, a cancelled case or a new holder of a post, closes it.
//!
//! 1. [`Todos::follow`] reads the feed; for each case that moved it writes down what is to be done.
//! 2. Only then it calls the other system, through a [`TodoSink`].
//! 3. What was done is written down as done. After a crash in between the call comes again, under
//!    the same id.
//!
//! ```no_run
//! use std::sync::Arc;
//! use duban_notify::todo::{Ecology, EcologyOptions, Ledger, Todos};
//! use duban_notify::{ClientOptions, HttpClient};
//!
//! # async fn run(engine: duban::Engine<duban::SqliteStore>) -> Result<(), Box<dyn std::error::Error>> {
//! let inside = vec!["oa.example.org".to_owned()];
//! let client =
//!     HttpClient::new(ClientOptions { allowed_hosts: inside, ..ClientOptions::default() })?;
//! let page = "https://duban.example.org/cases/{case}/items/{item}";
//! let options = EcologyOptions::new("https://oa.example.org", "duban", "sysadmin", page);
//! let ecology = Ecology::new(client, options)?;
//! let todos = Todos::new(Arc::new(ecology), Ledger::open("todos.jsonl")?);
//! todos.follow(&engine).await?;
//! # Ok(())
//! # }
//! ```

mod dingtalk;
mod ecology;
mod ledger;
mod rest;
mod sync;

use std::collections::BTreeSet;

use duban_calendar::Instant;
use duban_core::{Case, CaseStatus, Item, ItemKind, Status};
use duban_engine::{BoxFuture, ChannelError};
use duban_model::{Assignee, Definition, Directory, PersonId};
use serde::{Deserialize, Serialize};

pub use crate::todo::dingtalk::{DingTalkTodos, DingTalkTodosOptions};
pub use crate::todo::ecology::{Ecology, EcologyOptions};
pub use crate::todo::ledger::{Entry, Ledger};
pub use crate::todo::rest::{RestCall, RestTodos, RestTodosOptions};
pub use crate::todo::sync::{TodoError, TodoStatus, Todos};

/// What somebody owes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The work itself (承办).
    Work,
    /// Its review (审核).
    Review,
}

/// One thing that one person owes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Todo {
    /// 32 hexadecimal digits: the same at every call, and never used twice. Empty until a
    /// [`Ledger`] has taken it in.
    pub id: String,
    /// The case.
    pub case: String,
    /// The item.
    pub item: String,
    /// Work or review.
    pub role: Role,
    /// Who owes it.
    pub person: PersonId,
    /// The person's account in the other system, as it was when it was pushed.
    pub account: String,
    /// What people read: the item's title.
    pub title: String,
    /// The workflow's title.
    pub workflow: String,
    /// Where the item is, as a word.
    pub status: String,
    /// Since when it is owed.
    pub since: Instant,
    /// By when.
    pub due: Option<Instant>,
    /// Whether the owner has signed for it.
    pub is_read: bool,
}

impl Todo {
    /// Whether both are the same obligation of the same person.
    fn is_same(&self, other: &Self) -> bool {
        self.role == other.role
            && self.case == other.case
            && self.item == other.item
            && self.person == other.person
            && self.account == other.account
    }
}

/// How a to-do ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// What was owed is done (已办).
    Done,
    /// It is owed no longer, or by somebody else: it disappears.
    Gone,
}

/// Another system that shows to-dos.
///
/// Every call may come more than once for the same to-do, and must then change nothing.
pub trait TodoSink: Send + Sync + 'static {
    /// Its name in logs.
    fn name(&self) -> &str;

    /// The key of people's accounts among their `addresses` in the directory. Whoever has none
    /// gets no to-dos here.
    fn address(&self) -> &str;

    /// Shows a to-do. Answers with the other system's own id for it, if there is one.
    ///
    /// # Errors
    ///
    /// [`ChannelError`]; it is tried again.
    fn open<'a>(&'a self, todo: &'a Todo) -> BoxFuture<'a, Result<Option<String>, ChannelError>>;

    /// Shows what has changed of it: read, another due date, another status.
    ///
    /// # Errors
    ///
    /// [`ChannelError`]; it is tried again.
    fn change<'a>(
        &'a self,
        todo: &'a Todo,
        remote: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), ChannelError>>;

    /// Ends it. What is not there any more has ended.
    ///
    /// # Errors
    ///
    /// [`ChannelError`]; it is tried again.
    fn close<'a>(
        &'a self,
        todo: &'a Todo,
        remote: Option<&'a str>,
        ending: Ending,
    ) -> BoxFuture<'a, Result<(), ChannelError>>;
}

/// Everything that people with an account owe in a case now.
///
/// An item waits on the delegate, else on the holders of the owner's post, or on the reviewers
/// whose turn it is. For a unit its first post answers. A case that is not open owes nothing.
pub fn wanted(
    case: &Case,
    definition: &Definition,
    directory: &Directory,
    address: &str,
) -> Vec<Todo> {
    if case.head().status != CaseStatus::Open {
        return Vec::new();
    }
    let mut found = Vec::new();
    for item in case.items() {
        let role = match item.status {
            Status::Ready | Status::Active => Role::Work,
            Status::Submitted => Role::Review,
            Status::Waiting | Status::Done | Status::Skipped | Status::Cancelled => continue,
        };
        for person in debtors(item, directory) {
            let account = directory.person(&person).and_then(|it| it.addresses.get(address));
            let Some(account) = account.filter(|account| !account.trim().is_empty()) else {
                continue;
            };
            found.push(Todo {
                id: String::new(),
                case: case.id().as_str().to_owned(),
                item: item.key.as_str().to_owned(),
                role,
                person: person.clone(),
                account: account.trim().to_owned(),
                title: title(item, definition),
                workflow: case.head().title.clone(),
                status: item.status.zh().to_owned(),
                since: item.since,
                due: due_of(item, role, &person, directory),
                is_read: item.status == Status::Active,
            });
        }
    }
    found
}

/// By when a person must do it: for reviews the first date of the seats they answer for.
fn due_of(item: &Item, role: Role, person: &PersonId, directory: &Directory) -> Option<Instant> {
    if role == Role::Work {
        return item.due();
    }
    let own = item.review.pending().into_iter();
    let own = own.filter(|seat| answering(seat, directory).contains(person));
    own.filter_map(|seat| item.review.due_of(seat)).min()
}

/// How a to-do ends that is wanted no longer, by what became of its item.
pub fn ending(todo: &Todo, case: &Case, directory: &Directory) -> Ending {
    let Some(item) = case.items().find(|item| item.key.as_str() == todo.item) else {
        return Ending::Gone;
    };
    let is_done = match (todo.role, item.status) {
        (_, Status::Waiting | Status::Skipped | Status::Cancelled) => false,
        (Role::Work, Status::Submitted | Status::Done) => true,
        // Still to be done, but by somebody else.
        (Role::Work, Status::Ready | Status::Active) => false,
        (Role::Review, Status::Ready | Status::Active | Status::Done) => true,
        (Role::Review, Status::Submitted) => {
            let mut answered =
                item.review.members.iter().filter(|member| item.review.has_answered(member));
            answered.any(|member| answering(member, directory).contains(&todo.person))
        }
    };
    if is_done { Ending::Done } else { Ending::Gone }
}

/// Who owes an item now.
pub(crate) fn debtors(item: &Item, directory: &Directory) -> BTreeSet<PersonId> {
    match (&item.handler, item.status) {
        (Some(handler), Status::Ready | Status::Active) => BTreeSet::from([handler.clone()]),
        _ => {
            let waiting_on = item.waiting_on();
            waiting_on.into_iter().flat_map(|on| answering(on, directory)).collect()
        }
    }
}

/// Who answers for an assignee: for a unit the holders of its first post.
fn answering(assignee: &Assignee, directory: &Directory) -> Vec<PersonId> {
    match assignee {
        Assignee::Unit(unit) => {
            let filled = directory.posts(unit).find(|post| !post.holders.is_empty());
            filled.map(|post| post.holders.clone()).unwrap_or_default()
        }
        Assignee::Post(..) | Assignee::Person(_) => directory.holders(assignee),
    }
}

fn title(item: &Item, definition: &Definition) -> String {
    match &item.kind {
        ItemKind::Task => {
            let task = definition.workflow.task(item.task.as_str());
            task.map_or_else(|| item.task.to_string(), |(_, task)| task.title.clone())
        }
        ItemKind::Interview { .. } => "约谈".to_owned(),
        ItemKind::Rectification { .. } => "整改".to_owned(),
        ItemKind::Extra { title, .. } => title.clone(),
    }
}

/// A page of an item, from an address with `{case}` and `{item}` in it.
fn link(pattern: &str, todo: &Todo) -> String {
    pattern
        .replace("{case}", &percent_encoded(&todo.case))
        .replace("{item}", &percent_encoded(&todo.item))
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
