//! What a chain reads and the task or the workflow at hand never has: fields of a form with which
//! no case is opened, and the window of a task that is no duty.

use duban_model::{ExprRole, Place, Problem};
use rhai::{AST, ASTNode, Expr as Code, Position, Stmt};

use super::Checker;
use crate::chain::{Chain, Link};
use crate::names::{HostKind, english};
use crate::sandbox::variable_named;

impl Checker<'_> {
    /// Notes a chain that reads what is never there.
    pub(super) fn absent(&mut self, chain: &Chain<'_>) {
        if self.shared || self.is_local(chain.root) {
            return;
        }
        let Code::Variable(variable, ..) = chain.root else { return };
        let [first, rest @ ..] = chain.links.as_slice() else { return };
        let property = |of: &'static str| {
            let (name, _) = named(first)?;
            english(HostKind::Property { of }, name)
        };
        match (variable_named(&variable.1), rest) {
            (Some("case"), [field, ..]) if property("case") == Some("form") => {
                self.case_field(field);
            }
            (Some("window"), _) if !chain.optional => self.no_window(first),
            (Some("task"), [of_window, ..])
                if !chain.optional && property("task") == Some("window") =>
            {
                self.no_window(of_window);
            }
            _ => {}
        }
    }

    /// `case.form.NAME` where cases are opened without a form.
    fn case_field(&mut self, field: &Link<'_>) {
        let Some((name, position)) = named(field) else { return };
        if self.definition.workflow.open.is_some() {
            return;
        }
        let message = format!("措施没有立项表单，读不到字段 {name}");
        let help = format!("在措施上写 open: {{ form: {{ {name}: text }} }}，或去掉这个字段");
        let problem = Problem::error("DB1506", &Place::default(), message).with_help(help);
        self.doubt(position, name.chars().count(), problem);
    }

    /// `window.NAME` in a task without `every`.
    fn no_window(&mut self, link: &Link<'_>) {
        let Some((name, position)) = named(link) else { return };
        let Some(task) = self.task.filter(|task| task.every.is_none()) else { return };
        let message = format!("任务 `{}` 没有 every，周期窗口是空值，读不到 {name}", task.id);
        let new = if self.branches { Problem::warning } else { Problem::error };
        let help = "按事项期间计算的写 period；每个周期做一次的，给任务写上 every";
        let problem = new("DB1523", &Place::default(), message).with_help(help);
        self.doubt(position, name.chars().count(), problem);
    }
}

/// The name that a step reads, and where it stands.
fn named<'a>(link: &Link<'a>) -> Option<(&'a str, Position)> {
    match link {
        Link::Property(name, position) => Some((name, *position)),
        Link::Index(Code::StringConstant(name, position)) => Some((name.as_str(), *position)),
        _ => None,
    }
}

/// Whether parts of an expression may never be evaluated.
pub(super) fn branches(code: &AST) -> bool {
    let mut branches = false;
    code.walk(&mut |path| {
        branches |= matches!(
            path.last(),
            Some(
                ASTNode::Expr(Code::And(..) | Code::Or(..) | Code::Coalesce(..))
                    | ASTNode::Stmt(
                        Stmt::If(..)
                            | Stmt::Switch(..)
                            | Stmt::While(..)
                            | Stmt::Do(..)
                            | Stmt::For(..)
                            | Stmt::TryCatch(..)
                            | Stmt::Return(..)
                    )
            )
        ) || is_closure(path.last());
        !branches
    });
    branches
}

fn is_closure(node: Option<&ASTNode<'_>>) -> bool {
    matches!(node, Some(ASTNode::Expr(Code::DynamicConstant(value, _))) if value.is_fnptr())
}

/// Whether several workflows may have the expression: those of the suite and of its ladders.
pub(super) fn is_shared(role: ExprRole) -> bool {
    matches!(
        role,
        ExprRole::Supervision
            | ExprRole::Administrator
            | ExprRole::RungAt
            | ExprRole::RungEvery
            | ExprRole::RungFor
            | ExprRole::RungTo
            | ExprRole::RungValue
    )
}
