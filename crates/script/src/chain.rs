//! Chains such as `tasks.list.form.streets[0].name`, which rhai nests to the right.

use rhai::{ASTFlags, ASTNode, Expr, FnCallExpr, Position};

/// One step of a chain.
pub(crate) enum Link<'a> {
    Property(&'a str, Position),
    Method(&'a FnCallExpr),
    Index(&'a Expr),
}

/// A chain from its root.
pub(crate) struct Chain<'a> {
    pub(crate) root: &'a Expr,
    pub(crate) links: Vec<Link<'a>>,
    /// Somewhere it is written `?.` or `?[`.
    pub(crate) optional: bool,
}

impl<'a> Chain<'a> {
    /// Takes an expression apart; one that is no chain is a root without links.
    pub(crate) fn of(expr: &'a Expr) -> Self {
        let mut chain = Self { root: expr, links: Vec::new(), optional: false };
        let (Expr::Dot(pair, flags, _) | Expr::Index(pair, flags, _)) = expr else {
            return chain;
        };
        // The left side may be a chain that was closed, for example by brackets.
        let inner = Self::of(&pair.lhs);
        chain.root = inner.root;
        chain.links = inner.links;
        chain.optional = inner.optional;
        chain.follow(expr, *flags, &pair.rhs);
        chain
    }

    fn follow(&mut self, parent: &'a Expr, flags: ASTFlags, rhs: &'a Expr) {
        self.optional |= flags.intersects(ASTFlags::NEGATED);
        let ends = flags.intersects(ASTFlags::BREAK);
        match rhs {
            Expr::Dot(pair, inner, _) | Expr::Index(pair, inner, _) if !ends => {
                self.link(parent, &pair.lhs);
                self.follow(rhs, *inner, &pair.rhs);
            }
            _ => self.link(parent, rhs),
        }
    }

    fn link(&mut self, parent: &'a Expr, step: &'a Expr) {
        self.links.push(match (parent, step) {
            (Expr::Dot(..), Expr::Property(property, position)) => {
                Link::Property(&property.2, *position)
            }
            (Expr::Dot(..), Expr::MethodCall(call, _)) => Link::Method(call),
            (_, index) => Link::Index(index),
        });
    }
}

/// Whether the last node of a path is a later part of the chain of the node before it.
pub(crate) fn is_inner(path: &[ASTNode<'_>]) -> bool {
    let [.., ASTNode::Expr(parent), ASTNode::Expr(last)] = path else { return false };
    let (Expr::Dot(pair, flags, _) | Expr::Index(pair, flags, _)) = parent else { return false };
    let closed = flags.intersects(ASTFlags::BREAK) && matches!(parent, Expr::Index(..));
    // A left side that is a chain of its own is walked from the outer chain's root.
    (std::ptr::eq(&raw const pair.rhs, &raw const **last) && !closed)
        || std::ptr::eq(&raw const pair.lhs, &raw const **last)
}
