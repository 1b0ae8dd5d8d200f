//! A definition with all its expressions and functions compiled.

use std::sync::Arc;

use duban_model::{Definition, Expr, Problem};

use crate::action::Action;
use crate::facts::{RungFacts, Scene};
use crate::value::Value;

/// Bounds of every script. Reaching one is a [`ScriptError::Limit`] that names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// rhai operations for one call.
    pub operations_max: u64,
    /// Nested function calls.
    pub call_levels_max: usize,
    /// Nesting of expressions.
    pub expr_depth_max: usize,
    /// Bytes of a string.
    pub string_bytes_max: usize,
    /// Elements of an array.
    pub array_len_max: usize,
    /// Entries of a map.
    pub map_len_max: usize,
    /// Actions that one call may ask for.
    pub actions_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations_max: 1_000_000,
            call_levels_max: 32,
            expr_depth_max: 64,
            string_bytes_max: 64 * 1024,
            array_len_max: 20_000,
            map_len_max: 2_000,
            actions_max: 100,
        }
    }
}

/// Why a script gave no answer. The case goes on: the host takes the built-in action instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// It failed while running. Correct the script; the text names the place.
    #[error("{place}: {message}")]
    Failed {
        /// `file:line:column`.
        place: String,
        /// What went wrong, in Chinese.
        message: String,
    },
    /// It reached a limit of [`Limits`].
    #[error("{place}: limit `{limit}` reached")]
    Limit {
        /// `file:line:column`.
        place: String,
        /// The limit's name.
        limit: &'static str,
    },
    /// It yielded a value of another kind than the key needs.
    #[error("{place}: expected {expected}, got {got}")]
    WrongType {
        /// `file:line:column`.
        place: String,
        /// What the key needs.
        expected: &'static str,
        /// What it got.
        got: String,
    },
    /// No script of the definition has the function.
    #[error("no function `{0}` in the scripts of the definition")]
    NoFunction(String),
}

/// What an expression reads, found without running it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reads {
    /// Tasks of this workflow, by `tasks.NAME`.
    pub tasks: Vec<String>,
    /// Tasks of other workflows, by `tasks["workflow/task"]`.
    pub foreign: Vec<String>,
    /// It reads the item's state or the present: `task`, `form`, `now`, `moment`, `history`, so
    /// it cannot be fixed at the opening of the case.
    pub later: bool,
}

/// A definition with all its expressions and functions compiled.
pub struct Program {
    definition: Arc<Definition>,
    limits: Limits,
}

impl Program {
    /// Compiles every expression and script of a definition.
    ///
    /// # Errors
    ///
    /// Every problem found: syntax, unknown functions, fields that the form does not declare.
    pub fn compile(definition: Arc<Definition>, limits: Limits) -> Result<Self, Vec<Problem>> {
        Ok(Self { definition, limits })
    }

    /// The definition it was compiled from.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Evaluates one expression of the definition.
    ///
    /// # Errors
    ///
    /// [`ScriptError`]; nothing has happened.
    pub fn eval(&self, _expr: &Expr, _scene: &Scene) -> Result<Value, ScriptError> {
        todo!("{:?}", self.limits)
    }

    /// Calls a hook's, a rung's or an automatic task's function and returns what it asks for.
    ///
    /// # Errors
    ///
    /// [`ScriptError`]; the actions asked for before it failed are dropped.
    pub fn call(
        &self,
        _function: &str,
        _scene: &Scene,
        _rung: Option<&RungFacts>,
    ) -> Result<Vec<Action>, ScriptError> {
        todo!()
    }

    /// What an expression of the definition reads.
    pub fn reads(&self, _expr: &Expr) -> Reads {
        todo!()
    }
}
