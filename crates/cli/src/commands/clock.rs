//! `duban clock`: what is believed of the server's clock.

use anyhow::Result;
use clap::{Args, Subcommand};
use duban_core::Actor;
use duban_engine::{Epoch, EpochCause, accept_clock, clock_epochs};
use duban_store::Store;
use serde_json::json;

use crate::Ended;
use crate::db::{DbArgs, block_on, engine, existing, present};
use crate::output::Output;

/// Say that the server's clock is right.
#[derive(Args)]
pub(crate) struct Clock {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Have the next start believe the clock as it is now.
    #[command(after_help = "Examples:
  duban clock accept --db office.db

For a database on which no daemon runs: one that refused to believe its clock, and was ended. While
it runs, it is told by `POST /api/v1/clock/accept` with a token of the scope admin. A clock that is
put right needs neither.")]
    Accept {
        #[command(flatten)]
        db: DbArgs,
    },
    /// Say which epochs of the clock there were: starts, outages, clocks that were accepted.
    Show {
        #[command(flatten)]
        db: DbArgs,
    },
    /// Take back what a wrong clock brought about, in cases where nobody has moved since.
    #[command(after_help = "Examples:
  duban clock show --db office.db
  duban clock take-back --epoch 7 --dry-run --db office.db

First put the clock right and accept it. Cases in which somebody has moved since are left as they
are and listed; so are papers with numbers and cases that were opened: they are not undone. While a
daemon runs: `POST /api/v1/clock/take-back` with a token of the scope admin.")]
    TakeBack {
        /// The epoch in which the wrong clock was believed.
        #[arg(long)]
        epoch: u32,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        db: DbArgs,
    },
}

pub(crate) fn run(command: &Clock, output: &Output) -> Result<Ended> {
    match &command.what {
        What::Accept { db } => accept(db, output),
        What::Show { db } => show(db, output),
        What::TakeBack { epoch, dry_run, db } => take_back(*epoch, *dry_run, db, output),
    }
}

fn accept(db: &DbArgs, output: &Output) -> Result<Ended> {
    block_on(async {
        let store = existing(&db.db)?;
        let now = present();
        let moved = accept_clock(&store, now).await?;
        store.close().await?;
        let value = json!({ "now": now, "moved_ms": moved });
        output.print(&value, || match moved {
            Some(moved) => {
                format!("已采信服务器时钟 {now}，与此前相差 {} 分钟", moved / 60_000)
            }
            None => format!("已采信服务器时钟 {now}"),
        })?;
        Ok(Ended::Well)
    })
}

fn show(db: &DbArgs, output: &Output) -> Result<Ended> {
    block_on(async {
        let store = existing(&db.db)?;
        let epochs = clock_epochs(&store).await?;
        store.close().await?;
        output.print(&json!(epochs), || {
            let line = |epoch: &Epoch| {
                let cause = match epoch.cause {
                    EpochCause::Start => "启动",
                    EpochCause::Outage => "时钟跳快，按停机处理",
                    EpochCause::Accepted => "人工采信时钟",
                };
                format!("第 {} 段，自 {} 起：{cause}", epoch.number, epoch.from)
            };
            epochs.iter().map(line).collect::<Vec<_>>().join("\n")
        })?;
        Ok(Ended::Well)
    })
}

fn take_back(epoch: u32, dry: bool, db: &DbArgs, output: &Output) -> Result<Ended> {
    block_on(async {
        let engine = engine(&db.db).await?;
        let taken = engine.take_back(epoch, Actor::operator("duban clock take-back"), dry).await;
        engine.shutdown().await?;
        let taken = taken?;
        output.print(&json!(taken), || {
            let verb = if dry { "可以恢复" } else { "已恢复" };
            let mut lines = Vec::new();
            for one in &taken.restored {
                let (cases, papers) = (one.cases.len(), one.papers.len());
                lines.push(format!(
                    "{verb} {}，保留至第 {} 条记录；其间立项 {cases} 件、编号文书 {papers} 份不撤回",
                    one.case, one.after
                ));
            }
            lines.extend(taken.left.iter().map(|(case, why)| format!("未动 {case}：{why}")));
            lines.extend(taken.opened.iter().map(|case| format!("由错误时钟立项 {case}，请人工处理")));
            if lines.is_empty() { "没有需要撤回的记录".to_owned() } else { lines.join("\n") }
        })?;
        Ok(Ended::Well)
    })
}
