//! `extends`: presets of the suite, merged into what extends them.
//!
//! Maps merge key by key, everything else replaces. A preset with `tasks` makes one task for each
//! of them: `mechanism` with `setup` and `runs` turns the task `joint` into `joint_setup` and
//! `joint_runs`. Its siblings know each other by their short names in `needs`; other tasks that
//! need `joint` mean the last of them. Keys beside `extends` go to every task made, those nested
//! under a sibling's name to that one; `needs` beside `extends` goes to the tasks of the preset
//! that need no sibling. `{title}` in a preset's title stands for the title written at the task.

use std::collections::BTreeMap;

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

/// How deep presets may extend presets.
const CHAIN_MAX: usize = 8;

/// The map with its presets merged in and `extends` gone.
pub(crate) fn resolve(r: &mut Reader<'_>, node: &Node, presets: &Presets) -> Node {
    merged_with_presets(r, node, presets, &mut Vec::new())
}

fn merged_with_presets(
    r: &mut Reader<'_>,
    node: &Node,
    presets: &Presets,
    chain: &mut Vec<String>,
) -> Node {
    let Some(extends) = node.get("extends") else { return node.clone() };
    let mut base = node.with(Kind::Map(Vec::new()));
    for name in r.items(extends) {
        if let Some(preset) = find(r, name, presets, chain) {
            base = merge(&base, &preset);
        }
    }
    let own = without(node, |key| key == "extends");
    let mut merged = merge(&base, &own);
    fill_title(&mut merged, &base, &own);
    merged
}

fn find(
    r: &mut Reader<'_>,
    name: &Node,
    presets: &Presets,
    chain: &mut Vec<String>,
) -> Option<Node> {
    let text = r.text(name)?;
    let Some(preset) = presets.get(&text) else {
        let help = closest(&text, presets.keys().map(String::as_str)).map_or_else(
            || "预设写在 suite.yaml 的 presets 里".to_owned(),
            |near| format!("是否想写 `{near}`？"),
        );
        r.error_help("DB1108", name, format!("文件没有预设 `{text}`"), help);
        return None;
    };
    if chain.contains(&text) || chain.len() >= CHAIN_MAX {
        chain.push(text);
        r.error("DB1109", name, format!("预设互相引用：{}", chain.join(" → ")));
        chain.pop();
        return None;
    }
    chain.push(text);
    let found = merged_with_presets(r, preset, presets, chain);
    chain.pop();
    Some(found)
}

/// All tasks of `tasks:` after presets were merged in.
pub(crate) fn expand_tasks(r: &mut Reader<'_>, tasks: &Node, presets: &Presets) -> Expanded {
    let mut expanded = Expanded::default();
    for (key, body) in r.map(tasks) {
        if body.get("extends").is_none() {
            expanded.tasks.push((key.clone(), body.clone()));
            continue;
        }
        let own = without(body, |key| key == "extends");
        let whole = merged_with_presets(r, body, presets, &mut Vec::new());
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
    for (sibling, body) in siblings {
        let short = sibling.text().unwrap_or_default();
        let mut base = merge(&shared, body);
        let needs_sibling = rename_needs(&mut base, name, &names);
        let beside = without(&for_all, |key| key == "needs" && needs_sibling);
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
        let id = format!("{name}_{short}");
        expanded.aliases.insert(name.to_owned(), id.clone());
        let style = crate::yaml::Style::Plain;
        expanded.tasks.push((key.with(Kind::Text(id, style)), task));
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
