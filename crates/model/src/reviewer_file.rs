//! Reads who accepts a task.

use crate::definition::{Expr, Reviewer, TaskKind};
use crate::read::{Keys, Reader};
use crate::yaml::{Kind, Node};

/// Reads `reviewer` and `on_refuse`, which may stand inside its map or beside it; the latter is
/// returned as it stands.
pub(crate) fn read_reviewer<'n>(
    r: &mut Reader<'_>,
    keys: &mut Keys<'n>,
    kind: &TaskKind,
) -> (Reviewer, Option<&'n Node>) {
    let mut on_refuse = keys.take("on_refuse");
    let reviewer = match keys.take("reviewer") {
        None if matches!(kind, TaskKind::Human) => Reviewer::Superior,
        None => Reviewer::None,
        Some(node) if node.text() == Some("none") => Reviewer::None,
        Some(node) if node.text() == Some("owner.superior") => Reviewer::Superior,
        Some(node) => match node.kind {
            Kind::Map(_) => {
                let (reviewer, inside) = read_reviewers(r, node);
                on_refuse = inside.or(on_refuse);
                reviewer
            }
            _ => r.expr(node).map_or(Reviewer::Superior, Reviewer::One),
        },
    };
    (reviewer, on_refuse)
}

fn read_reviewers<'n>(r: &mut Reader<'_>, node: &'n Node) -> (Reviewer, Option<&'n Node>) {
    let Some(mut keys) = r.keys(node) else { return (Reviewer::Superior, None) };
    let all = keys.take("all");
    let any = keys.take("any");
    let steps = keys.take("steps");
    let of = keys.take("of");
    let on_refuse = keys.take("on_refuse");
    let reviewer = match (all, any, steps, of) {
        (Some(all), None, None, None) => Reviewer::All(signers(r, all)),
        (None, Some(any), None, None) => Reviewer::Any(signers(r, any)),
        (None, None, Some(steps), None) => Reviewer::Steps(signers(r, steps)),
        (None, None, None, Some(of)) => read_quorum(r, &mut keys, of),
        _ => {
            r.error("DB1219", node, "reviewer 的映射写且只写 all、any、steps、of 之一");
            Reviewer::Superior
        }
    };
    for key in ["at_least", "refusals"] {
        if let Some(number) = keys.take(key).filter(|_| of.is_none()) {
            r.error("DB1217", number, format!("`{key}` 要与 `of` 同用"));
        }
    }
    keys.finish(r);
    (reviewer, on_refuse)
}

/// A list of signers. Without any nobody could ever accept.
fn signers(r: &mut Reader<'_>, node: &Node) -> Vec<Expr> {
    let signers = r.exprs(node);
    if signers.is_empty() && r.items(node).is_empty() {
        let help = "写上审核的岗位；不须审核的写 `reviewer: none`";
        r.error_help("DB1012", node, "名单中没有审核人，提交后无人可以通过", help);
    }
    signers
}

/// Reads `of`, `at_least` and `refusals`.
fn read_quorum(r: &mut Reader<'_>, keys: &mut Keys<'_>, node: &Node) -> Reviewer {
    let of = signers(r, node);
    let wanted = keys.require(r, "at_least");
    let at_least = wanted.and_then(|node| r.count(node, 1)).unwrap_or(1);
    let refusals_node = keys.take("refusals");
    let refusals = refusals_node.and_then(|node| r.count(node, 1)).unwrap_or(1);
    let seats = u32::try_from(of.len()).unwrap_or(u32::MAX);
    if let Some(twice) = repeated(&of) {
        let message = format!("`{}` 写了两次，一席只算一次", twice.source);
        r.error("DB1213", node, message);
    } else if at_least > seats && seats > 0 {
        let message = format!("要 {at_least} 席同意，名单只有 {seats} 席，永远达不到");
        let help = format!("at_least 写 1 到 {seats}，或在 of 里补上");
        r.error_help("DB1230", wanted.unwrap_or(node), message, help);
    } else if let Some(number) =
        refusals_node.filter(|_| seats >= at_least && refusals > seats - at_least + 1)
    {
        let most = seats - at_least + 1;
        let message =
            format!("{most} 席不同意时就不可能再有 {at_least} 席同意，等不到 {refusals} 席不同意");
        r.error_help("DB1230", number, message, format!("refusals 写 1 到 {most}"));
    }
    Reviewer::Quorum { of, at_least, refusals }
}

fn repeated(of: &[Expr]) -> Option<&Expr> {
    let squeezed = |expr: &Expr| expr.source.split_whitespace().collect::<String>();
    of.iter().enumerate().find_map(|(place, expr)| {
        of[..place].iter().any(|before| squeezed(before) == squeezed(expr)).then_some(expr)
    })
}

/// The expressions of a reviewer.
pub(crate) fn reviewers(reviewer: &Reviewer) -> impl Iterator<Item = &Expr> {
    let found: &[Expr] = match reviewer {
        Reviewer::Superior | Reviewer::None => &[],
        Reviewer::One(one) => std::slice::from_ref(one),
        Reviewer::All(all) | Reviewer::Any(all) | Reviewer::Steps(all) => all,
        Reviewer::Quorum { of, .. } => of,
    };
    found.iter()
}
