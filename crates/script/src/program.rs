//! A definition with all its expressions and functions compiled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use duban_model::{Definition, Directory, Expr, ExprRole, Place, Problem, expressions};
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, FuncArgs, Position, Scope};
use serde_json::{Map, Value as Json};

use crate::action::Action;
use crate::check::{self, Functions, expression_problems, script_problems};
use crate::convert::from_dynamic;
use crate::facts::{RungFacts, Scene};
use crate::frame::{ACTIONS_MAX, Frame, LimitReached, Tag};
use crate::object::{Item, Rung};
use crate::sandbox;
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
            operations_max: 200_000,
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

/// A compiled expression: the function of the program that it became, and what it reads.
struct Compiled {
    function: String,
    reads: Reads,
}

/// A definition with all its expressions and functions compiled.
pub struct Program {
    definition: Arc<Definition>,
    engine: Arc<Engine>,
    limits: Limits,
    ast: AST,
    by_source: BTreeMap<String, Compiled>,
    functions: Functions,
    params: Arc<Map<String, Json>>,
}

impl Program {
    /// Compiles every expression and script of a definition.
    ///
    /// Functions are looked up in the workflow's own script, then the suite's, then the
    /// library's, by name and number of parameters.
    ///
    /// # Errors
    ///
    /// Every problem found: syntax, unknown functions and variables, fields that the form does
    /// not declare.
    pub fn compile(definition: Arc<Definition>, limits: Limits) -> Result<Self, Vec<Problem>> {
        let engine = Arc::new(sandbox::engine(&limits));
        let mut problems = Vec::new();
        let mut ast = AST::empty();
        let mut functions = Functions::default();
        // The last one merged wins, so the library comes first.
        for script in definition.scripts.iter().rev() {
            match engine.compile(&script.source) {
                Ok(compiled) => {
                    functions.add(&script.file, &compiled);
                    ast = ast.merge(&compiled.clone_functions_only());
                }
                Err(error) => {
                    let place = place_in(&script.file, error.position());
                    problems.push(check::syntax(&place, &script.source, &error));
                }
            }
        }
        problems.extend(script_problems(&definition, &functions));
        let mut by_source: BTreeMap<String, Compiled> = BTreeMap::new();
        for (role, task, expr) in expressions(&definition) {
            let number = by_source.len();
            match compile_expression(&engine, expr, number) {
                Ok((function, compiled)) => {
                    let walked = check::walk(&compiled);
                    problems.extend(expression_problems(
                        &definition,
                        &functions,
                        (role, task, expr),
                        &walked,
                    ));
                    if !by_source.contains_key(&expr.source) {
                        ast = ast.merge(&compiled.clone_functions_only());
                        let reads = check::reads(&walked);
                        by_source.insert(expr.source.clone(), Compiled { function, reads });
                    }
                }
                Err(problem) => problems.push(*problem),
            }
        }
        if !problems.is_empty() {
            problems.sort();
            problems.dedup();
            return Err(problems);
        }
        let mut params = definition.suite.params.clone();
        params.extend(definition.workflow.params.clone());
        let params = Arc::new(params);
        Ok(Self { definition, engine, limits, ast, by_source, functions, params })
    }

    /// The definition it was compiled from.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Checks constants against a directory: units and posts that nobody has.
    pub fn check(&self, directory: &Directory) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (_, _, expr) in expressions(&self.definition) {
            if let Ok((_, compiled)) = compile_expression(&self.engine, expr, 0) {
                let walked = check::walk(&compiled);
                problems.extend(check::directory_problems(directory, expr, &walked));
            }
        }
        problems.sort();
        problems.dedup();
        problems
    }

    /// Evaluates one expression of the definition.
    ///
    /// # Errors
    ///
    /// [`ScriptError`]; nothing has happened.
    pub fn eval(&self, expr: &Expr, scene: &Scene) -> Result<Value, ScriptError> {
        let Some(compiled) = self.by_source.get(&expr.source) else {
            return Err(ScriptError::NoFunction(expr.source.clone()));
        };
        let frame = self.frame(scene, None, None);
        let value = self
            .run(&compiled.function, &frame, ())
            .map_err(|error| self.explain(&error, Some(expr)))?;
        from_dynamic(&value).map_err(|got| ScriptError::WrongType {
            place: shown(&expr.place),
            expected: "可作为结果的值",
            got: got.to_owned(),
        })
    }

    /// Calls a hook's, a rung's or an automatic task's function and returns what it asks for.
    ///
    /// A function with two parameters gets the task and the rung, one with one the task.
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
        let rung = rung.map(|rung| Arc::new(rung.clone()));
        let frame = self.frame(scene, rung.clone(), Some(Mutex::new(Vec::new())));
        let task = scene.item.clone().map_or(Dynamic::UNIT, |item| Dynamic::from(Item::new(item)));
        let called = match rung {
            Some(rung) if self.functions.has(function, 2) => {
                self.run(function, &frame, (task, Dynamic::from(Rung(rung))))
            }
            _ if self.functions.has(function, 1) => self.run(function, &frame, (task,)),
            _ => return Err(ScriptError::NoFunction(function.to_owned())),
        };
        if let Err(error) = called {
            return Err(self.explain(&error, None));
        }
        let actions = frame.actions.as_ref().and_then(|actions| actions.lock().ok());
        Ok(actions.map(|mut actions| std::mem::take(&mut *actions)).unwrap_or_default())
    }

    /// What an expression of the definition reads.
    pub fn reads(&self, expr: &Expr) -> Reads {
        self.by_source.get(&expr.source).map(|compiled| compiled.reads.clone()).unwrap_or_default()
    }

    fn frame(
        &self,
        scene: &Scene,
        rung: Option<Arc<RungFacts>>,
        actions: Option<Mutex<Vec<Action>>>,
    ) -> Arc<Frame> {
        Arc::new(Frame {
            scene: scene.clone(),
            params: Arc::clone(&self.params),
            rung,
            actions,
            actions_max: self.limits.actions_max,
        })
    }

    fn run(
        &self,
        function: &str,
        frame: &Arc<Frame>,
        arguments: impl FuncArgs,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        let options = CallFnOptions::new().eval_ast(false).with_tag(Tag(Arc::clone(frame)));
        let mut scope = Scope::new();
        self.engine.call_fn_with_options(options, &mut scope, &self.ast, function, arguments)
    }

    /// A failure with its place and in words for the author.
    fn explain(&self, error: &EvalAltResult, expr: Option<&Expr>) -> ScriptError {
        let (inner, function) = innermost(error);
        let position = inner.position();
        let file = function.and_then(|name| self.functions.file_of(name));
        let place = match (file, expr) {
            (Some(file), _) => shown(&place_in(file, position)),
            (None, Some(expr)) => shown(&place_of(expr, position)),
            (None, None) => shown(&place_in("", position)),
        };
        match limit_of(inner) {
            Some(limit) => ScriptError::Limit { place, limit },
            None => ScriptError::Failed { place, message: check::in_chinese(inner) },
        }
    }
}

/// Compiles an expression as a function of its own, so that it can be called like any other.
fn compile_expression(
    engine: &Engine,
    expr: &Expr,
    number: usize,
) -> Result<(String, AST), Box<Problem>> {
    let refused = |error: &rhai::ParseError, position: Position| {
        Box::new(check::syntax(&place_of(expr, position), &expr.source, error))
    };
    engine
        .compile_expression(&expr.source)
        .map_err(|error| refused(&error, below_first_line(error.position())))?;
    let function = format!("expression_{number}");
    let ast = engine
        .compile(format!("fn {function}() {{\n{}\n}}", expr.source))
        .map_err(|error| refused(&error, error.position()))?;
    Ok((function, ast))
}

/// Positions inside a wrapped expression begin on its second line.
fn below_first_line(position: Position) -> Position {
    match (position.line(), position.position()) {
        (Some(line), column) => Position::new(
            u16::try_from(line + 1).unwrap_or(u16::MAX),
            u16::try_from(column.unwrap_or(0)).unwrap_or(u16::MAX),
        ),
        (None, _) => position,
    }
}

/// The place in the author's file of a position inside a wrapped expression.
pub(crate) fn place_of(expr: &Expr, position: Position) -> Place {
    let (Some(line), column) = (position.line(), position.position().unwrap_or(1).max(1)) else {
        return expr.place.clone();
    };
    let line = line.saturating_sub(2);
    Place {
        file: expr.place.file.clone(),
        line: expr.place.line + line,
        column: if line == 0 { expr.place.column + column - 1 } else { column },
        length: 1,
    }
}

fn place_in(file: &str, position: Position) -> Place {
    Place {
        file: file.to_owned(),
        line: position.line().unwrap_or(1),
        column: position.position().unwrap_or(1),
        length: 1,
    }
}

fn shown(place: &Place) -> String {
    format!("{}:{}:{}", place.file, place.line, place.column)
}

/// The failure at the bottom, and the script's function that it happened in.
fn innermost(error: &EvalAltResult) -> (&EvalAltResult, Option<&str>) {
    let mut error = error;
    let mut function = None;
    while let EvalAltResult::ErrorInFunctionCall(name, _, inner, _) = error {
        function = Some(name.as_str());
        error = inner;
    }
    (error, function)
}

fn limit_of(error: &EvalAltResult) -> Option<&'static str> {
    match error {
        EvalAltResult::ErrorTooManyOperations(_) => Some("operations_max"),
        EvalAltResult::ErrorStackOverflow(_) => Some("call_levels_max"),
        EvalAltResult::ErrorDataTooLarge(what, _) => Some(match what.as_str() {
            "Length of string" => "string_bytes_max",
            "Size of object map" => "map_len_max",
            _ => "array_len_max",
        }),
        EvalAltResult::ErrorTerminated(token, _) => {
            Some(token.read_lock::<LimitReached>().map_or(ACTIONS_MAX, |reached| reached.0))
        }
        _ => None,
    }
}

/// What an expression is for, with the task it belongs to.
pub(crate) type Role<'d> = (ExprRole, Option<&'d duban_model::TaskDef>, &'d Expr);
