//! How deep a template may go, and how large its values may become, found before it is compiled.
//!
//! minijinja compiles by recursion: one long chain such as `1+1+1+…` would end the process with a
//! stack overflow. So a tag has a bounded number of words and signs.
//!
//! Its fuel counts instructions, and the bytes and slots that operators and filters make. It does
//! not see what values share: a list that holds another twice, which holds another twice, costs
//! two slots a level and unfolds to billions when it is compared, counted or written. So each value
//! is reckoned here by how often it may hold what a message gives, and none may hold it more than
//! [`COPIES_MAX`] times. A value that is made of itself, as in `{% set ns.x = ns.x + ns.x %}`, has
//! no such number.
//!
//! The syntax tree is minijinja's own, behind a feature that it may change between releases; what
//! changes does not compile here.

use std::collections::BTreeMap;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::{Token, parse, tokenize};
use minijinja::syntax::SyntaxConfig;

/// Words and signs between `{{` and `}}`, or `{%` and `%}`.
const TAG_TOKENS_MAX: usize = 200;

/// Branches of `elif` in one template: each lies inside the one before it.
const ELIFS_MAX: usize = 100;

/// How often a value may hold what a message gives.
const COPIES_MAX: u64 = 32;

/// Where a template goes beyond a bound, and which.
pub(super) struct Excess {
    /// The line.
    pub(super) line: usize,
    /// What is too much.
    pub(super) error: String,
    /// The same in Chinese.
    pub(super) zh: String,
}

/// The first bound that a template goes beyond.
pub(super) fn excess(source: &str) -> Option<Excess> {
    too_long(source).or_else(|| too_large(source))
}

fn too_long(source: &str) -> Option<Excess> {
    let (mut tokens, mut elifs) = (0, 0);
    for token in tokenize(source, false, SyntaxConfig::default()) {
        // What is no template is told by whoever compiles it.
        let (token, span) = token.ok()?;
        match token {
            Token::VariableStart | Token::BlockStart => tokens = 0,
            Token::Ident("elif") => elifs += 1,
            _ => {}
        }
        tokens += 1;
        let line = usize::from(span.start_line);
        if tokens > TAG_TOKENS_MAX {
            let error = format!(
                "a tag has more than {TAG_TOKENS_MAX} words and signs (`tag_tokens_max`); \
                 use several"
            );
            let zh = format!(
                "一个标签里的词和符号超过 {TAG_TOKENS_MAX} 个（tag_tokens_max），请分成几个"
            );
            return Some(Excess { line, error, zh });
        }
        if elifs > ELIFS_MAX {
            let error = format!("there are more than {ELIFS_MAX} `elif` (`elifs_max`)");
            let zh = format!("`elif` 超过 {ELIFS_MAX} 个（elifs_max）");
            return Some(Excess { line, error, zh });
        }
    }
    None
}

fn too_large(source: &str) -> Option<Excess> {
    let template = parse(source, "", SyntaxConfig::default()).ok()?;
    let mut all = Reckoning::default();
    all.statement(&template);
    if let Some((line, error, zh)) = all.refused {
        return Some(Excess { line, error: error.to_owned(), zh: zh.to_owned() });
    }
    all.settle().map(|line| {
        let error = format!(
            "a list or map made here may hold the same values more than {COPIES_MAX} times over \
             (`copies_max`); put texts together with `~`, turn numbers into such with `| int` or \
             `| float` before they are added or multiplied"
        );
        let zh = format!(
            "这里生成的列表或映射可能把同样的值重复 {COPIES_MAX} 次以上（copies_max）：文字用 `~` 连接，\
             数字在加或乘之前用 `| int` 或 `| float` 转换"
        );
        Excess { line, error, zh }
    })
}

/// The values of a template.
#[derive(Default)]
struct Reckoning<'t> {
    /// What each name is given, all over the template: names of several scopes are one.
    given: Vec<(&'t str, &'t Expr<'t>)>,
    /// Everything that is evaluated.
    evaluated: Vec<&'t Expr<'t>>,
    /// By name, how often its value may hold what a message gives.
    copies: BTreeMap<&'t str, u64>,
    /// What cannot be reckoned, with its line.
    refused: Option<(usize, &'static str, &'static str)>,
}

impl<'t> Reckoning<'t> {
    fn statements(&mut self, all: &'t [Stmt<'t>]) {
        all.iter().for_each(|one| self.statement(one));
    }

    fn statement(&mut self, statement: &'t Stmt<'t>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => self.look(&emit.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(found) => {
                if found.recursive {
                    self.refuse(
                        &found.iter,
                        "a loop must not be `recursive`",
                        "循环不能写 `recursive`",
                    );
                }
                self.give(&found.target, &found.iter);
                found.filter_expr.iter().for_each(|filter| self.look(filter));
                self.statements(&found.body);
                self.statements(&found.else_body);
            }
            Stmt::IfCond(found) => {
                self.look(&found.expr);
                self.statements(&found.true_body);
                self.statements(&found.false_body);
            }
            Stmt::WithBlock(with) => {
                for (target, value) in &with.assignments {
                    self.give(target, value);
                }
                self.statements(&with.body);
            }
            Stmt::Set(set) => self.give(&set.target, &set.expr),
            // What a block writes is a text, which fuel counts.
            Stmt::SetBlock(set) => self.statements(&set.body),
            Stmt::AutoEscape(escape) => self.statements(&escape.body),
            Stmt::FilterBlock(filter) => self.statements(&filter.body),
            Stmt::Do(call) => {
                self.look(&call.call.expr);
                call.call.args.iter().map(value_of).for_each(|argument| self.look(argument));
            }
        }
    }

    fn refuse(&mut self, at: &Expr<'_>, why: &'static str, zh: &'static str) {
        self.refused = self.refused.or(Some((line(at), why, zh)));
    }

    /// Notes what a target is given; an attribute of a namespace counts as the namespace.
    fn give(&mut self, target: &'t Expr<'t>, value: &'t Expr<'t>) {
        self.look(value);
        self.assign(target, value);
    }

    fn assign(&mut self, target: &'t Expr<'t>, value: &'t Expr<'t>) {
        match target {
            Expr::Var(name) => self.given.push((name.id, value)),
            Expr::GetAttr(attribute) => self.assign(&attribute.expr, value),
            Expr::List(list) => list.items.iter().for_each(|one| self.assign(one, value)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|one| self.assign(one, value)),
            _ => self.refuse(target, "this cannot be set", "这里不能赋值"),
        }
    }

    /// Notes an expression with all its parts: what is compared or tested is a value too.
    fn look(&mut self, expr: &'t Expr<'t>) {
        self.evaluated.push(expr);
        parts(expr).into_iter().for_each(|part| self.look(part));
    }

    /// Reckons until nothing grows any more; the line of what grows beyond the bound.
    fn settle(&mut self) -> Option<usize> {
        let mut grows = true;
        while grows {
            grows = false;
            for (name, value) in self.given.clone() {
                let copies = self.copies(value);
                if copies > COPIES_MAX {
                    return Some(line(value));
                }
                let before = self.copies.entry(name).or_insert(0);
                grows |= *before < copies;
                *before = copies.max(*before);
            }
        }
        self.evaluated.iter().find(|value| self.copies(value) > COPIES_MAX).map(|one| line(one))
    }

    fn sum<'e>(&self, all: impl IntoIterator<Item = &'e Expr<'t>>) -> u64
    where
        't: 'e,
    {
        all.into_iter().fold(0, |sum: u64, one| sum.saturating_add(self.copies(one)))
    }

    /// How often a value may hold what a message gives. A layer around it counts as one more, so
    /// that nothing lies too deep either.
    fn copies(&self, expr: &Expr<'t>) -> u64 {
        if is_plain(expr) {
            return 1;
        }
        match expr {
            Expr::Var(name) => self.copies.get(name.id).copied().unwrap_or(1),
            Expr::Slice(slice) => self.copies(&slice.expr).saturating_add(1),
            Expr::GetAttr(attribute) => self.copies(&attribute.expr),
            Expr::GetItem(item) => self.copies(&item.expr),
            Expr::BinOp(op) => {
                let (left, right) = (self.copies(&op.left), self.copies(&op.right));
                match op.op {
                    BinOpKind::ScAnd | BinOpKind::ScOr => left.max(right),
                    BinOpKind::Mul => match (number(&op.left), number(&op.right)) {
                        (Some(times), _) => right.saturating_mul(times),
                        (_, Some(times)) => left.saturating_mul(times),
                        (None, None) => u64::MAX,
                    },
                    _ => left.saturating_add(right),
                }
            }
            Expr::IfExpr(found) => {
                let other = found.false_expr.as_ref().map_or(1, |other| self.copies(other));
                self.copies(&found.true_expr).max(other)
            }
            Expr::Filter(filter) => {
                let base = filter.expr.as_ref().map_or(1, |base| self.copies(base));
                let arguments = self.sum(filter.args.iter().map(value_of));
                if CHOOSING.contains(&filter.name) {
                    base.max(arguments)
                } else {
                    base.saturating_add(arguments).saturating_add(1)
                }
            }
            Expr::Call(call) => {
                let arguments = self.sum(call.args.iter().map(value_of));
                self.copies(&call.expr).saturating_add(arguments)
            }
            Expr::List(list) => self.sum(&list.items).saturating_add(1),
            Expr::Tuple(tuple) => self.sum(&tuple.items).saturating_add(1),
            Expr::Map(map) => {
                self.sum(&map.keys).saturating_add(self.sum(&map.values)).saturating_add(1)
            }
            Expr::Const(_) | Expr::UnaryOp(_) | Expr::Compare(_) | Expr::Test(_) => 1,
        }
    }
}

/// Filters that give a text, a number or a truth: what they make is counted by fuel.
const PLAIN: &[&str] = &[
    "abs",
    "bool",
    "capitalize",
    "count",
    "e",
    "escape",
    "float",
    "format",
    "indent",
    "int",
    "join",
    "length",
    "lower",
    "pprint",
    "replace",
    "round",
    "string",
    "title",
    "trim",
    "upper",
];

/// Filters that give their value, a part of it, or their argument.
const CHOOSING: &[&str] = &[
    "attr",
    "d",
    "default",
    "first",
    "last",
    "list",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "safe",
    "select",
    "selectattr",
    "sort",
    "unique",
];

/// Whether a value is certainly a text, a number or a truth, or an error. Operators on two of them
/// make no list.
fn is_plain(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Const(_) | Expr::UnaryOp(_) | Expr::Compare(_) | Expr::Test(_) => true,
        Expr::BinOp(op) => match op.op {
            // A list and a number or a text cannot be added.
            BinOpKind::Add => is_plain(&op.left) || is_plain(&op.right),
            // A list can be multiplied, by a whole number.
            BinOpKind::Mul => {
                is_plain(&op.left) && is_plain(&op.right)
                    || [&op.left, &op.right].into_iter().any(is_fraction)
            }
            BinOpKind::ScAnd | BinOpKind::ScOr => is_plain(&op.left) && is_plain(&op.right),
            _ => true,
        },
        Expr::Filter(filter) => PLAIN.contains(&filter.name),
        // `loop.index` and the like: numbers and truths, but for what comes before and after. No
        // template can set `loop`.
        Expr::GetAttr(attribute) => {
            matches!(&attribute.expr, Expr::Var(name) if name.id == "loop")
                && !matches!(attribute.name, "previtem" | "nextitem")
        }
        _ => false,
    }
}

/// A number with a decimal point, written out or made by a filter.
fn is_fraction(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Const(found) => found.value.is_number() && !found.value.is_integer(),
        Expr::Filter(filter) => filter.name == "float",
        _ => false,
    }
}

/// The expressions that an expression is made of.
fn parts<'e, 't>(expr: &'e Expr<'t>) -> Vec<&'e Expr<'t>> {
    match expr {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(slice) => {
            let bounds = [&slice.start, &slice.stop, &slice.step].into_iter().flatten();
            std::iter::once(&slice.expr).chain(bounds).collect()
        }
        Expr::UnaryOp(op) => vec![&op.expr],
        Expr::BinOp(op) => vec![&op.left, &op.right],
        Expr::Compare(found) => {
            std::iter::once(&found.expr).chain(found.ops.iter().map(|op| &op.expr)).collect()
        }
        Expr::IfExpr(found) => {
            [&found.test_expr, &found.true_expr].into_iter().chain(&found.false_expr).collect()
        }
        Expr::Filter(filter) => {
            filter.expr.iter().chain(filter.args.iter().map(value_of)).collect()
        }
        Expr::Test(test) => {
            std::iter::once(&test.expr).chain(test.args.iter().map(value_of)).collect()
        }
        Expr::GetAttr(attribute) => vec![&attribute.expr],
        Expr::GetItem(item) => vec![&item.expr, &item.subscript_expr],
        Expr::Call(call) => {
            std::iter::once(&call.expr).chain(call.args.iter().map(value_of)).collect()
        }
        Expr::List(list) => list.items.iter().collect(),
        Expr::Tuple(tuple) => tuple.items.iter().collect(),
        Expr::Map(map) => map.keys.iter().chain(&map.values).collect(),
    }
}

/// A whole number that is written out.
fn number(expr: &Expr<'_>) -> Option<u64> {
    match expr {
        Expr::Const(found) => u64::try_from(found.value.clone()).ok(),
        _ => None,
    }
}

fn value_of<'e, 't>(argument: &'e CallArg<'t>) -> &'e Expr<'t> {
    match argument {
        CallArg::Pos(value)
        | CallArg::Kwarg(_, value)
        | CallArg::PosSplat(value)
        | CallArg::KwargSplat(value) => value,
    }
}

fn line(expr: &Expr<'_>) -> usize {
    usize::from(expr.span().start_line)
}
