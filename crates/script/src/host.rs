//! The functions, properties and operators that the host gives to scripts.
//!
//! All are kept in one rhai module, built once and shared by every engine. Each is registered
//! under both names that [`NAMES`](crate::NAMES) gives it.

pub(crate) mod acts;
mod args;
pub(crate) mod lists;
mod natives;
mod operators;
mod tasks;
mod times;
pub(crate) mod units;

pub(crate) use tasks::{overdue_workdays, remaining_workdays};

use std::any::TypeId;
use std::sync::{Arc, LazyLock};

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage,
    BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, FuncRegistration, Module, NativeCallContext, RhaiFunc, Shared};

use crate::frame::{Fallible, Frame, fail};
use crate::meter;
use crate::names::{HostKind, both};

/// The one module with everything the host gives.
pub(crate) static MODULE: LazyLock<Shared<Module>> = LazyLock::new(|| {
    let mut host = Host { module: Module::new() };
    operators::register(&mut host);
    times::register(&mut host);
    units::register(&mut host);
    tasks::register(&mut host);
    lists::register(&mut host);
    acts::register(&mut host);
    natives::register(&mut host);
    for package in packages() {
        // What the host gives goes before what rhai gives.
        host.module.fill_with(&package);
    }
    host.module.build_index();
    host.module.into()
});

/// The parts of rhai's library that scripts get, by name. What is left out does not exist: the
/// language core with its `sleep` and `exit`, function pointers by name, blobs, bit fields.
///
/// They are taken over into the one module because rhai asks every module in turn for every call.
fn packages() -> [Shared<Module>; 8] {
    [
        ArithmeticPackage::new().as_shared_module(),
        LogicPackage::new().as_shared_module(),
        BasicMathPackage::new().as_shared_module(),
        BasicStringPackage::new().as_shared_module(),
        MoreStringPackage::new().as_shared_module(),
        BasicIteratorPackage::new().as_shared_module(),
        BasicArrayPackage::new().as_shared_module(),
        BasicMapPackage::new().as_shared_module(),
    ]
}

/// The module under construction.
pub(crate) struct Host {
    module: Module,
}

/// The arguments of a host function.
pub(crate) type Arguments<'a> = [&'a mut Dynamic];

impl Host {
    /// Registers a function that takes any values under exactly this name.
    pub(crate) fn raw(
        &mut self,
        name: &str,
        arity: usize,
        run: impl Fn(&NativeCallContext<'_>, &mut Arguments<'_>) -> Fallible + Send + Sync + 'static,
    ) {
        let types = vec![TypeId::of::<Dynamic>(); arity];
        self.typed(name, &types, run);
    }

    /// Registers a function for argument types. What it takes and gives counts by its size.
    pub(crate) fn typed(
        &mut self,
        name: &str,
        types: &[TypeId],
        run: impl Fn(&NativeCallContext<'_>, &mut Arguments<'_>) -> Fallible + Send + Sync + 'static,
    ) {
        let missing = || fail("此处没有事项可读");
        let run = move |context: Option<NativeCallContext<'_>>, arguments: &mut Arguments<'_>| {
            meter::work(arguments.iter().map(|argument| &**argument))?;
            let answer = run(&context.ok_or_else(missing)?, arguments)?;
            meter::work([&answer])?;
            Ok(answer)
        };
        // `Method` hands the first argument over by reference, so that nothing is copied.
        let function = RhaiFunc::Method {
            func: Arc::new(run),
            has_context: true,
            is_pure: true,
            is_volatile: true,
        };
        FuncRegistration::new(name).in_global_namespace().set_into_module_raw(
            &mut self.module,
            types,
            function,
        );
    }

    /// Registers a function or method of [`NAMES`](crate::NAMES) for one number of arguments.
    pub(crate) fn function(
        &mut self,
        kind: HostKind,
        english: &str,
        arity: usize,
        run: impl Fn(&Frame, &mut Arguments<'_>) -> Fallible + Send + Sync + Clone + 'static,
    ) {
        for name in both(kind, english) {
            let run = run.clone();
            self.raw(name, arity, move |context, arguments| run(&Frame::of(context)?.0, arguments));
        }
    }

    /// Registers a property of [`NAMES`](crate::NAMES) on a type.
    pub(crate) fn property<T: Clone + Send + Sync + 'static>(
        &mut self,
        of: &'static str,
        english: &str,
        read: impl Fn(&Frame, &T) -> Fallible + Send + Sync + Clone + 'static,
    ) {
        for name in both(HostKind::Property { of }, english) {
            let read = read.clone();
            let getter = rhai_getter(name);
            self.typed(&getter, &[TypeId::of::<T>()], move |context, arguments| {
                let frame = Frame::of(context)?;
                let Some(value) = arguments.first().and_then(|value| value.read_lock::<T>()) else {
                    return Err(fail("类型不符"));
                };
                read(&frame.0, &value)
            });
        }
    }

    /// Registers what answers properties whose names are not fixed, and `x["name"]`.
    pub(crate) fn index<T: Clone + Send + Sync + 'static>(
        &mut self,
        read: impl Fn(&Frame, &T, &str) -> Fallible + Send + Sync + 'static,
    ) {
        let types = [TypeId::of::<T>(), TypeId::of::<rhai::ImmutableString>()];
        self.typed(INDEX_GETTER, &types, move |context, arguments| {
            let frame = Frame::of(context)?;
            let [value, name] = arguments else { return Err(fail("下标不符")) };
            let (Some(value), Ok(name)) = (value.read_lock::<T>(), name.as_immutable_string_ref())
            else {
                return Err(fail("下标须是文本"));
            };
            read(&frame.0, &value, &name)
        });
    }
}

/// What rhai calls index getters.
const INDEX_GETTER: &str = "index$get$";

fn rhai_getter(property: &str) -> String {
    format!("get${property}")
}
