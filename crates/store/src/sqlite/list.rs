//! Listings of cases and items, lights, scores.
//!
//! A page of items is found in two steps: an index gives the places, in the order of the listing,
//! and then the rows of the page alone are read. Open and closed items lie apart in the indexes,
//! because nearly every question is about open ones; a question about both asks twice.

use std::collections::BTreeMap;

use duban_core::{CaseRow, ItemRow};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::append::{NEVER, is_closed, signed, unsigned};
use super::column::{count, json, number, number_or_null, text, text_or_null};
use super::cursor;
use super::read::optional_count;
use crate::error::StoreError;
use crate::query::{
    AttentionCount, AttentionFilter, CaseFilter, ItemFilter, LightCount, LightFilter, Page,
    PageRequest, ScoreFilter, ScoreRow, ScoreTotal,
};

/// Conditions and their values, in the order of the question marks.
#[derive(Clone, Default)]
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    fn equals(&mut self, column: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.add(&format!("{column} = ?"), [value.clone().into()]);
        }
    }

    /// Written out, so that the index of what needs attention alone can serve.
    fn attention(&mut self, filter: Option<&AttentionFilter>) {
        match filter {
            Some(AttentionFilter::Any) => self.add("attention IS NOT NULL", []),
            Some(AttentionFilter::Kind(kind)) => {
                self.add("attention IS NOT NULL", []);
                let word = format!(" {kind} ");
                self.add("instr(' ' || attention || ' ', ?) > 0", [word.into()]);
            }
            None => {}
        }
    }

    fn any(&mut self, column: &str, values: &[String]) {
        match values {
            [] => {}
            [one] => self.equals(column, Some(one)),
            many => {
                self.add(&format!("{column} IN (SELECT value FROM json_each(?))"), [array(many)]);
            }
        }
    }
}

fn array(texts: &[String]) -> Value {
    serde_json::to_string(texts).expect("invariant: texts are plain data").into()
}

const CASE_COLUMNS: &str = "id, suite, workflow, unit, period, title, status, faulted, definition,
     version, next_wakeup, opened_at, closed_at, attention, data";

fn case_row(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
    Ok(CaseRow {
        id: text(row, 0)?,
        suite: text(row, 1)?,
        workflow: text(row, 2)?,
        unit: text(row, 3)?,
        period: text_or_null(row, 4)?,
        title: text(row, 5)?,
        status: text(row, 6)?,
        faulted: number(row, 7)? != 0,
        definition: text(row, 8)?,
        version: count(row, 9)?,
        next_wakeup: number_or_null(row, 10)?,
        opened_at: number(row, 11)?,
        closed_at: number_or_null(row, 12)?,
        attention: text_or_null(row, 13)?,
        data: json(row, 14)?,
    })
}

pub(super) fn case(conn: &Connection, id: &str) -> Result<Option<CaseRow>, StoreError> {
    let sql = format!("SELECT {CASE_COLUMNS} FROM cases WHERE id = ?1");
    let mut select = conn.prepare_cached(&sql)?;
    let mut rows = select.query_map([id], case_row)?;
    Ok(rows.next().transpose()?)
}

pub(super) fn cases(
    conn: &Connection,
    filter: &CaseFilter,
    page: &PageRequest,
) -> Result<Page<CaseRow>, StoreError> {
    let index = if filter.faulted {
        "cases_faulted"
    } else if filter.attention.is_some() {
        "cases_attention"
    } else if is_few(&filter.units) {
        "cases_unit"
    } else if filter.suite.is_some() {
        "cases_suite"
    } else {
        "cases_id"
    };
    let mut conditions = Conditions::default();
    if filter.faulted {
        conditions.add("faulted = 1", []);
    }
    conditions.attention(filter.attention.as_ref());
    conditions.any("unit", &filter.units);
    conditions.equals("suite", filter.suite.as_ref());
    conditions.equals("workflow", filter.workflow.as_ref());
    conditions.equals("period", filter.period.as_ref());
    conditions.any("status", &filter.statuses);
    if let Some(after) = &page.after {
        let id: String = cursor::read(cursor::CASES, after)?;
        conditions.add("id > ?", [id.into()]);
    }
    let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
    conditions.values.push(i64::from(limit + 1).into());
    let sql = format!(
        "SELECT {CASE_COLUMNS} FROM cases INDEXED BY {index}{} ORDER BY id LIMIT ?",
        conditions.sql
    );
    let mut select = conn.prepare_cached(&sql)?;
    let rows = select.query_map(params_from_iter(conditions.values), case_row)?;
    let rows: Vec<CaseRow> = rows.collect::<Result<_, _>>()?;
    let place = |row: &CaseRow| cursor::write(cursor::CASES, &row.id);
    Ok(cursor::page(rows, optional_count(limit), place))
}

/// What ladders open beside the tasks of a workflow; it has an index of its own.
const SPECIAL: [&str; 3] = ["interview", "rectification", "extra"];

/// Units that are gone through one by one. Among more of them, most rows of the listing are
/// wanted, and going through it in its order comes to an end sooner.
const UNITS_FEW: usize = 200;

fn is_few(units: &[String]) -> bool {
    (1..=UNITS_FEW).contains(&units.len())
}

/// Where an item stands in the listing: due date, case, key; then its row number.
type Place = (i64, String, String, i64);

pub(super) fn items(
    conn: &Connection,
    filter: &ItemFilter,
    page: &PageRequest,
) -> Result<Page<ItemRow>, StoreError> {
    let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
    let conditions = item_conditions(filter, page)?;
    // The places and the rows are of one state of the database.
    let snapshot = conn.unchecked_transaction()?;
    let mut places = Vec::new();
    for closed in closed_ones(filter) {
        let mut conditions = conditions.clone();
        conditions.add("closed = ?", [i64::from(closed).into()]);
        places.extend(find(&snapshot, filter, conditions, limit + 1)?);
    }
    places.sort();
    let more = places.len() > optional_count(limit);
    places.truncate(optional_count(limit));
    let next = places
        .last()
        .filter(|_| more)
        .map(|(due, case, key, _)| cursor::write(cursor::ITEMS, &(due, case, key)));
    let sql = format!("SELECT {ITEM_COLUMNS} FROM items WHERE no = ?1");
    let mut select = snapshot.prepare_cached(&sql)?;
    let rows = places.iter().map(|place| select.query_row([place.3], item_row));
    let rows = rows.collect::<Result<_, _>>()?;
    Ok(Page { rows, next })
}

fn item_conditions(filter: &ItemFilter, page: &PageRequest) -> Result<Conditions, StoreError> {
    let mut conditions = Conditions::default();
    if let Some(case) = &filter.case {
        conditions.add("case_no = (SELECT no FROM cases WHERE id = ?)", [case.clone().into()]);
    }
    conditions.any("unit", &filter.units);
    conditions.equals("workflow", filter.workflow.as_ref());
    match filter.task.as_deref().filter(|task| SPECIAL.contains(task)) {
        // Written out, so that the index of these alone can serve.
        Some(special) => conditions.add(&format!("task = '{special}'"), []),
        None => conditions.equals("task", filter.task.as_ref()),
    }
    conditions.any("workflow || '/' || task", &filter.tasks);
    conditions.equals("window", filter.window.as_ref());
    for (column, value) in [("suite", &filter.suite), ("period", &filter.period)] {
        let own = format!("(SELECT {column} FROM cases WHERE no = case_no)");
        conditions.equals(&own, value.as_ref());
    }
    conditions.any("status", &filter.statuses);
    if let Some(due) = filter.due_from {
        conditions.add("due >= ?", [due.into()]);
        // SQLite goes through an index up to one bound alone: there must not be a second.
        if filter.due_until.is_none() {
            conditions.add("due < ?", [NEVER.into()]);
        }
    }
    if let Some(due) = filter.due_until {
        conditions.add("due <= ?", [due.min(NEVER - 1).into()]);
    }
    conditions.attention(filter.attention.as_ref());
    if let Some((light, now)) = filter.light {
        let now = Value::from(now);
        match light {
            LightFilter::Red => conditions.add("red_at < ?", [now]),
            LightFilter::Yellow => {
                conditions.add("yellow_at < ?", [now.clone()]);
                conditions.add("(red_at IS NULL OR red_at >= ?)", [now]);
            }
            LightFilter::Green => {
                conditions.add("status <> 'waiting'", []);
                conditions.add("(yellow_at IS NULL OR yellow_at >= ?)", [now.clone()]);
                conditions.add("(red_at IS NULL OR red_at >= ?)", [now]);
            }
        }
    }
    if let Some(after) = &page.after {
        let (due, case, key): (i64, String, String) = cursor::read(cursor::ITEMS, after)?;
        let place = [due.into(), case.into(), key.into()];
        conditions.add("(due, case_id, key) > (?, ?, ?)", place);
    }
    Ok(conditions)
}

/// Which of open and closed items a filter can mean.
fn closed_ones(filter: &ItemFilter) -> Vec<bool> {
    let means = |closed: bool| {
        let status = filter.statuses.is_empty()
            || filter.statuses.iter().any(|status| is_closed(status) == closed);
        let is_open_only =
            filter.light.is_some() || filter.attention.is_some() || !filter.waiting_on.is_empty();
        status && !(closed && is_open_only)
    };
    [false, true].into_iter().filter(|closed| means(*closed)).collect()
}

fn find(
    conn: &Connection,
    filter: &ItemFilter,
    conditions: Conditions,
    limit: u32,
) -> rusqlite::Result<Vec<Place>> {
    let mut values = Vec::new();
    let from = if !filter.waiting_on.is_empty() {
        values.push(array(&filter.waiting_on));
        "(SELECT DISTINCT item FROM waiting WHERE assignee IN (SELECT value FROM json_each(?)))
         CROSS JOIN items NOT INDEXED ON no = item"
    } else if filter.case.is_some() {
        "items INDEXED BY items_key"
    } else if filter.attention.is_some() {
        "items INDEXED BY items_attention"
    } else if filter.task.as_deref().is_some_and(|task| SPECIAL.contains(&task)) {
        "items INDEXED BY items_special"
    } else if is_few(&filter.units) {
        "items INDEXED BY items_unit"
    } else if filter.workflow.is_some() {
        "items INDEXED BY items_workflow"
    } else {
        "items INDEXED BY items_due"
    };
    values.extend(conditions.values);
    values.push(i64::from(limit).into());
    let sql = format!(
        "SELECT due, case_id, key, no FROM {from}{} ORDER BY due, case_id, key LIMIT ?",
        conditions.sql
    );
    let mut select = conn.prepare_cached(&sql)?;
    let places = select.query_map(params_from_iter(values), |row| {
        Ok((number(row, 0)?, text(row, 1)?, text(row, 2)?, number(row, 3)?))
    })?;
    places.collect()
}

const ITEM_COLUMNS: &str = "case_id, key, task, unit, status, held, owner, waiting_on, since, due,
     yellow_at, red_at, window, attention, data";

pub(super) fn item(
    conn: &Connection,
    case: &str,
    key: &str,
) -> Result<Option<ItemRow>, StoreError> {
    let sql = format!(
        "SELECT {ITEM_COLUMNS} FROM items
         WHERE case_no = (SELECT no FROM cases WHERE id = ?1) AND key = ?2"
    );
    let mut select = conn.prepare_cached(&sql)?;
    let mut rows = select.query_map([case, key], item_row)?;
    Ok(rows.next().transpose()?)
}

fn item_row(row: &Row<'_>) -> rusqlite::Result<ItemRow> {
    Ok(ItemRow {
        case: text(row, 0)?,
        key: text(row, 1)?,
        task: text(row, 2)?,
        unit: text(row, 3)?,
        status: text(row, 4)?,
        held: number(row, 5)? != 0,
        owner: text_or_null(row, 6)?,
        waiting_on: text_or_null(row, 7)?,
        since: number(row, 8)?,
        due: Some(number(row, 9)?).filter(|due| *due != NEVER),
        yellow_at: number_or_null(row, 10)?,
        red_at: number_or_null(row, 11)?,
        window: text_or_null(row, 12)?,
        attention: text_or_null(row, 13)?,
        data: json(row, 14)?,
    })
}

/// Counts on the indexes of these items and cases alone.
pub(super) fn attention(conn: &Connection) -> Result<Vec<AttentionCount>, StoreError> {
    let mut counts: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for (table, is_case) in [("items", false), ("cases", true)] {
        let mut select = conn.prepare_cached(&format!(
            "SELECT attention, unit, count(*) FROM {table} INDEXED BY {table}_attention
             WHERE attention IS NOT NULL GROUP BY attention, unit"
        ))?;
        let rows =
            select.query_map([], |row| Ok((text(row, 0)?, text(row, 1)?, unsigned(row, 2)?)))?;
        for row in rows {
            let (kinds, unit, count) = row?;
            for kind in kinds.split(' ') {
                let found = counts.entry((kind.to_owned(), unit.clone())).or_default();
                *if is_case { &mut found.1 } else { &mut found.0 } += count;
            }
        }
    }
    let counted = counts.into_iter();
    let count = |((kind, unit), (items, cases))| AttentionCount { kind, unit, items, cases };
    Ok(counted.map(count).collect())
}

/// Counts on two indexes alone: `cases_unit` gives the groups, `items_light` what is counted.
pub(super) fn lights(
    conn: &Connection,
    suite: Option<&str>,
    now: i64,
) -> Result<Vec<LightCount>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT c.suite, c.workflow, c.unit, count(*),
             count(*) FILTER (WHERE closed = 0 AND red_at < ?1),
             count(*) FILTER (WHERE closed = 0 AND yellow_at < ?1
                 AND (red_at IS NULL OR red_at >= ?1)),
             count(*) FILTER (WHERE closed = 0 AND i.status <> 'waiting'
                 AND (yellow_at IS NULL OR yellow_at >= ?1)
                 AND (red_at IS NULL OR red_at >= ?1)),
             count(*) FILTER (WHERE i.status = 'done')
         FROM cases c INDEXED BY cases_unit
         CROSS JOIN items i INDEXED BY items_light ON i.case_no = c.no
         WHERE ?2 IS NULL OR c.suite = ?2
         GROUP BY c.unit, c.suite, c.workflow",
    )?;
    let counts = select.query_map((now, suite), |row| {
        let (all, red) = (unsigned(row, 3)?, unsigned(row, 4)?);
        let (yellow, green, done) = (unsigned(row, 5)?, unsigned(row, 6)?, unsigned(row, 7)?);
        Ok(LightCount {
            suite: text(row, 0)?,
            workflow: text(row, 1)?,
            unit: text(row, 2)?,
            grey: all - red - yellow - green,
            green,
            yellow,
            red,
            done,
        })
    })?;
    let mut counts: Vec<LightCount> = counts.collect::<Result<_, _>>()?;
    counts.sort_by(|a, b| (&a.suite, &a.workflow, &a.unit).cmp(&(&b.suite, &b.workflow, &b.unit)));
    Ok(counts)
}

pub(super) fn scores(
    conn: &Connection,
    suite: Option<&str>,
) -> Result<Vec<ScoreTotal>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT unit, sum(points), count(*) FROM scores WHERE ?1 IS NULL OR suite = ?1
         GROUP BY unit ORDER BY unit",
    )?;
    let totals = select.query_map([suite], |row| {
        Ok(ScoreTotal { unit: row.get(0)?, points: row.get(1)?, entries: unsigned(row, 2)? })
    })?;
    Ok(totals.collect::<Result<_, _>>()?)
}

pub(super) fn score_entries(
    conn: &Connection,
    filter: &ScoreFilter,
    page: &PageRequest,
) -> Result<Page<ScoreRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.equals("suite", filter.suite.as_ref());
    conditions.equals("unit", filter.unit.as_ref());
    conditions.equals("case_id", filter.case.as_ref());
    if let Some(after) = &page.after {
        let (case, seq): (String, u64) = cursor::read(cursor::SCORES, after)?;
        conditions.add("(case_id, seq) > (?, ?)", [case.into(), signed(seq).into()]);
    }
    let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
    conditions.values.push(i64::from(limit + 1).into());
    let mut select = conn.prepare_cached(&format!(
        "SELECT case_id, seq, at, unit, points, rule, why FROM scores{}
         ORDER BY case_id, seq LIMIT ?",
        conditions.sql
    ))?;
    let rows = select.query_map(params_from_iter(conditions.values), |row| {
        Ok(ScoreRow {
            case: text(row, 0)?,
            seq: count(row, 1)?,
            at: number(row, 2)?,
            unit: text(row, 3)?,
            points: number(row, 4)?,
            rule: text_or_null(row, 5)?,
            why: text(row, 6)?,
        })
    })?;
    let rows: Vec<ScoreRow> = rows.collect::<Result<_, _>>()?;
    let place = |row: &ScoreRow| cursor::write(cursor::SCORES, &(&row.case, row.seq));
    Ok(cursor::page(rows, optional_count(limit), place))
}
