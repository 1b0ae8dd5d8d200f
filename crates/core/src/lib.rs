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
//! 2. On [`Refusal::WakeFirst`], decide [`Signal::Wake`] and store it, then come back to 1.
//! 3. Store the decision's events, rows and outgoing messages in one transaction, guarded by the
//!    case's version. On a conflict drop the case, load it again, and go back to 1.
//! 4. Only then answer the caller and carry outgoing messages on. Each may be carried more than
//!    once.
//! 5. At [`Case::next_wakeup`], or soon after, decide [`Signal::Wake`]; again while
//!    [`Decision::more`] is set.
//!
//! # Where to start reading
//!
//! [`Act`] (what may be asked), [`Fact`] (what may have happened), [`Item`] (the state), then
//! [`decide`] and the files under `decide/`.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
// A fact, move or kind that some place forgets does not compile.
#![deny(clippy::wildcard_enum_match_arm)]

mod attention;
mod authority;
mod beside;
mod bounds;
mod carry;
mod case;
mod command;
mod cost;
mod decide;
mod duties;
mod event;
mod evolve;
mod fact;
mod failed;
mod files;
mod form;
mod growth;
mod ids;
mod item;
mod kin;
mod lateness;
mod light;
mod log;
mod migration;
mod moment;
mod moves;
mod names;
mod questions;
mod refusal;
mod rows;
mod signers;
mod takeback;
mod tell;

pub use crate::attention::{Attention, AttentionKind};
pub use crate::authority::{post_above, presence_changes};
pub use crate::beside::Remark;
pub use crate::bounds::{DUE_YEAR_MAX, PERIOD_YEARS_AWAY_MAX, check_bounds, check_date};
pub use crate::case::{Case, CaseHead, CaseStatus, CaseSuspension, ParentItem};
pub use crate::command::{
    Act, Actor, Answer, AnswerSays, Carried, Command, Evidence, Message, Open, OpenRequest,
    Operation, ParentSays, Request, Signal, Watch,
};
pub use crate::cost::opening_cost;
pub use crate::decide::{
    ADDED_WORKDAYS, Decision, Env, MOMENTS_MAX, ReturnChoice, axis_differences, cases_of, decide,
    fields_of, return_choice,
};
pub use crate::duties::{DutyRecord, Heard, Neighbours};
pub use crate::event::{
    Arming, Deadline, DueReason, Event, HoldCause, ItemKind, Manner, NewItem, Notification, People,
    Readiness, Remaining, ReviewPlan, Sent, Side, SignerDate, SkipReason, TakenBack,
};
pub use crate::evolve::replay;
pub use crate::fact::Fact;
pub use crate::failed::{AxisDifferences, Expression, Failed, KeptKey, MendedValues};
pub use crate::files::files_in_form;
pub use crate::growth::{
    Bound, OPENED_DEPTH_MAX, OPENED_PER_DAY_MAX, SCRIPT_CASES_MAX, SCRIPT_TASKS_MAX,
};
pub use crate::ids::{CaseId, CaseName, ItemKey};
pub use crate::item::{
    Armed, ArmedRung, Asked, Attempt, Child, Entry, EntryState, ForeignNeeds, Hold, Item, Status,
};
pub use crate::lateness::{Late, LateWith, Lateness, Paper, Points};
pub use crate::light::{Light, Turns, light, light_at, turns};
pub use crate::log::{
    Break, CHAIN_START, DecodeError, EVENT_SCHEMA, Encoded, decode, encode, link, verify,
};
pub use crate::migration::{
    CHANGES_MAX, Change, Done, FieldMap, LadderMap, MigrationMap, MigrationReport, PastTitles,
    Take, TaskFate, TaskMap,
};
pub use crate::moves::{Ask, AskKind, AvailableMove, By, MoveKind, On, available_moves};
pub use crate::names::{Names, NamesById};
pub use crate::questions::{Choice, Question};
pub use crate::refusal::{ExtensionRefusal, FieldProblem, Obstacle, Refusal, Why};
pub use crate::rows::{
    Body, CaseRow, ItemRow, Outgoing, RowError, case_from_texts, changed, outgoing, touched,
};
pub use crate::signers::{Objection, OwnDate, Review, ReviewDate};
pub use crate::takeback::WrongFuture;
pub use crate::tell::{Teller, due_reason};
