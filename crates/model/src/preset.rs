//! `extends`: presets of the suite, merged into what extends them.
//!
//! Maps merge key by key, everything else replaces. A preset with `tasks` makes one task for each
//! of them: `mechanism` with `setup` and `runs` turns the task `joint` into `joint_setup` and
//! `joint_runs`. Its siblings know each other by their short names in `needs`; other tasks that
//! need `joint` mean the last of them. Keys beside `extends` go to every task made, those nested
//! under a sibling's name to that one; `needs` beside `extends` goes to the tasks of the preset
//! that need no sibling, `due` to those that are no duties, `every` and its companions to those that
//! are, and each name in `assumed` to those that have the key. `{title}` in a preset's title stands
//! for the title written at the task.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::LoadLimits;
use crate::read::{Reader, closest};
use crate::yaml::{Kind, Node};

/// The suite's presets by name.
pub(crate) type Presets = BTreeMap<String, Node>;

/// Tasks after presets were merged in.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// Id and body of each task.
    pub(crate) tasks: Vec<(Node, Node)>,
    /// What other tasks mean by the name of a task that became several.
    pub(crate) aliases: BTreeMap<String, String>,
}

/// How many presets one thing may extend.
const EXTENDS_MAX: usize = 8;

/// Presets with those that they extend merged in. Each is merged once, so that no nest of presets
/// can grow beyond its text.
pub(crate) fn resolve_all(r: &mut Reader<'_>, written: &Presets) -> Presets {
    let mut resolved = Presets::new();
    for name in written.keys() {
        resolve_preset(r, name, written, &mut resolved, &mut Vec::new());
    }
    resolved
}

fn resolve_preset(
    r: &mut Reader<'_>,
    name: &str,
    written: &Presets,
    resolved: &mut Presets,
    chain: &mut Vec<String>,
) {
    let Some(preset) = written.get(name).filter(|_| !resolved.contains_key(name)) else { return };
    chain.push(name.to_owned());
    let mut own = preset.clone();
    for base in names(preset) {
        let text = base.text().unwrap_or_default();
        if chain.iter().any(|above| above == text) || chain.len() > EXTENDS_MAX {
            let circle = format!("{} → {text}", chain.join(" → "));
            r.error("DB1109", base, format!("预设互相引用：{circle}"));
            own = without(&own, |key| key == "extends");
            break;
        }
        resolve_preset(r, text, written, resolved, chain);
    }
    chain.pop();
    let whole = resolve(r, &own, resolved);
    resolved.insert(name.to_owned(), whole);
}

/// The names behind `extends`.
fn names(node: &Node) -> &[Node] {
    match node.get("extends") {
        Some(Node { kind: Kind::List(names), .. }) => names,
        Some(name) => std::slice::from_ref(name),
        None => &[],
    }
}

/// The map with its presets merged in and `extends` gone.
pub(crate) fn resolve(r: &mut Reader<'_>, node: &Node, presets: &Presets) -> Node {
    if node.get("extends").is_none() {
        return node.clone();
    }
    let names = names(node);
    if let Some(name) = names.get(EXTENDS_MAX) {
        r.error("DB1006", name, format!("最多用 {EXTENDS_MAX} 个预设"));
    }
    let mut base = node.with(Kind::Map(Vec::new()));
    for name in names.iter().take(EXTENDS_MAX) {
        if let Some(preset) = find(r, name, presets) {
            base = merge(&base, preset);
        }
    }
    let own = without(node, |key| key == "extends");
    let mut merged = merge(&base, &own);
    fill_title(&mut merged, &base, &own);
    merged
}

fn find<'p>(r: &mut Reader<'_>, name: &Node, presets: &'p Presets) -> Option<&'p Node> {
    let text = r.text(name)?;
    let found = presets.get(&text);
    if found.is_none() {
        let help = closest(&text, presets.keys().map(String::as_str)).map_or_else(
            || "预设写在 suite.yaml 的 presets 里".to_owned(),
            |near| format!("是否想写 `{near}`？"),
        );
        r.error_help("DB1108", name, format!("文件没有预设 `{text}`"), help);
    }
    found
}

/// All tasks of `tasks:` after presets were merged in.
/// Stops with a problem where they are more, or larger, than the limits allow.
pub(crate) fn expand_tasks(
    r: &mut Reader<'_>,
    tasks: &Node,
    presets: &Presets,
    limits: LoadLimits,
) -> Expanded {
    let mut expanded = Expanded::default();
    let mut nodes = 0;
    for (key, body) in r.map(tasks) {
        nodes += expanded.tasks.last().map_or(0, |(_, task)| task.size());
        if expanded.tasks.len() >= limits.tasks_max || nodes > limits.nodes_max {
            let (tasks, nodes) = (limits.tasks_max, limits.nodes_max);
            r.error("DB1006", key, format!("任务超过 {tasks} 个，或展开后超过 {nodes} 项"));
            break;
        }
        if body.get("extends").is_none() {
            expanded.tasks.push((key.clone(), body.clone()));
            continue;
        }
        let own = without(body, |key| key == "extends");
        let whole = resolve(r, body, presets);
        match whole.get("tasks").and_then(Node::entries) {
            None => expanded.tasks.push((key.clone(), whole)),
            Some(siblings) => {
                let shared = without(&whole, |key| key == "tasks");
                make_siblings(&mut expanded, key, siblings, &shared, &own);
            }
        }
    }
    expanded
}

/// Keys of duties: beside `extends` they go to the tasks of a preset that are duties.
const OF_DUTIES: [&str; 5] = ["every", "at_least", "grace", "counts", "event"];

/// One task for each sibling: what the preset shares, then the sibling's own keys, then what the
/// author wrote at the task.
fn make_siblings(
    expanded: &mut Expanded,
    key: &Node,
    siblings: &[(Node, Node)],
    shared: &Node,
    own: &Node,
) {
    let name = key.text().unwrap_or_default();
    let names: Vec<&str> = siblings.iter().filter_map(|(sibling, _)| sibling.text()).collect();
    let for_sibling = |key: &str| names.contains(&key);
    let shared = without(shared, |key| for_sibling(key) || own.get(key).is_some());
    let for_all = without(own, for_sibling);
    let any_duty = siblings.iter().any(|(_, body)| body.get("every").is_some());
    let first = expanded.tasks.len();
    for (sibling, body) in siblings {
        let short = sibling.text().unwrap_or_default();
        let mut base = merge(&shared, body);
        let needs_sibling = rename_needs(&mut base, name, &names);
        let duty = base.get("every").is_some();
        let beside = without(&for_all, |key| match key {
            "needs" => needs_sibling,
            "due" => duty,
            _ => !duty && any_duty && OF_DUTIES.contains(&key),
        });
        let mut task = merge(&base, &beside);
        if let Some(nested) = own.get(short) {
            let mut nested = nested.clone();
            rename_needs(&mut nested, name, &names);
            task = merge(&task, &nested);
            fill_title(&mut task, &base, &for_all);
            if nested.get("title").is_some() {
                fill_title(&mut task, &nested, &for_all);
            }
        } else {
            fill_title(&mut task, &base, &for_all);
        }
        keep_what_fits(&mut task, own.get(short).is_some_and(|nested| nested.get("due").is_some()));
        let id = format!("{name}_{short}");
        expanded.aliases.insert(name.to_owned(), id.clone());
        let style = crate::yaml::Style::Plain;
        expanded.tasks.push((key.with(Kind::Text(id, style)), task));
    }
    share_assumed(&mut expanded.tasks[first..]);
}

/// Leaves each task the names in `assumed` whose keys it has. A name whose key none of them has
/// stays, to be reported.
fn share_assumed(tasks: &mut [(Node, Node)]) {
    let keys = |task: &Node| -> BTreeSet<String> {
        let entries = task.entries().unwrap_or_default().iter();
        entries.filter_map(|(key, _)| key.text().map(str::to_owned)).collect()
    };
    let all: BTreeSet<String> = tasks.iter().flat_map(|(_, task)| keys(task)).collect();
    for (_, task) in tasks {
        let own = keys(task);
        let Kind::Map(entries) = &mut task.kind else { continue };
        let assumed = entries.iter_mut().find(|(key, _)| key.text() == Some("assumed"));
        if let Some((_, value)) = assumed
            && let Kind::List(names) = &mut value.kind
        {
            names.retain(|name| {
                let name = name.text().unwrap_or_default().split('.').next().unwrap_or_default();
                own.contains(name) || !all.contains(name)
            });
        }
    }
}

/// What is written once for several tasks fits not all of them: a duty has windows in place of a
/// due date, and `assumed` names only keys that the task has.
fn keep_what_fits(task: &mut Node, own_due: bool) {
    if task.get("every").is_some() && !own_due {
        *task = without(task, |key| key == "due");
    }
    let Kind::Map(entries) = &mut task.kind else { return };
    let keys: Vec<String> =
        entries.iter().filter_map(|(key, _)| key.text().map(ToOwned::to_owned)).collect();
    for (key, value) in entries.iter_mut() {
        if key.text() == Some("assumed")
            && let Kind::List(items) = &mut value.kind
        {
            items.retain(|item| item.text().is_none_or(|text| keys.iter().any(|key| key == text)));
        }
    }
}

/// `{title}` in the base's title becomes the title written over it.
fn fill_title(task: &mut Node, base: &Node, own: &Node) {
    let template = base.get("title").and_then(Node::text).filter(|text| text.contains("{title}"));
    let (Some(template), Some(title)) = (template, own.get("title")) else { return };
    let filled = template.replace("{title}", title.text().unwrap_or_default());
    let value = title.with(Kind::Text(filled, crate::yaml::Style::Plain));
    if let Kind::Map(entries) = &mut task.kind
        && let Some(entry) = entries.iter_mut().find(|(key, _)| key.text() == Some("title"))
    {
        entry.1 = value;
    }
}

/// Gives siblings in `needs` their full names. Answers whether there were any.
fn rename_needs(task: &mut Node, name: &str, siblings: &[&str]) -> bool {
    let Kind::Map(entries) = &mut task.kind else { return false };
    let needs = entries.iter_mut().find(|(key, _)| key.text() == Some("needs"));
    needs.is_some_and(|(_, needs)| rename(needs, name, siblings))
}

fn rename(needs: &mut Node, name: &str, siblings: &[&str]) -> bool {
    match &mut needs.kind {
        Kind::Text(text, _) if siblings.contains(&text.as_str()) => {
            *text = format!("{name}_{text}");
            true
        }
        Kind::List(items) => {
            items.iter_mut().fold(false, |found, item| rename(item, name, siblings) | found)
        }
        Kind::Map(entries) => {
            entries.iter_mut().fold(false, |found, (key, _)| rename(key, name, siblings) | found)
        }
        _ => false,
    }
}

/// The map without the keys that `dropped` names.
fn without(node: &Node, dropped: impl Fn(&str) -> bool) -> Node {
    let entries = node.entries().unwrap_or_default();
    let kept = entries.iter().filter(|(key, _)| !key.text().is_some_and(&dropped));
    node.with(Kind::Map(kept.cloned().collect()))
}

/// `over` laid over `base`: maps merge, everything else replaces.
fn merge(base: &Node, over: &Node) -> Node {
    let (Some(below), Some(above)) = (base.entries(), over.entries()) else { return over.clone() };
    let mut entries = below.to_vec();
    for (key, value) in above {
        match entries.iter_mut().find(|(name, _)| name.text() == key.text()) {
            Some(entry) => entry.1 = merge(&entry.1, value),
            None => entries.push((key.clone(), value.clone())),
        }
    }
    over.with(Kind::Map(entries))
}
