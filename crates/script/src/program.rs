//! A definition with all its expressions and functions compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use duban_model::{Definition, Directory, Expr, Place, Problem};
use rhai::{AST, Caches, Dynamic, Engine, Module, Scope, Shared};
use serde_json::{Map, Value as Json};

use crate::action::Action;
use crate::convert::from_dynamic;
use crate::dates::{NO_SHIFTS, Shifts};
use crate::explain::{Base, script_error, written};
use crate::facts::{RungFacts, Scene};
use crate::frame::{Fallible, Frame, Tag, limit};
use crate::meter::Metered;
use crate::names::canonical;
use crate::stop;
use crate::value::Value;

/// Bounds of every script. Reaching one is a [`ScriptError::Limit`] that names it.
///
/// Beside these, lists, maps and closures may lie in each other 32 deep (`nesting_max`). The
/// defaults keep a release build within a stack of one mebibyte.
///
/// ```
/// let strict = duban_script::Limits { operations_max: 50_000, ..Default::default() };
/// assert_eq!(strict.actions_max, 100);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Operations of one call: rhai's own, and one for every 64 bytes of text or 16 values of
    /// lists and maps that its functions read or make. What a whole decision may spend is in
    /// [`BudgetLimits`](crate::BudgetLimits).
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
    /// Variables alive at once.
    pub variables_max: usize,
    /// Functions of one script file.
    pub functions_max: usize,
    /// Actions that one call may ask for.
    pub actions_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations_max: 200_000,
            call_levels_max: 32,
            expr_depth_max: 64,
            string_bytes_max: 64 * 1024,
            array_len_max: 20_000,
            map_len_max: 2_000,
            variables_max: 1_000,
            functions_max: 1_000,
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
    /// It reached a limit of [`Limits`], or of the budget of its decision.
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
    pub(crate) definition: Arc<Definition>,
    pub(crate) limits: Limits,
    pub(crate) engine: Engine,
    /// Script files with the library first, so that later ones override earlier ones.
    pub(crate) scripts: Vec<Shared<Module>>,
    /// Expressions by their text.
    pub(crate) expressions: BTreeMap<String, Compiled>,
    /// Functions by their name in English and their number of parameters.
    pub(crate) functions: BTreeMap<String, BTreeMap<usize, Function>>,
    /// Which workflows its scripts open by name, and where.
    pub(crate) opens: BTreeSet<(String, Place)>,
    /// What can only fail though it compiles.
    pub(crate) doubts: Vec<Problem>,
    pub(crate) params: Arc<Map<String, Json>>,
    /// Where script files have dates, by file.
    pub(crate) dates: BTreeMap<String, Shifts>,
}

/// An expression, ready to run.
pub(crate) struct Compiled {
    pub(crate) code: Code,
    pub(crate) reads: Reads,
    /// Where it has dates.
    pub(crate) dates: Shifts,
}

/// What an expression runs.
pub(crate) enum Code {
    /// A bare date, which rhai would take for a subtraction.
    Constant(Value),
    /// Anything else.
    Script(AST),
}

/// A function of the scripts, ready to be called.
pub(crate) struct Function {
    /// A call of it with `task` and `rung` for its parameters; `None` where it has more.
    pub(crate) call: Option<AST>,
    pub(crate) place: Place,
}

impl Program {
    /// Compiles every expression and script of a definition.
    ///
    /// # Errors
    ///
    /// Every problem found: syntax, unknown functions, fields that the form does not declare.
    pub fn compile(definition: Arc<Definition>, limits: Limits) -> Result<Self, Vec<Problem>> {
        crate::compile::compile(definition, limits)
    }

    /// The definition it was compiled from.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// The limits it runs under.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What compiles and still can only fail, or makes no sense, whenever it is evaluated: spans
    /// that cannot be counted, form fields and windows that are not there, colours that no slip
    /// has.
    ///
    /// It is not found by [`compile`](Self::compile): cases that run on a definition which was
    /// published before go on.
    pub fn check_values(&self) -> Vec<Problem> {
        let mut problems = self.doubts.clone();
        problems.extend(crate::trial::problems(self, &self.doubts));
        problems.extend(crate::colours::of_ladders(&self.definition));
        problems.sort();
        problems.dedup();
        problems
    }

    /// Problems that only a directory shows: units and posts that it does not have.
    pub fn check(&self, directory: &Directory) -> Vec<Problem> {
        crate::constants::check(self, directory)
    }

    /// Warnings that only a whole suite shows: workflows that open themselves, straight or in a
    /// circle.
    pub fn check_together(programs: &[Arc<Self>]) -> Vec<Problem> {
        crate::circle::circles(programs)
    }

    /// Evaluates one expression of the definition.
    ///
    /// # Errors
    ///
    /// [`ScriptError`]; nothing has happened.
    pub fn eval(&self, expr: &Expr, scene: &Scene) -> Result<Value, ScriptError> {
        let Some(compiled) = self.expressions.get(&expr.source) else {
            return Err(ScriptError::Failed {
                place: written(&expr.place),
                message: "定义里没有这个表达式".to_owned(),
            });
        };
        let code = match &compiled.code {
            Code::Constant(value) => return Ok(value.clone()),
            Code::Script(code) => code,
        };
        let frame = self.frame(scene, None, None);
        let answer = self.run(code, &Arc::new(frame));
        let answer = answer.map_err(|error| {
            script_error(&error, Base::Expression(&expr.place), &compiled.dates, &self.dates)
        })?;
        from_dynamic(&answer).map_err(|kind| ScriptError::WrongType {
            place: written(&expr.place),
            expected: "值",
            got: kind.to_owned(),
        })
    }

    /// Calls a hook's, a rung's or an automatic task's function and returns what it asks for.
    ///
    /// With a rung, the function with two parameters is taken, or else the one with one; without,
    /// the one with one, or else the one with none.
    ///
    /// # Errors
    ///
    /// [`ScriptError`]; the actions asked for before it failed are dropped.
    pub fn call(
        &self,
        function: &str,
        scene: &Scene,
        rung: Option<&RungFacts>,
    ) -> Result<Vec<Action>, ScriptError> {
        let arities: &[usize] = if rung.is_some() { &[2, 1] } else { &[1, 0] };
        let unknown = || ScriptError::NoFunction(function.to_owned());
        let found = self.functions.get(canonical(function)).ok_or_else(unknown)?;
        let found = arities.iter().find_map(|arity| found.get(arity)).ok_or_else(unknown)?;
        let call = found.call.as_ref().ok_or_else(unknown)?;
        let rung = rung.map(|rung| Arc::new(rung.clone()));
        let frame = Arc::new(self.frame(scene, rung, Some(Mutex::new(Vec::new()))));
        self.run(call, &frame).map(drop).map_err(|error| {
            script_error(&error, Base::Call(&found.place), NO_SHIFTS, &self.dates)
        })?;
        let Some(actions) = &frame.actions else { return Ok(Vec::new()) };
        Ok(actions.lock().map(|mut actions| std::mem::take(&mut *actions)).unwrap_or_default())
    }

    /// Whether [`call`](Self::call) finds a function for a rung, or for a hook.
    pub fn has_function(&self, function: &str, for_rung: bool) -> bool {
        let arities: &[usize] = if for_rung { &[2, 1] } else { &[1, 0] };
        let found = self.functions.get(canonical(function));
        found.is_some_and(|found| arities.iter().any(|arity| found.contains_key(arity)))
    }

    /// What an expression of the definition reads.
    pub fn reads(&self, expr: &Expr) -> Reads {
        self.expressions.get(&expr.source).map(|found| found.reads.clone()).unwrap_or_default()
    }

    fn frame(
        &self,
        scene: &Scene,
        rung: Option<Arc<RungFacts>>,
        actions: Option<Mutex<Vec<Action>>>,
    ) -> Frame {
        Frame {
            scene: scene.clone(),
            params: self.params.clone(),
            rung,
            actions,
            actions_max: self.limits.actions_max,
        }
    }

    #[expect(deprecated, reason = "rhai's other ways to run statements cannot carry a tag each")]
    fn run(&self, code: &AST, frame: &Arc<Frame>) -> Fallible {
        // A decision over thousands of items asks thousands of short scripts.
        if stop::is_told() {
            return Err(limit(stop::STOPPED));
        }
        let mut state = self.engine.new_global_runtime_state();
        state.tag = Dynamic::from(Tag(frame.clone()));
        state.lib.extend(self.scripts.iter().cloned());
        if code.has_functions() {
            state.lib.push(code.shared_lib().clone());
        }
        let (mut caches, mut scope) = (Caches::new(), Scope::new());
        let _metered = Metered::begin(&frame.scene.budget, self.limits.operations_max);
        self.engine.eval_statements_raw(&mut state, &mut caches, &mut scope, code.statements())
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("workflow", &self.definition.workflow.id)
            .field("hash", &self.definition.hash)
            .finish_non_exhaustive()
    }
}
