//! The search index: an FTS5 table without content beside the entries.
//!
//! What is looked up are the terms of `words.rs`, joined by spaces; FTS5 only splits them again.
//! Three columns: what an entry says itself, the names of what it belongs to, and tags by which
//! searches are narrowed (kind, suite, period, unit). The table of words keeps no text of its own
//! and removes by row number, so a text is stored once.
//!
//! Answers come newest first and not by a measure of relevance, which would have to look at
//! every hit: a word that stands in a million reports costs no more than one that stands in ten.

use std::collections::HashSet;
use std::fmt::Write as _;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::append::signed;
use super::column::{count, number, text};
use super::cursor;
use super::read::optional_count;
use crate::error::StoreError;
use crate::query::{Page, PageRequest};
use crate::search::{Entry, EntryKind, INDEX_PROGRESS, Indexed, SearchFilter};
use crate::words::{SearchWords, phrase, terms};

/// Hits that one page looks at. Where that does not fill it, the next page goes on from there.
const LOOKED_AT_MAX: usize = 5_000;

/// Units that are looked up as tags; among more of them, most hits are wanted anyway.
const UNITS_TAGGED_MAX: usize = 100;

/// An entry with its terms, which are made before the writer's turn.
pub(super) struct Prepared {
    entry: Entry,
    own: String,
    place: String,
    digest: i64,
}

impl Prepared {
    pub(super) fn of(indexed: Indexed) -> Self {
        let digest = indexed.digest();
        let Indexed { entry, names, place } = indexed;
        let own = terms(&format!("{} {}", entry.text, names));
        Self { own, place: terms(&place), digest, entry }
    }
}

/// Writes a part of the index; `false` where it is not where the caller thinks.
pub(super) fn index(
    conn: &Connection,
    entries: &[Prepared],
    before: Option<&str>,
    after: &str,
) -> rusqlite::Result<bool> {
    let mut progress = conn.prepare_cached("SELECT json FROM documents WHERE name = ?1")?;
    let found: Option<String> =
        progress.query_row([INDEX_PROGRESS], |row| row.get(0)).optional()?;
    if found.as_deref() != before {
        return Ok(false);
    }
    for entry in entries {
        write(conn, entry)?;
    }
    super::read::put_document(conn, INDEX_PROGRESS, after, 0)?;
    Ok(true)
}

fn write(conn: &Connection, prepared: &Prepared) -> rusqlite::Result<()> {
    let Prepared { entry, own, place, digest } = prepared;
    let mut case = conn.prepare_cached("SELECT no, suite, period FROM cases WHERE id = ?1")?;
    let case: Option<(i64, String, Option<String>)> = case
        .query_row([&entry.case], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((case, suite, period)) = case else { return Ok(()) };
    let item = entry.item.as_deref().unwrap_or_default();
    let stored: Option<(i64, i64)> = conn
        .prepare_cached(
            "SELECT no, digest FROM entries WHERE case_no = ?1 AND seq = ?2 AND item = ?3",
        )?
        .query_row(params![case, signed(entry.seq), item], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let no = match stored {
        Some((_, known)) if known == *digest => return Ok(()),
        Some((no, _)) => {
            conn.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([no])?;
            conn.prepare_cached("DELETE FROM entries WHERE no = ?1")?.execute([no])?;
            Some(no)
        }
        None => None,
    };
    let no = conn
        .prepare_cached(
            "INSERT INTO entries (no, case_no, seq, item, kind, unit, at, title, text, digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .insert(params![
            no,
            case,
            signed(entry.seq),
            item,
            entry.kind.as_str(),
            entry.unit,
            entry.at,
            entry.title,
            entry.text,
            digest
        ])?;
    let period = period.map(|period| tag('p', &period)).unwrap_or_default();
    let (suite, unit) = (tag('s', &suite), tag('u', &entry.unit));
    let tags = format!("{} {suite} {unit} {period}", tag('k', entry.kind.as_str()));
    conn.prepare_cached("INSERT INTO words (rowid, own, place, tags) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![no, own, place, tags])?;
    Ok(())
}

/// A code as a term: letters and digits alone, whatever it is made of.
fn tag(sort: char, code: &str) -> String {
    let mut tag = String::from(sort);
    for byte in code.bytes() {
        write!(tag, "{byte:02x}").expect("invariant: writing to a String succeeds");
    }
    tag
}

/// Forgets the whole index.
pub(super) fn clear(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("INSERT INTO words (words) VALUES ('delete-all')", ())?;
    conn.execute("DELETE FROM entries", ())?;
    conn.execute("DELETE FROM documents WHERE name = ?1", [INDEX_PROGRESS])?;
    Ok(())
}

pub(super) fn search(
    conn: &Connection,
    words: &SearchWords,
    filter: &SearchFilter,
    page: &PageRequest,
) -> Result<Page<Entry>, StoreError> {
    let before = page.after.as_ref();
    let before: i64 = before.map_or(Ok(i64::MAX), |at| cursor::read(cursor::SEARCH, at))?;
    if words.is_empty() {
        return Ok(Page { rows: Vec::new(), next: None });
    }
    let limit = optional_count(page.limit.clamp(1, PageRequest::LIMIT_MAX));
    let units: HashSet<&str> = filter.units.iter().map(String::as_str).collect();
    // One state of the database, also for what is asked of each hit.
    let snapshot = conn.unchecked_transaction()?;
    let mut select = snapshot.prepare_cached(
        "SELECT e.no, c.id, e.seq, e.item, e.kind, e.unit, e.at, e.title, e.text, e.case_no
         FROM words CROSS JOIN entries e ON e.no = words.rowid
         CROSS JOIN cases c ON c.no = e.case_no
         WHERE words MATCH ?1 AND words.rowid < ?2 ORDER BY words.rowid DESC",
    )?;
    let mut hits = select.query(params![expression(words, filter), before])?;
    let (mut rows, mut last, mut looked_at) = (Vec::new(), None, 0);
    while let Some(hit) = hits.next()? {
        if rows.len() == limit || looked_at == LOOKED_AT_MAX {
            let next = last.map(|no: i64| cursor::write(cursor::SEARCH, &no));
            return Ok(Page { rows, next });
        }
        looked_at += 1;
        last = Some(hit.get(0)?);
        let is_there = units.is_empty() || units.contains(hit.get_ref(5)?.as_str().unwrap_or(""));
        if is_there && is_wanted(&snapshot, hit, filter.is_closed)? {
            rows.push(entry(hit)?);
        }
    }
    Ok(Page { rows, next: None })
}

/// Whether what an entry is about is closed or open now, as wanted.
fn is_wanted(conn: &Connection, hit: &Row<'_>, wanted: Option<bool>) -> rusqlite::Result<bool> {
    let Some(wanted) = wanted else { return Ok(true) };
    let (case, item): (i64, String) = (hit.get(9)?, hit.get(3)?);
    let mut closed = conn.prepare_cached(
        "SELECT coalesce(
             (SELECT closed FROM items WHERE case_no = ?1 AND key = ?2),
             (SELECT status <> 'open' FROM cases WHERE no = ?1))",
    )?;
    closed.query_row(params![case, item], |row| row.get::<_, bool>(0)).map(|is| is == wanted)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let item = text(row, 3)?;
    Ok(Entry {
        case: text(row, 1)?,
        seq: count(row, 2)?,
        item: (!item.is_empty()).then_some(item),
        kind: EntryKind::of(&text(row, 4)?).unwrap_or(EntryKind::Report),
        unit: text(row, 5)?,
        at: number(row, 6)?,
        title: text(row, 7)?,
        text: text(row, 8)?,
    })
}

/// What FTS5 is asked. Terms are letters and digits alone, so nothing in them needs escaping.
fn expression(words: &SearchWords, filter: &SearchFilter) -> String {
    let phrases = |list: &[String]| -> Vec<String> {
        list.iter()
            .filter_map(|word| phrase(word))
            .map(|terms| format!("\"{}\"", terms.join(" ")))
            .collect()
    };
    let (wanted, unwanted) = (phrases(words.wanted()), phrases(words.unwanted()));
    let mut parts = vec![
        format!("{{own}} : ({})", wanted.join(" OR ")),
        format!("{{own place}} : ({})", wanted.join(" AND ")),
    ];
    let tags = [
        filter.kind.map(|kind| tag('k', kind.as_str())),
        filter.suite.as_ref().map(|suite| tag('s', suite)),
        filter.period.as_ref().map(|period| tag('p', period)),
    ];
    parts.extend(tags.into_iter().flatten().map(|tag| format!("{{tags}} : \"{tag}\"")));
    if (1..=UNITS_TAGGED_MAX).contains(&filter.units.len()) {
        let units = filter.units.iter().map(|unit| format!("\"{}\"", tag('u', unit)));
        let units: Vec<String> = units.collect();
        parts.push(format!("{{tags}} : ({})", units.join(" OR ")));
    }
    let mut asked = format!("({})", parts.join(") AND ("));
    if !unwanted.is_empty() {
        asked = format!("({asked}) NOT ({{own place}} : ({}))", unwanted.join(" OR "));
    }
    asked
}
