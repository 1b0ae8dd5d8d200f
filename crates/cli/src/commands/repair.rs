//! `duban repair`: mends what an older version has written, and lists what people must decide.

use anyhow::Result;
use clap::Args;
use duban::{CaseFilter, CaseId, Engine, PageRequest, SqliteStore, Store};
use duban_calendar::{CivilDate, Window};
use duban_core::CaseRow;
use duban_engine::Audit;
use duban_store::{DeliveryFilter, DeliveryState, StoreError, UNREADABLE};
use serde_json::{Value, json};

use crate::Ended;
use crate::db::{DbArgs, block_on, existing, present, upkeep};
use crate::output::Output;

/// Mend what an older version has written, or say what would be mended.
#[derive(Args)]
#[command(after_help = "Examples:
  duban repair --dry-run --db office.db
  duban repair --db office.db

Events are never changed. Rows that cannot be read are made again from them; deliveries that were
set aside as unreadable and can be read now are put back. Cases of years outside 1900 to 2200 are
listed: the supervision office cancels them.

Exit code 1 where something is left that cannot be read.")]
pub(crate) struct Repair {
    /// Only say what would be mended.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    db: DbArgs,
}

/// What was found, and mended unless nothing was to be changed.
#[derive(Default)]
struct Found {
    /// Cases whose rows were made again.
    rebuilt: Vec<String>,
    /// Deliveries put back.
    put_back: Vec<String>,
    /// Cases of a period that nobody means.
    beyond: Vec<CaseRow>,
    /// What still cannot be read.
    left: Vec<String>,
}

pub(crate) fn run(command: &Repair, output: &Output) -> Result<Ended> {
    block_on(async {
        let mut found = Found::default();
        let engine = upkeep(&command.db.db).await?;
        let rows = unreadable_rows(&engine, &mut found).await;
        if let Ok(rows) = &rows {
            rebuild(&engine, rows, command.dry_run, &mut found).await;
        }
        engine.shutdown().await?;
        rows?;
        // Without an engine: nothing is delivered by the way.
        let store = existing(&command.db.db)?;
        let mended = mend_deliveries(&store, command.dry_run, &mut found).await;
        let listed = list_beyond(&store, &mut found).await;
        store.close().await?;
        mended?;
        listed?;
        output.print(&found.json(command.dry_run), || found.text(command.dry_run))?;
        Ok(if found.left.is_empty() { Ended::Well } else { Ended::WithProblems })
    })
}

/// Cases whose rows cannot be read while their events can.
async fn unreadable_rows(engine: &Engine<SqliteStore>, found: &mut Found) -> Result<Vec<CaseId>> {
    let mut rows = Vec::new();
    let is_row = |(what, _): &(String, String)| what.starts_with("row ");
    engine
        .verify_all(|case, audit| match audit {
            Ok(audit) if audit.is_well() => {}
            Ok(Audit { broken: None, unreadable, .. }) if unreadable.iter().all(is_row) => {
                rows.push(case.clone());
            }
            Ok(Audit { broken: Some((seq, what)), .. }) => {
                found.left.push(format!("{case} 第 {seq} 条断裂：{what}"));
            }
            Ok(Audit { unreadable, .. }) => {
                let told = unreadable.iter().map(|(what, why)| format!("{case} {what}：{why}"));
                found.left.extend(told);
            }
            Err(error) => found.left.push(format!("{case}：{error}")),
        })
        .await?;
    Ok(rows)
}

async fn rebuild(engine: &Engine<SqliteStore>, rows: &[CaseId], dry_run: bool, found: &mut Found) {
    for case in rows {
        let rebuilt = if dry_run { Ok(()) } else { engine.rebuild(case).await.map(|_| ()) };
        match rebuilt {
            Ok(()) => found.rebuilt.push(case.to_string()),
            Err(error) => found.left.push(format!("{case}：{error}")),
        }
    }
}

/// Puts deliveries back that were set aside and can be read now.
async fn mend_deliveries(
    store: &SqliteStore,
    dry_run: bool,
    found: &mut Found,
) -> Result<(), StoreError> {
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..Default::default() };
    let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
    loop {
        let part = store.deliveries(&filter, &page).await?;
        for row in part.rows {
            let was_set_aside =
                row.error.as_deref().is_some_and(|error| error.starts_with(UNREADABLE));
            let (id, outgoing) = (row.outgoing.id(), &row.outgoing);
            if row.is_unreadable {
                found.left.push(format!("{id}：{}", row.error.unwrap_or_default()));
            } else if was_set_aside {
                if !dry_run {
                    let at = present().millis();
                    store.retry_delivery(&outgoing.case, outgoing.seq, at).await?;
                }
                found.put_back.push(id);
            }
        }
        match part.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Lists open cases of a period outside the years.
async fn list_beyond(store: &SqliteStore, found: &mut Found) -> Result<(), StoreError> {
    let filter = CaseFilter { statuses: vec!["open".to_owned()], ..CaseFilter::default() };
    let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
    let is_beyond = |row: &CaseRow| {
        let period = row.period.clone();
        period.is_some_and(|period| !Window::try_from(period).is_ok_and(Window::is_civil))
    };
    loop {
        let part = store.cases(&filter, &page).await?;
        found.beyond.extend(part.rows.into_iter().filter(is_beyond));
        match part.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

impl Found {
    fn json(&self, dry_run: bool) -> Value {
        let beyond = self.beyond.iter().map(|row| {
            json!({ "case": row.id, "unit": row.unit, "period": row.period, "title": row.title })
        });
        json!({
            "dry_run": dry_run,
            "rebuilt": self.rebuilt,
            "put_back": self.put_back,
            "beyond": beyond.collect::<Vec<_>>(),
            "left": self.left,
        })
    }

    fn text(&self, dry_run: bool) -> String {
        let mut lines: Vec<String> = Vec::new();
        for row in &self.beyond {
            let period = row.period.as_deref().unwrap_or_default();
            lines.push(format!("期间有误：{} {} {} {period}", row.id, row.title, row.unit));
        }
        if !self.beyond.is_empty() {
            lines.push(format!(
                "以上事项的期间不在 {} 之内，请督查部门在事项页面中止（或 duban act 事项 cancel \
                 --reason 期间有误 --as 人员）",
                CivilDate::RANGE
            ));
        }
        lines.extend(self.left.iter().map(|one| format!("仍无法读取：{one}")));
        lines.push(format!(
            "{}重建 {} 件事项的数据行，放回 {} 条送达；{} 件期间有误，{} 处仍无法读取",
            if dry_run { "（只是核对，没有改动）将" } else { "已" },
            self.rebuilt.len(),
            self.put_back.len(),
            self.beyond.len(),
            self.left.len()
        ));
        lines.join("\n")
    }
}
