//! `duban act`: each move a person may make.

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::{Args, Subcommand};
use duban::{Act as Move, Actor, Assignee, CaseId, Date, ItemKey};
use duban_calendar::{Instant, Tz, end_of};
use duban_core::Evidence;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use crate::Ended;
use crate::db::{DbArgs, block_on, engine};
use crate::output::Output;

/// Make a move in a case, as a person of the directory.
#[derive(Args)]
#[command(after_help = "Examples:
  duban act CASE sign study/370102@2022-H1 --as p0001 --db office.db
  duban act CASE submit project/370102 --form '{\"name\":\"…\"}' --as p0001 --db office.db
  duban act CASE accept project/370102 --as p0002 --db office.db
  duban act CASE suspend --item project/370102 --reason 上级叫停 --as p0003 --db office.db

Exit code 3 where the move is refused; the message says why.")]
pub(crate) struct Act {
    /// The case's id.
    case: String,
    /// Who acts: a person's id.
    #[arg(long = "as", global = true)]
    person: Option<String>,
    /// Whom they stand in for.
    #[arg(long, global = true)]
    on_behalf_of: Option<String>,
    /// Makes the request safe to repeat.
    #[arg(long, global = true)]
    key: Option<String>,
    #[command(flatten)]
    db: DbArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// 签收: acknowledge a task.
    Sign { item: String },
    /// 反馈: report progress.
    Report {
        item: String,
        #[arg(long)]
        text: String,
        #[arg(long)]
        percent: Option<u8>,
        #[arg(long)]
        value: Option<Decimal>,
        /// A file, as NAME=REFERENCE.
        #[arg(long)]
        file: Vec<String>,
    },
    /// 申请办结: ask for a task to be closed.
    Submit {
        item: String,
        /// The form as a JSON object.
        #[arg(long, default_value = "{}")]
        form: String,
        /// A file, as NAME=REFERENCE.
        #[arg(long)]
        file: Vec<String>,
    },
    /// 撤回: take a submission back.
    Withdraw { item: String },
    /// 办结: accept.
    Accept {
        item: String,
        #[arg(long)]
        text: Option<String>,
    },
    /// 退回: return a task, or a done one upstream.
    Return {
        item: String,
        #[arg(long)]
        reason: String,
        #[arg(long)]
        upstream: Option<String>,
    },
    /// 申请延期: ask for a later due date.
    AskExtension {
        item: String,
        #[arg(long)]
        until: Date,
        #[arg(long)]
        reason: String,
    },
    /// 同意延期.
    GrantExtension { item: String },
    /// 不同意延期.
    RefuseExtension {
        item: String,
        #[arg(long)]
        reason: String,
    },
    /// 转办: pass a task to another owner.
    Transfer {
        item: String,
        /// unit:CODE, post:CODE/NAME or person:ID.
        #[arg(long)]
        to: Assignee,
        #[arg(long)]
        reason: String,
    },
    /// 委托: let someone handle a task; without --to the delegation ends.
    Delegate {
        item: String,
        #[arg(long)]
        to: Option<String>,
    },
    /// 加签: one more countersigner.
    AddCountersigner {
        item: String,
        #[arg(long)]
        who: Assignee,
    },
    /// 减签: one countersigner less.
    RemoveCountersigner {
        item: String,
        #[arg(long)]
        who: Assignee,
        #[arg(long)]
        reason: String,
    },
    /// 挂起: stop work on a task, or on every open one.
    Suspend {
        #[arg(long)]
        item: Option<String>,
        #[arg(long)]
        reason: String,
        #[arg(long)]
        until: Option<Date>,
        /// Whether the clock stands still.
        #[arg(long)]
        stops_clock: Option<bool>,
    },
    /// 恢复: go on.
    Resume {
        #[arg(long)]
        item: Option<String>,
    },
    /// 跳过: the supervision office drops a task.
    Skip {
        item: String,
        #[arg(long)]
        reason: String,
    },
    /// 中止: end a task, or the case.
    Cancel {
        #[arg(long)]
        item: Option<String>,
        #[arg(long)]
        reason: String,
    },
    /// 回头看: reopen a done task.
    Reopen {
        item: String,
        #[arg(long)]
        reason: String,
        #[arg(long)]
        due: Option<Date>,
    },
    /// 催办: urge the owner.
    Urge {
        item: String,
        #[arg(long)]
        text: Option<String>,
    },
    /// 销号: strike an interview off, or the case.
    StrikeOff {
        #[arg(long)]
        item: Option<String>,
        #[arg(long)]
        text: Option<String>,
    },
    /// Agree to an earlier due date that a newly loaded calendar asks for.
    ConsentEarlier { item: String },
}

pub(crate) fn run(command: &Act, output: &Output) -> Result<Ended> {
    let act = command.what.to_move()?;
    // An option that may stand after the move cannot be required by the parser itself.
    let Some(person) = &command.person else {
        let missing = "a person must act: give their id with --as\n";
        clap::Error::raw(ErrorKind::MissingRequiredArgument, missing).exit();
    };
    let actor = Actor::Person {
        person: person.as_str().into(),
        on_behalf_of: command.on_behalf_of.as_deref().map(Into::into),
    };
    block_on(async {
        let engine = engine(&command.db.db).await?;
        let case = CaseId::new(&command.case);
        let outcome = engine.act(&case, actor, act, command.key.clone()).await;
        engine.shutdown().await?;
        let outcome = outcome?;
        let kinds: Vec<&str> = outcome.events.iter().map(|event| event.fact.kind()).collect();
        output.print(&json!({ "version": outcome.version, "events": outcome.events }), || {
            format!("已办理：{}（第 {} 条记录）", kinds.join("、"), outcome.version)
        })?;
        Ok(Ended::Well)
    })
}

const TZ: Tz = Tz::Asia__Shanghai;

fn end(date: Date) -> Instant {
    end_of(date, TZ)
}

fn files(given: &[String]) -> Result<Vec<Evidence>> {
    given
        .iter()
        .map(|text| {
            let (name, file) =
                text.split_once('=').with_context(|| format!("`{text}` is not NAME=REFERENCE"))?;
            Ok(Evidence { name: name.to_owned(), file: file.to_owned() })
        })
        .collect()
}

fn form(text: &str) -> Result<Map<String, Json>> {
    serde_json::from_str(text).context("--form is not a JSON object")
}

impl What {
    fn to_move(&self) -> Result<Move> {
        let key = |item: &str| ItemKey::new(item);
        let some = |item: &Option<String>| item.as_deref().map(ItemKey::new);
        Ok(match self {
            Self::Sign { item } => Move::Sign { item: key(item) },
            Self::Report { item, text, percent, value, file } => Move::Report {
                item: key(item),
                text: text.clone(),
                percent: *percent,
                value: *value,
                evidence: files(file)?,
            },
            Self::Submit { item, form: fields, file } => {
                Move::Submit { item: key(item), form: form(fields)?, evidence: files(file)? }
            }
            Self::Withdraw { item } => Move::Withdraw { item: key(item) },
            Self::Accept { item, text } => Move::Accept { item: key(item), text: text.clone() },
            Self::Return { item, reason, upstream } => {
                Move::Return { item: key(item), reason: reason.clone(), upstream: some(upstream) }
            }
            Self::AskExtension { item, until, reason } => {
                Move::AskExtension { item: key(item), until: end(*until), reason: reason.clone() }
            }
            Self::GrantExtension { item } => Move::GrantExtension { item: key(item) },
            Self::RefuseExtension { item, reason } => {
                Move::RefuseExtension { item: key(item), reason: reason.clone() }
            }
            Self::Transfer { item, to, reason } => {
                Move::Transfer { item: key(item), to: to.clone(), reason: reason.clone() }
            }
            Self::Delegate { item, to } => {
                Move::Delegate { item: key(item), to: to.as_deref().map(Into::into), reason: None }
            }
            Self::AddCountersigner { item, who } => {
                Move::AddCountersigner { item: key(item), who: who.clone() }
            }
            Self::RemoveCountersigner { item, who, reason } => Move::RemoveCountersigner {
                item: key(item),
                who: who.clone(),
                reason: reason.clone(),
            },
            other => other.to_office_move(),
        })
    }

    fn to_office_move(&self) -> Move {
        let some = |item: &Option<String>| item.as_deref().map(ItemKey::new);
        match self {
            Self::Suspend { item, reason, until, stops_clock } => Move::Suspend {
                item: some(item),
                reason: reason.clone(),
                until: until.map(end),
                stops_clock: *stops_clock,
            },
            Self::Resume { item } => Move::Resume { item: some(item) },
            Self::Skip { item, reason } => {
                Move::Skip { item: ItemKey::new(item), reason: reason.clone() }
            }
            Self::Cancel { item, reason } => {
                Move::Cancel { item: some(item), reason: reason.clone() }
            }
            Self::Reopen { item, reason, due } => {
                Move::Reopen { item: ItemKey::new(item), reason: reason.clone(), due: due.map(end) }
            }
            Self::Urge { item, text } => {
                Move::Urge { item: ItemKey::new(item), text: text.clone() }
            }
            Self::StrikeOff { item, text } => {
                Move::StrikeOff { item: some(item), text: text.clone() }
            }
            Self::ConsentEarlier { item } => Move::ConsentEarlier { item: ItemKey::new(item) },
            _ => unreachable!("invariant: every other move is made by an owner or a reviewer"),
        }
    }
}
