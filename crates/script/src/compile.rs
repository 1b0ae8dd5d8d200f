//! Compiles a definition: scripts first, then every expression, then what calls which function.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_model::{Definition, Place, Problem, Script, TaskKind, expressions, is_civil};
use rhai::{AST, Engine, Module, ScriptFuncDef, Shared};
use serde_json::{Map, Value as Json};

use crate::check::{Checker, Seen};
use crate::convert::iso_date;
use crate::dates::{self, Shifts};
use crate::explain::Base;
use crate::host::acts::{script_name, takes};
use crate::known::{Known, of_host};
use crate::names::{HostKind, canonical, english};
use crate::program::{Code, Compiled, Function, Limits, Program, Reads};
use crate::sandbox;
use crate::suggest::closest;
use crate::test_file::parse;
use crate::value::Value;

/// Compiles a definition, or answers with every problem found.
pub(crate) fn compile(
    definition: Arc<Definition>,
    limits: Limits,
) -> Result<Program, Vec<Problem>> {
    let engine = sandbox::engine(&limits);
    let mut work = Work {
        definition: &definition,
        engine: &engine,
        known: Known::host(),
        problems: Vec::new(),
        doubts: Vec::new(),
        functions: BTreeMap::new(),
        seen: BTreeMap::new(),
        broken: false,
    };
    let mut files = work.scripts();
    let scripts = files.iter().rev().map(|file| file.module.clone()).collect();
    work.check_scripts(&files);
    let expressions = work.expressions();
    work.calls();
    let dates = files.iter_mut().filter(|file| !file.dates.is_empty());
    let dates = dates.map(|file| (file.script.file.clone(), std::mem::take(&mut file.dates)));
    let dates = dates.collect();
    let opens = work.opens();
    let Work { mut problems, doubts, functions, broken, .. } = work;
    if broken {
        // The functions of a file that does not parse are not known to be missing.
        problems.retain(|problem| !matches!(problem.code.as_str(), "DB1504" | "DB1502"));
    }
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(problems);
    }
    let params = Arc::new(params(&definition));
    Ok(Program {
        definition,
        limits,
        engine,
        scripts,
        expressions,
        functions,
        opens,
        doubts,
        params,
        dates,
    })
}

/// The parameters of the suite with the workflow's over them.
fn params(definition: &Definition) -> Map<String, Json> {
    let mut params = definition.suite.params.clone();
    params.extend(definition.workflow.params.clone());
    params
}

/// A compiled script file.
struct File<'d> {
    script: &'d Script,
    code: AST,
    module: Shared<Module>,
    /// Where it has dates.
    dates: Shifts,
}

struct Work<'d> {
    definition: &'d Definition,
    engine: &'d Engine,
    known: Known,
    problems: Vec<Problem>,
    /// What compiles and can only fail.
    doubts: Vec<Problem>,
    functions: BTreeMap<String, BTreeMap<usize, Function>>,
    /// What each script function reads and calls.
    seen: BTreeMap<String, Seen>,
    /// A script file does not parse.
    broken: bool,
}

impl<'d> Work<'d> {
    fn scripts(&mut self) -> Vec<File<'d>> {
        let scripts = &self.definition.scripts;
        let compiled: Vec<(&Script, (AST, Shifts))> = scripts
            .iter()
            .filter_map(|script| {
                Some((script, self.parse(&script.source, Base::File(&script.file))?))
            })
            .collect();
        self.broken = compiled.len() < scripts.len();
        let files = compiled.into_iter();
        files.map(|(script, (code, dates))| self.file(script, code, dates)).collect()
    }

    /// Compiles a text, or notes what is wrong with it.
    fn parse(&mut self, source: &str, base: Base<'_>) -> Option<(AST, Shifts)> {
        let parsed = parse(self.engine, source, base, dates::called);
        parsed.map_err(|problems| self.problems.extend(problems)).ok()
    }

    fn file(&mut self, script: &'d Script, code: AST, dates: Shifts) -> File<'d> {
        if let Some(statement) = code.statements().first() {
            let position = dates.original(statement.position());
            let place = Base::File(&script.file).place(position, 0);
            let problem = Problem::error("DB1516", &place, "脚本文件里只能定义函数");
            self.problems.push(problem.with_help("把语句放进 fn 名称() { … }"));
        }
        let mut module = Module::new();
        module.set_id(script.file.as_str());
        for function in code.iter_fn_def() {
            let renamed = self.renamed(&script.file, &dates, function);
            // Closures have names that no author can write.
            if !function.name.contains('$') {
                self.known.add(&function.name, function.params.len());
                self.define(&script.file, &dates, function, &renamed.name);
            }
            module.set_script_fn(renamed);
        }
        module.build_index();
        File { script, code, module: module.into(), dates }
    }

    /// A ladder's function may carry an action's name: it is kept under another one, and the
    /// action finds it by its arguments. Other functions of the host keep their names.
    fn renamed(
        &mut self,
        file: &str,
        dates: &Shifts,
        function: &Shared<ScriptFuncDef>,
    ) -> Shared<ScriptFuncDef> {
        let (name, arity) = (function.name.as_str(), function.params.len());
        let action = english(HostKind::Action, name);
        if let Some(action) = action
            && matches!(arity, 1 | 2)
        {
            let mut renamed = (**function).clone();
            renamed.name = script_name(action).into();
            return renamed.into();
        }
        let host = english(HostKind::Function, name);
        let taken = action.is_some_and(|action| takes(action, arity))
            || host.is_some_and(|host| of_host(host).contains(&arity));
        if taken {
            let place = function_place(file, dates, function);
            let message = format!("{name} 已是内置函数，不能再定义 {arity} 个参数的同名函数");
            let problem = Problem::error("DB1517", &place, message);
            self.problems.push(problem.with_help("换一个名称"));
        }
        function.clone()
    }

    fn define(&mut self, file: &str, dates: &Shifts, function: &ScriptFuncDef, callable: &str) {
        let arity = function.params.len();
        let call = match arity {
            0 => Some(format!("{callable}()")),
            1 => Some(format!("{callable}(task)")),
            2 => Some(format!("{callable}(task, rung)")),
            _ => None,
        };
        let call = call.and_then(|call| self.engine.compile(call).ok());
        let place = function_place(file, dates, function);
        // The first definition wins: the workflow's own, the suite's, the library's.
        self.functions
            .entry(canonical(&function.name).to_owned())
            .or_default()
            .entry(arity)
            .or_insert(Function { call, place });
    }

    fn check_scripts(&mut self, files: &[File<'d>]) {
        let called = called(self.definition);
        for file in files {
            let named = |function: &&Shared<ScriptFuncDef>| !function.name.contains('$');
            for function in file.code.iter_fn_def().filter(named) {
                let mut checker = Checker::new(self.definition, &self.known, true);
                checker.receives_task = called
                    .iter()
                    .any(|(_, name, _, _)| canonical(name) == canonical(&function.name));
                checker.function(&file.code, function);
                let found = checker.finish(Base::File(&file.script.file), &file.dates);
                self.problems.extend(found.problems);
                self.doubts.extend(found.doubts);
                let seen = found.seen;
                self.seen.entry(function.name.to_string()).or_default().merge(seen);
            }
        }
    }

    fn expressions(&mut self) -> BTreeMap<String, Compiled> {
        let mut compiled: BTreeMap<String, Option<Compiled>> = BTreeMap::new();
        for (role, task, expr) in expressions(self.definition) {
            let date = iso_date(expr.source.trim()).filter(|date| is_civil(*date));
            let (code, dates) = match date {
                Some(date) => (Some(Code::Constant(Value::Date(date))), Shifts::default()),
                None => match self.parse(&expr.source, Base::Expression(&expr.place)) {
                    Some((code, dates)) => (Some(Code::Script(code)), dates),
                    None => (None, Shifts::default()),
                },
            };
            let mut reads = Reads::default();
            if let Some(Code::Script(code)) = &code {
                let mut checker = Checker::new(self.definition, &self.known, false);
                checker.task = task;
                checker.expression(code, role);
                let found = checker.finish(Base::Expression(&expr.place), &dates);
                self.problems.extend(found.problems);
                self.doubts.extend(found.doubts);
                reads = found.seen.reads(&self.seen);
            }
            compiled
                .entry(expr.source.clone())
                .or_insert_with(|| code.map(|code| Compiled { code, reads, dates }));
        }
        compiled.into_iter().filter_map(|(source, found)| Some((source, found?))).collect()
    }

    /// Which workflows the functions that the definition names open, and where.
    fn opens(&self) -> BTreeSet<(String, Place)> {
        let mut opens = BTreeSet::new();
        for (_, name, _, _) in called(self.definition) {
            let same = self.seen.keys().filter(|one| canonical(one) == canonical(name));
            opens.extend(same.flat_map(|one| Seen::of_call(one).opens(&self.seen)));
        }
        opens
    }

    /// Checks that every function that the definition names exists.
    fn calls(&mut self) {
        for (place, name, arities, what) in called(self.definition) {
            let found = self.functions.get(canonical(name));
            let fits = |found: &BTreeMap<usize, Function>| {
                arities.iter().any(|arity| found.contains_key(arity))
            };
            if found.is_some_and(fits) {
                continue;
            }
            let problem = Problem::error("DB1502", place, format!("{what}的函数 {name} 没有定义"));
            let names = self.functions.keys().map(String::as_str);
            let help = match (found, closest(name, names)) {
                (Some(_), _) => {
                    let shape = if arities.contains(&2) { "(task, rung)" } else { "(task)" };
                    Some(format!("{name} 的参数应为 {shape}"))
                }
                (None, Some(close)) => Some(format!("是不是 {close}？")),
                (None, None) => None,
            };
            self.problems.push(match help {
                Some(help) => problem.with_help(help),
                None => problem,
            });
        }
    }
}

type Called<'d> = (&'d Place, &'d str, &'static [usize], &'static str);

/// Every function that the definition names, with the numbers of parameters that fit.
fn called(definition: &Definition) -> Vec<Called<'_>> {
    const HOOK: &[usize] = &[1, 0];
    const RUNG: &[usize] = &[2, 1];
    let mut called: Vec<Called<'_>> = Vec::new();
    for task in &definition.workflow.tasks {
        called.extend(task.hooks.values().map(|name| (&task.place, name.as_str(), HOOK, "钩子")));
        if let TaskKind::Automatic { run } = &task.kind {
            called.push((&task.place, run, HOOK, "自动任务"));
        }
        let then = task.extension.as_ref().and_then(|extension| extension.then.as_deref());
        called.extend(then.map(|name| (&task.place, name, HOOK, "延期之后")));
    }
    for ladder in definition.ladders.values() {
        let rungs = ladder.rungs.iter();
        called.extend(rungs.map(|rung| (&rung.place, rung.run.as_str(), RUNG, "梯级")));
    }
    called
}

fn function_place(file: &str, dates: &Shifts, function: &ScriptFuncDef) -> Place {
    Base::File(file).place(dates.original(function.body.start_position()), 0)
}
