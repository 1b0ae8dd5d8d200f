//! Reads `suite.yaml`: what holds for every workflow of a document.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use crate::definition::{Place, SuiteHead};
use crate::ids::SuiteId;
use crate::ladder::{Ladder, LightPolicy, ScoreRule};
use crate::ladder_file::{read_ladders, read_scoring};
use crate::lights;
use crate::preset::{Presets, resolve_all};
use crate::read::{Keys, Reader};
use crate::suite::Obligation;
use crate::yaml::Node;

/// The ladder that tasks climb where neither they nor the suite name one.
const DEFAULT_LADDER: &str = "standard";

/// The path of the file inside a suite.
pub(crate) const SUITE_FILE: &str = "suite.yaml";

/// What `suite.yaml` says.
#[derive(Debug)]
pub(crate) struct SuiteFile {
    pub(crate) head: SuiteHead,
    pub(crate) presets: Presets,
    pub(crate) ladders: BTreeMap<String, Ladder>,
    pub(crate) ladder: Option<String>,
    pub(crate) review_ladder: Option<String>,
    pub(crate) lights: LightPolicy,
    pub(crate) scoring: Vec<ScoreRule>,
    pub(crate) obligations: Vec<Obligation>,
    /// Where the calendar is named.
    pub(crate) calendar_place: Place,
}

impl SuiteFile {
    /// What holds where there is no readable file.
    pub(crate) fn empty(id: &str) -> Self {
        Self {
            head: SuiteHead {
                id: SuiteId::new(id),
                title: String::new(),
                issuer: String::new(),
                date: None,
                target_year: 0,
                time_zone: Tz::Asia__Shanghai,
                calendar: "cn".to_owned(),
                levels: Vec::new(),
                params: serde_json::Map::new(),
                supervision: None,
                administrator: None,
            },
            presets: Presets::new(),
            ladders: BTreeMap::new(),
            ladder: None,
            review_ladder: None,
            lights: LightPolicy::default(),
            scoring: Vec::new(),
            obligations: Vec::new(),
            calendar_place: top(),
        }
    }
}

/// The beginning of `suite.yaml`.
pub(crate) fn top() -> Place {
    Place { file: SUITE_FILE.to_owned(), line: 1, column: 1, length: 0 }
}

/// Reads `suite.yaml`.
pub(crate) fn read_suite(r: &mut Reader<'_>, id: &str, root: &Node) -> SuiteFile {
    let empty = SuiteFile::empty(id);
    let Some(mut keys) = r.keys(root) else { return empty };
    let head = read_head(r, &mut keys, empty.head);
    let ladders = keys.take("ladders").map(|node| read_ladders(r, node)).unwrap_or_default();
    let default = ladders.contains_key(DEFAULT_LADDER).then(|| DEFAULT_LADDER.to_owned());
    let suite = SuiteFile {
        presets: read_presets(r, &mut keys),
        ladder: read_ladder_name(r, &mut keys, "ladder", &ladders).unwrap_or(default),
        review_ladder: read_ladder_name(r, &mut keys, "review_ladder", &ladders).flatten(),
        lights: keys.take("lights").map(|node| lights::read(r, node)).unwrap_or_default(),
        scoring: keys.take("scoring").map(|node| read_scoring(r, node)).unwrap_or_default(),
        obligations: keys
            .take("obligations")
            .map(|node| read_obligations(r, node))
            .unwrap_or_default(),
        calendar_place: root.get("calendar").map_or_else(top, Node::place),
        head,
        ladders,
    };
    keys.finish(r);
    suite
}

fn read_head(r: &mut Reader<'_>, keys: &mut Keys<'_>, empty: SuiteHead) -> SuiteHead {
    SuiteHead {
        title: keys.require(r, "title").and_then(|node| r.title(node)).unwrap_or_default(),
        issuer: keys.text(r, "issuer").unwrap_or_default(),
        date: keys.take("date").and_then(|node| r.date(node)),
        target_year: keys
            .require(r, "target_year")
            .and_then(|node| read_year(r, node))
            .unwrap_or(0),
        time_zone: keys
            .take("time_zone")
            .and_then(|node| read_time_zone(r, node))
            .unwrap_or(empty.time_zone),
        calendar: keys.text(r, "calendar").unwrap_or(empty.calendar),
        levels: keys.take("levels").map(|node| read_levels(r, node)).unwrap_or_default(),
        params: keys.take("params").map(|node| r.data_map(node)).unwrap_or_default(),
        supervision: keys.expr(r, "supervision"),
        administrator: keys.expr(r, "administrator"),
        id: empty.id,
    }
}

fn read_year(r: &mut Reader<'_>, node: &Node) -> Option<i32> {
    let year = r.count(node, 0)?;
    let found = i32::try_from(year).ok().filter(|year| (1900..=2200).contains(year));
    if found.is_none() {
        r.error("DB1015", node, format!("`{year}` 不是年份"));
    }
    found
}

fn read_time_zone(r: &mut Reader<'_>, node: &Node) -> Option<Tz> {
    let text = r.text(node)?;
    let found = text.parse().ok();
    if found.is_none() {
        let help = "写 IANA 时区名，例如 Asia/Shanghai";
        r.error_help("DB1101", node, format!("没有时区 `{text}`"), help);
    }
    found
}

/// Reads `levels:` from the top down: a map, or a list of single maps.
fn read_levels(r: &mut Reader<'_>, node: &Node) -> Vec<(String, String)> {
    let mut levels: Vec<(String, String)> = Vec::new();
    for map in r.items(node) {
        for (name, chinese) in r.map(map) {
            let (Some(level), Some(chinese)) = (r.text(name), r.text(chinese)) else { continue };
            if levels.iter().any(|(other, _)| *other == level) {
                r.error("DB1213", name, format!("`{level}` 写了两次"));
            }
            levels.push((level, chinese));
        }
    }
    levels
}

fn read_presets(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Presets {
    let Some(node) = keys.take("presets") else { return Presets::new() };
    let entries = r.map(node);
    let mut written = Presets::new();
    for (name, preset) in entries {
        r.map(preset);
        written.extend(name.text().map(|name| (name.to_owned(), preset.clone())));
    }
    resolve_all(r, &written)
}

/// The name of a ladder of the suite. The outer option: whether the key is there.
fn read_ladder_name(
    r: &mut Reader<'_>,
    keys: &mut Keys<'_>,
    key: &'static str,
    ladders: &BTreeMap<String, Ladder>,
) -> Option<Option<String>> {
    let node = keys.take(key)?;
    let name = r.text(node)?;
    if name == "none" {
        return Some(None);
    }
    if !ladders.contains_key(&name) {
        r.error("DB1209", node, format!("文件没有阶梯 `{name}`"));
    }
    Some(Some(name))
}

/// Reads `obligations:`: the rows of the document that workflows must carry.
fn read_obligations(r: &mut Reader<'_>, node: &Node) -> Vec<Obligation> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for item in r.items(node) {
        let Some(obligation) = read_obligation(r, item) else { continue };
        if !seen.insert(obligation.row.clone()) {
            r.error("DB1107", item, format!("条目 `{}` 重复", obligation.row));
            continue;
        }
        found.push(obligation);
    }
    found
}

fn read_obligation(r: &mut Reader<'_>, node: &Node) -> Option<Obligation> {
    let mut keys = r.keys(node)?;
    let row = keys.require(r, "row").and_then(|node| r.text(node));
    let text = keys.require(r, "text").and_then(|node| r.text(node));
    let kind = keys.text(r, "kind");
    let levels = keys.texts(r, "level");
    let level = (!levels.is_empty()).then(|| levels.join("、"));
    let due = keys.text(r, "due");
    keys.finish(r);
    Some(Obligation { row: row?, text: text?, kind, level, due, place: node.place() })
}
