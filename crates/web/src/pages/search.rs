//! Search over what people wrote and what things are called.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Instant, Tz, date_of};
use duban_model::{Assignee, DefinitionHash};
use duban_store::{Cursor, Entry, EntryKind, PageRequest, SearchFilter, SearchWords, Store};
use serde::Deserialize;

use crate::lines::task_href;
use crate::pages::choice::{Choice, choices};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;
use crate::snippet::{Stretch, snippet};

/// Characters of a query that are read.
pub(crate) const QUERY_CHARS_MAX: usize = 100;

/// Answers of each kind where all kinds are shown.
const OF_EACH_KIND: u32 = 5;

/// Answers of a page of one kind.
const OF_ONE_KIND: u32 = 30;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SearchQuery {
    q: String,
    kind: String,
    suite: String,
    unit: String,
    period: String,
    state: String,
    /// The place after which a page begins; empty: the first one.
    after: String,
}

struct Hit {
    href: String,
    title: Vec<Stretch>,
    measure: String,
    unit: String,
    date: String,
    text: Vec<Stretch>,
}

struct Group {
    name: &'static str,
    hits: Vec<Hit>,
    /// Where the others of this kind are.
    more: Option<String>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    shell: Shell,
    query: SearchQuery,
    suites: Vec<Choice>,
    kinds: Vec<Choice>,
    states: Vec<Choice>,
    groups: Vec<Group>,
    is_asked: bool,
    /// Events that the index has yet to take in.
    behind: Option<u64>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(mut query), _): Asked<SearchQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    query.q = query.q.chars().take(QUERY_CHARS_MAX).collect();
    let words = SearchWords::parse(&query.q);
    let (mut groups, mut is_current) = (Vec::new(), true);
    if let Some(filter) = filter(&query, &sight)
        && !words.is_empty()
    {
        let chosen = EntryKind::of(&query.kind);
        let kinds = chosen.map_or(EntryKind::ALL.to_vec(), |kind| vec![kind]);
        for kind in kinds {
            let filter = SearchFilter { kind: Some(kind), ..filter.clone() };
            let limit = if chosen.is_some() { OF_ONE_KIND } else { OF_EACH_KIND };
            let is_later = chosen.is_some() && !query.after.is_empty();
            let after = is_later.then(|| Cursor(query.after.clone()));
            let request = PageRequest { after, limit };
            let found = app.engine.search(words.clone(), filter, request).await?;
            is_current &= found.is_current;
            let more = found.page.next.map(|next| {
                let next = chosen.map(|_| next.0).unwrap_or_default();
                address(&query, kind, &next)
            });
            let hits = hits(&app, &sight, &words, found.page.rows).await?;
            if !hits.is_empty() || more.is_some() {
                groups.push(Group { name: zh(kind), hits, more });
            }
        }
    }
    let kinds = EntryKind::ALL.map(|kind| (kind.as_str(), zh(kind)));
    let page = SearchPage {
        shell: Shell::new("搜索", "", &visitor, &sight.directory, &headers),
        suites: suites(&app, &query.suite).await?,
        kinds: choices(&kinds, &query.kind),
        states: choices(&[("open", "未结束"), ("closed", "已结束")], &query.state),
        groups,
        is_asked: !words.is_empty(),
        behind: (!is_current).then(|| app.engine.stats().index_behind),
        query,
    };
    Ok(render(&page))
}

/// What people read for a kind.
fn zh(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Case => "事项",
        EntryKind::Task => "任务",
        EntryKind::Report => "反馈与审核",
        EntryKind::Interview => "约谈与整改",
        EntryKind::Slip => "督办单",
        EntryKind::Notice => "通报",
        EntryKind::Referral => "移送",
    }
}

/// The filter of a query, narrowed to what the visitor may see; `None`: they may see nothing of it.
fn filter(query: &SearchQuery, sight: &Sight) -> Option<SearchFilter> {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Some(SearchFilter {
        suite: some(&query.suite),
        period: some(&query.period),
        kind: None,
        units: sight.within(query.unit.trim())?,
        is_closed: match query.state.as_str() {
            "open" => Some(false),
            "closed" => Some(true),
            _ => None,
        },
    })
}

async fn hits<S: Store>(
    app: &App<S>,
    sight: &Sight,
    words: &SearchWords,
    entries: Vec<Entry>,
) -> Result<Vec<Hit>, Failure> {
    let cases: BTreeSet<&str> = entries.iter().map(|entry| entry.case.as_str()).collect();
    let mut measures = BTreeMap::new();
    for case in cases {
        let row = app.engine.store().case(case).await?;
        measures.insert(case.to_owned(), row.map(|row| row.title).unwrap_or_default());
    }
    let hit = |entry: Entry| Hit {
        href: match &entry.item {
            Some(item) => task_href(&entry.case, item),
            None => format!("/cases/{}", entry.case),
        },
        title: snippet(&entry.title, words),
        measure: measures.get(&entry.case).cloned().unwrap_or_default(),
        unit: sight.directory.name_of(&Assignee::Unit(entry.unit.as_str().into())),
        date: date_of(Instant::from_millis(entry.at), Tz::Asia__Shanghai).to_string(),
        text: snippet(&entry.text, words),
    };
    Ok(entries.into_iter().map(hit).collect())
}

fn address(query: &SearchQuery, kind: EntryKind, after: &str) -> String {
    format!(
        "/search?q={}&suite={}&unit={}&period={}&state={}&kind={}&after={}",
        encode(&query.q),
        encode(&query.suite),
        encode(&query.unit),
        encode(&query.period),
        encode(&query.state),
        kind.as_str(),
        encode(after)
    )
}

async fn suites<S: Store>(app: &App<S>, chosen: &str) -> Result<Vec<Choice>, Failure> {
    let mut suites: Vec<Choice> = Vec::new();
    for (suite, _, hash) in app.engine.store().currents().await? {
        if suites.last().is_some_and(|last| last.value == suite) {
            continue;
        }
        let definition = app.engine.definition(&DefinitionHash::new(&hash)).await?;
        let name = definition.suite.title.clone();
        suites.push(Choice { is_chosen: suite == chosen, value: suite, name });
    }
    Ok(suites)
}
