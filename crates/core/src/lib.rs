//! The case machine: [`decide`], evolve, [`Case::next_wakeup`].
//!
//! A case is a pure state machine. [`decide`] checks a command against a case, runs the scripts
//! it calls for, and answers with events and the case as it is after them, or with a typed
//! [`Refusal`]. The crate does no I/O, reads no clock and draws no randomness: the same inputs
//! give the same outputs on every machine, for ever.
//!
//! # Contract with the host
//!
//! 1. Load the case, or take it from a cache. Call [`decide`] with one command.
//! 2. On [`Refusal::WakeFirst`], decide [`Act::Wake`] and store it, then come back to 1.
//! 3. Store the decision's events, rows and outgoing messages in one transaction, guarded by the
//!    case's version. On a conflict drop the case, load it again, and go back to 1.
//! 4. Only then answer the caller and carry outgoing messages on. Each may be carried more than
//!    once.
//! 5. At [`Case::next_wakeup`], or soon after, decide [`Act::Wake`]; again while
//!    [`Decision::more`] is set.
//!
//! # Where to start reading
//!
//! [`Act`] (what may be asked), [`Fact`] (what may have happened), [`Item`] (the state), then
//! [`decide`] and the files under `decide/`.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod authority;
mod case;
mod command;
mod decide;
mod event;
mod evolve;
mod fact;
mod form;
mod ids;
mod item;
mod light;
mod log;
mod moment;
mod refusal;
mod rows;
mod tell;

pub use crate::case::{Case, CaseHead, CaseStatus};
pub use crate::command::{
    Act, Actor, Answer, Carried, Command, Evidence, Message, Open, OpenRequest, Watch,
};
pub use crate::decide::{Decision, EVENTS_MAX, Env, MOMENTS_MAX, cases_of, decide, fields_of};
pub use crate::event::{
    Arming, Deadline, DueReason, Event, HoldCause, ItemKind, Manner, NewItem, Notification,
    Readiness, Remaining, ReviewPlan, Sent, Side, SkipReason,
};
pub use crate::evolve::replay;
pub use crate::fact::Fact;
pub use crate::ids::{CaseId, CaseName, ItemKey};
pub use crate::item::{
    Armed, ArmedRung, Asked, Attempt, Entry, EntryState, Hold, Item, Review, Status,
};
pub use crate::light::{Light, Turns, light, light_at, turns};
pub use crate::log::{
    Break, CHAIN_START, DecodeError, EVENT_SCHEMA, Encoded, decode, encode, link, verify,
};
pub use crate::refusal::{ExtensionRefusal, FieldProblem, Refusal};
pub use crate::rows::{
    Body, CaseRow, ItemRow, Outgoing, RowError, case_from_texts, outgoing, touched,
};
pub use crate::tell::{Teller, due_reason};
