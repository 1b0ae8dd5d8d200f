//! Which functions scripts may call, by name and number of arguments.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::acts;
use crate::host::lists::CHOICES_MAX;
use crate::names::{HostKind, NAMES, both};

/// rhai's own functions that scripts may call, with their numbers of arguments; a method's
/// receiver counts. What is not listed here is unknown to authors.
pub(crate) const RHAI: &[(&str, &[usize])] = &[
    // numbers
    ("abs", &[1]),
    ("sign", &[1]),
    ("floor", &[1]),
    ("ceiling", &[1]),
    ("round", &[1, 2]),
    ("to_int", &[1]),
    ("to_decimal", &[1]),
    ("parse_int", &[1]),
    ("parse_decimal", &[1]),
    // texts
    ("to_string", &[1]),
    ("type_of", &[1]),
    ("len", &[1]),
    ("is_empty", &[1]),
    ("contains", &[2]),
    ("starts_with", &[2]),
    ("ends_with", &[2]),
    ("trim", &[1]),
    ("to_upper", &[1]),
    ("to_lower", &[1]),
    ("sub_string", &[2, 3]),
    ("split", &[1, 2, 3]),
    ("replace", &[3]),
    ("index_of", &[2, 3]),
    ("pad", &[3]),
    ("chars", &[1]),
    // lists
    ("push", &[2]),
    ("pop", &[1]),
    ("insert", &[3]),
    ("remove", &[2]),
    ("append", &[2]),
    ("concat", &[2]),
    ("get", &[2]),
    ("set", &[3]),
    ("extract", &[2, 3]),
    ("reverse", &[1]),
    ("sort", &[1, 2]),
    ("sort_desc", &[1]),
    ("dedup", &[1]),
    ("filter", &[2]),
    ("map", &[2]),
    ("reduce", &[2, 3]),
    ("some", &[2]),
    ("all", &[2]),
    ("find", &[2]),
    ("find_map", &[2]),
    ("for_each", &[2]),
    ("zip", &[3]),
    ("retain", &[2]),
    ("clear", &[1]),
    ("range", &[2, 3]),
    // maps
    ("keys", &[1]),
    ("values", &[1]),
    ("mixin", &[2]),
    ("merge", &[2]),
    // closures
    ("call", &[1, 2, 3, 4, 5, 6]),
    ("curry", &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
];

/// Numbers of arguments of the functions of [`NAMES`]; a method's receiver counts.
const HOST: &[(&str, &[usize])] = &[
    ("days", &[1]),
    ("workdays", &[1]),
    ("months", &[1]),
    ("hours", &[1]),
    ("date", &[1, 3]),
    ("org", &[1]),
    ("units", &[1, 2]),
    ("districts", &[0, 1]),
    ("workdays_between", &[2]),
    ("is_workday", &[1]),
    ("history", &[1]),
    ("indicator", &[1]),
    ("sum", &[1]),
    ("avg", &[1]),
    ("count", &[1]),
    ("post", &[2]),
    ("below", &[2]),
    ("with", &[2]),
    ("is_within", &[2]),
];

/// Functions by name with the numbers of arguments that each takes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    arities: BTreeMap<String, BTreeSet<usize>>,
    /// Functions of the scripts, which a method call reaches with one argument fewer.
    scripts: BTreeMap<String, BTreeSet<usize>>,
}

impl Known {
    /// What the host and rhai give.
    pub(crate) fn host() -> Self {
        let mut known = Self::default();
        for (name, arities) in RHAI {
            known.arities.entry((*name).to_owned()).or_default().extend(*arities);
        }
        for host in NAMES {
            let arities: Vec<usize> = match host.kind {
                HostKind::Action => {
                    (1..=3).filter(|arity| acts::takes(host.english, *arity)).collect()
                }
                HostKind::Function | HostKind::Method { .. } => of_host(host.english),
                _ => continue,
            };
            for name in both(host.kind, host.english) {
                known.arities.entry(name.to_owned()).or_default().extend(arities.iter().copied());
            }
        }
        known
    }

    /// Adds a function of the scripts.
    pub(crate) fn add(&mut self, name: &str, arity: usize) {
        self.scripts.entry(name.to_owned()).or_default().insert(arity);
    }

    /// Whether a call finds a function.
    pub(crate) fn has(&self, name: &str, arity: usize, method: bool) -> bool {
        let has = |table: &BTreeMap<String, BTreeSet<usize>>, arity| {
            table.get(name).is_some_and(|arities| arities.contains(&arity))
        };
        let receiver = usize::from(method);
        has(&self.arities, arity + receiver)
            || has(&self.scripts, arity)
            || has(&self.scripts, arity + receiver)
    }

    /// The numbers of arguments that a name takes; empty for an unknown name.
    pub(crate) fn arities(&self, name: &str, method: bool) -> Vec<usize> {
        let receiver = usize::from(method);
        let host = self.arities.get(name).into_iter().flatten();
        let host = host.filter_map(|arity| arity.checked_sub(receiver));
        let all: BTreeSet<usize> =
            host.chain(self.scripts.get(name).into_iter().flatten().copied()).collect();
        all.into_iter().collect()
    }

    /// Every name, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.scripts.keys().chain(self.arities.keys()).map(String::as_str)
    }

    /// Whether a script defines the name.
    pub(crate) fn in_scripts(&self, name: &str) -> bool {
        self.scripts.contains_key(name)
    }
}

/// The numbers of arguments of a function of [`NAMES`].
pub(crate) fn of_host(english: &str) -> Vec<usize> {
    if english == "min" || english == "max" {
        return (1..=CHOICES_MAX).collect();
    }
    let found = HOST.iter().find(|(name, _)| *name == english);
    found.map(|(_, arities)| arities.to_vec()).unwrap_or_default()
}
