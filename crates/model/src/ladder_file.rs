//! Reads ladders and score rules.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::definition::Expr;
use crate::ladder::{Ladder, Rung, ScoreOn, ScoreRule, Trigger};
use crate::names::check_id;
use crate::problem::Problem;
use crate::read::{Keys, Reader};
use crate::wording::What;
use crate::yaml::{Kind, Node};

/// Reads `ladders:`: by name a list of rungs, or a map with `basis` and `rungs`.
pub(crate) fn read_ladders(r: &mut Reader<'_>, node: &Node) -> BTreeMap<String, Ladder> {
    let entries = r.map(node);
    entries
        .iter()
        .filter_map(|(name, value)| {
            let ladder = read_ladder(r, name.text()?, value)?;
            Some((ladder.name.clone(), ladder))
        })
        .collect()
}

fn read_ladder(r: &mut Reader<'_>, name: &str, node: &Node) -> Option<Ladder> {
    if !r.filled(node) {
        return None;
    }
    let (basis, rungs) = match &node.kind {
        Kind::Map(_) => {
            let mut keys = r.keys(node)?;
            let basis = keys.texts(r, "basis");
            let rungs = keys.require(r, "rungs");
            keys.finish(r);
            (basis, rungs?)
        }
        _ => (Vec::new(), node),
    };
    let rungs: Vec<Rung> =
        r.items(rungs).into_iter().filter_map(|rung| read_rung(r, rung)).collect();
    check_names(r, &rungs);
    Some(Ladder { name: name.to_owned(), basis, rungs })
}

/// Rungs of one name, and rungs that only their order tells apart.
fn check_names(r: &mut Reader<'_>, rungs: &[Rung]) {
    let mut seen = BTreeSet::new();
    for rung in rungs {
        if let Some(id) = &rung.id
            && !seen.insert(id)
        {
            let message = format!("这个阶梯里已有梯级叫 `{id}`");
            r.problems.push(Problem::error("DB1213", &rung.place, message).with_help("换一个 id"));
        }
    }
    let mut equals: Vec<(&Rung, Vec<usize>)> = Vec::new();
    for (at, rung) in rungs.iter().enumerate().filter(|(_, rung)| rung.id.is_none()) {
        match equals.iter_mut().find(|(first, _)| are_equal(first, rung)) {
            Some((_, places)) => places.push(at),
            None => equals.push((rung, vec![at])),
        }
    }
    for (_, places) in equals.iter().filter(|(_, places)| places.len() > 1) {
        let named: Vec<String> = places.iter().map(|at| (at + 1).to_string()).collect();
        let message =
            format!("第 {} 级只有时间不同，换新版时按先后对应，增删一级就会错位", named.join("、"));
        let problem = Problem::warning("DB1222", &rungs[places[1]].place, message);
        r.problems.push(problem.with_help("给每一级写一个 id，例如 id: 提前三天"));
    }
}

/// Whether two rungs without names have the same trigger kind, function, addressees and words.
fn are_equal(a: &Rung, b: &Rung) -> bool {
    let sources = |exprs: &[Expr]| -> Vec<String> { exprs.iter().map(Expr::squeezed).collect() };
    let values = |rung: &Rung| -> BTreeMap<String, String> {
        let one = |(name, value): &(String, Expr)| (name.clone(), value.squeezed());
        rung.values.iter().map(one).collect()
    };
    let words = |rung: &Rung| -> BTreeMap<String, String> { rung.words.iter().cloned().collect() };
    std::mem::discriminant(&a.trigger) == std::mem::discriminant(&b.trigger)
        && a.run == b.run
        && sources(&a.to) == sources(&b.to)
        && words(a) == words(b)
        && values(a) == values(b)
}

/// The name of a rung.
fn read_id(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<String> {
    let node = keys.take("id")?;
    let text = r.text(node)?;
    check_id(r, node, What::Rung, &text);
    Some(text)
}

fn read_rung(r: &mut Reader<'_>, node: &Node) -> Option<Rung> {
    let mut keys = r.keys(node)?;
    let id = read_id(r, &mut keys);
    let trigger = read_trigger(r, &mut keys);
    let run = keys.require(r, "do").and_then(|node| r.text(node));
    let to = keys.take("to").map(|node| r.exprs(node)).unwrap_or_default();
    let mut words = Vec::new();
    let mut values = Vec::new();
    let broken = trigger.is_none();
    for (key, value) in keys.rest() {
        let name = key.text().unwrap_or_default();
        // A trigger that was cut at a comma leaves such keys behind.
        if name.contains(['(', ')', ']']) {
            let help = "含有逗号或冒号的表达式要加引号";
            r.error_help("DB1010", key, format!("`{name}` 像是表达式的一部分"), help);
        } else if let Some(word) = value.text().filter(|text| is_word(text)) {
            words.push((name.to_owned(), word.to_owned()));
        } else if let Some(expr) = r.expr(value) {
            values.push((name.to_owned(), expr));
        }
    }
    if broken {
        return None;
    }
    Some(Rung { id, trigger: trigger?, run: run?, to, words, values, place: node.place() })
}

/// A plain word: letters only, in any script.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphabetic() || letter == '_')
}

/// The keys that say when a rung fires; exactly one of them (with its companion) must be there.
fn read_trigger(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<Trigger> {
    let at = keys.take("at");
    let every = keys.take("every");
    let after = keys.take("after");
    let stalled = keys.take("stalled");
    let behind = keys.take("behind");
    let lasting = keys.take("for");
    let problems = r.problems.len();
    let trigger = match (at, every, after, stalled, behind) {
        (Some(at), None, None, None, None) => r.date_expr(at).map(Trigger::At),
        (None, Some(every), Some(after), None, None) => read_every(r, every, after),
        (None, None, None, Some(stalled), None) => {
            r.choice(stalled, &[("true", ())]).map(|()| Trigger::Stalled)
        }
        (None, None, None, None, Some(behind)) => {
            let points = r.count(behind, 1);
            let lasting = lasting.and_then(|node| r.expr(node));
            points.map(|points| Trigger::Behind { points: percent(points), lasting })
        }
        (None, None, Some(after), None, None) if after.text() == Some("interview.unrectified") => {
            Some(Trigger::Unrectified)
        }
        _ => None,
    };
    if lasting.is_some() && behind.is_none() {
        r.error("DB1218", keys.node, "`for` 只与 `behind` 同用");
    }
    if trigger.is_none() && r.problems.len() == problems {
        let help = "一级阶梯写且只写一种：at；every 与 after；stalled: true；behind（可加 for）；\
                    after: interview.unrectified";
        r.error_help("DB1218", keys.node, "看不出这一级阶梯何时触发", help);
    }
    trigger
}

fn read_every(r: &mut Reader<'_>, every: &Node, after: &Node) -> Option<Trigger> {
    let every = r.expr(every);
    let after: Option<Expr> = r.date_expr(after);
    Some(Trigger::Every { every: every?, after: after? })
}

fn percent(points: u32) -> u8 {
    u8::try_from(points.min(100)).unwrap_or(100)
}

const SCORED: &[(&str, ScoreOn)] = &[
    ("done_on_time", ScoreOn::DoneOnTime),
    ("done_late", ScoreOn::DoneLate),
    ("overdue", ScoreOn::Overdue),
    ("missed", ScoreOn::Missed),
    ("made_up", ScoreOn::MadeUp),
    ("papers_late", ScoreOn::PapersLate),
    ("report_missed", ScoreOn::ReportMissed),
    ("returned", ScoreOn::Returned),
    ("stalled", ScoreOn::Stalled),
    ("indicator_not_met", ScoreOn::IndicatorNotMet),
    ("slip", ScoreOn::Slip),
    ("notice", ScoreOn::Notice),
    ("interview", ScoreOn::Interview),
    ("referral", ScoreOn::Referral),
];

/// Reads `scoring:`.
pub(crate) fn read_scoring(r: &mut Reader<'_>, node: &Node) -> Vec<ScoreRule> {
    r.items(node).into_iter().filter_map(|rule| read_score_rule(r, rule)).collect()
}

fn read_score_rule(r: &mut Reader<'_>, node: &Node) -> Option<ScoreRule> {
    let mut keys = r.keys(node)?;
    let id = keys.require(r, "id").and_then(|node| r.text(node));
    let on = keys.require(r, "on").and_then(|node| r.choice(node, SCORED));
    let points = keys.require(r, "points").and_then(|node| hundredths(r, node));
    let cap = keys.take("cap").and_then(|node| hundredths(r, node)).map(i64::abs);
    let basis = keys.text(r, "basis");
    keys.finish(r);
    Some(ScoreRule { id: id?, on: on?, points: points?, cap, basis })
}

/// A decimal with at most two places, in hundredths.
fn hundredths(r: &mut Reader<'_>, node: &Node) -> Option<i64> {
    let text = r.text(node)?;
    let number = Decimal::from_str(text.trim_start_matches('+')).ok();
    let scaled = number.and_then(|number| number.checked_mul(Decimal::ONE_HUNDRED));
    let whole = scaled.filter(|scaled| scaled.fract().is_zero()).and_then(|scaled| scaled.to_i64());
    if whole.is_none() {
        r.error("DB1015", node, format!("`{text}` 不是最多两位小数的数"));
    }
    whole
}
