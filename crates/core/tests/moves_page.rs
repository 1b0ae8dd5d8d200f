//! docs/moves.md is made from the table of moves.

use duban_core::{Ask, AskKind, By, MoveKind, On};

const PAGE: &str = include_str!("../../../docs/moves.md");

fn who(by: By) -> &'static str {
    match by {
        By::Owner => "承办 owner",
        By::Reviewer => "审核 reviewer",
        By::Supervision => "督查 supervision office",
        By::OwnerOrSupervision => "承办或督查 owner or supervision office",
        By::ReviewerOrSupervision => "审核或督查 reviewer or supervision office",
        By::Superiors => "审核、牵头或督查 reviewer, lead or supervision office",
    }
}

fn on(on: On) -> &'static str {
    match on {
        On::Item => "任务 task",
        On::ItemOrCase => "任务或事项 task or case",
        On::Case => "事项 case",
    }
}

fn kind(kind: AskKind) -> &'static str {
    match kind {
        AskKind::Text => "text",
        AskKind::Percent => "percent",
        AskKind::Number => "number",
        AskKind::Date => "date",
        AskKind::Assignee => "assignee",
        AskKind::Person => "person",
        AskKind::Items => "tasks",
        AskKind::Flag => "flag",
        AskKind::Form => "form",
        AskKind::Files => "files",
    }
}

fn asks(asks: &[Ask]) -> String {
    let one = |ask: &Ask| {
        let optional = if ask.required { "" } else { "?" };
        format!("`{}`{optional} {} ({})", ask.field, ask.zh, kind(ask.kind))
    };
    asks.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn row(one: MoveKind) -> String {
    let (name, zh, en) = (one.name(), one.zh(), one.en());
    let row = [who(one.by()).to_owned(), on(one.on()).to_owned(), asks(one.asks())];
    let row = row.join(" | ").trim_end().to_owned();
    format!("| `{name}` | {zh} | {en} | {row} |\n").replace("|  |", "| |")
}

#[test]
fn the_page_of_moves_is_the_table() {
    let rows: String = MoveKind::ALL.iter().copied().map(row).collect();
    let (head, _) = PAGE.split_once("|---|---|---|---|---|---|\n").expect("docs/moves.md has it");
    let body = &PAGE[head.len() + "|---|---|---|---|---|---|\n".len()..];
    let own = body.find("\n\n").map_or(body, |end| &body[..=end]);
    assert_eq!(own, rows, "docs/moves.md should hold these rows:\n{rows}");
}

#[test]
fn the_page_of_moves_says_how_each_kind_of_content_is_written() {
    let written = [
        AskKind::Text,
        AskKind::Percent,
        AskKind::Number,
        AskKind::Date,
        AskKind::Assignee,
        AskKind::Person,
        AskKind::Items,
        AskKind::Flag,
        AskKind::Form,
        AskKind::Files,
    ];
    for ask in MoveKind::ALL.iter().flat_map(|kind| kind.asks()) {
        assert!(written.contains(&ask.kind), "{:?} is missing in this test", ask.kind);
    }
    for name in written.map(kind) {
        assert!(PAGE.contains(&format!("\n| {name} | ")), "docs/moves.md does not explain {name}");
    }
}
