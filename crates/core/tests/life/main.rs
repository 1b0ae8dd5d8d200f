//! One random life: random workflows, people who act, err, leave and swap posts, units founded and
//! merged, returns, signers added and removed, suspensions, extensions, migrations to changed
//! versions, calendars loaded late, sub-cases, outages, clocks that jump back. After every step
//! what the rules promise is checked by code that shares nothing with what decides.
//!
//! A life follows from a seed. One that fails is made shorter, and the failure names it in one
//! line; this lives through it again:
//!
//! ```sh
//! DUBAN_LIFE_SEED=… cargo test -p duban-core --test life
//! ```
//!
//! `DUBAN_LIFE_COUNT` says how many lives there are, 120 if it is not set. They are the same in each
//! run; `DUBAN_LIFE_FRESH=1` lives others. `kept.txt` holds the seeds that found something, each
//! with what it was.

#[path = "../support/mod.rs"]
mod support;

mod damage;
mod dice;
mod invariants;
mod mine;
mod seeds;
mod works;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use dice::Dice;
use seeds::Seed;
use world::World;

/// Steps of a whole life.
const STEPS: usize = 90;

/// Lives of a run, where nothing else is said: about a minute of an unoptimised build.
const LIVES: u64 = 120;

/// What the seeds of a run follow from, where fresh ones are not asked for.
const BASE: u64 = 1;

/// Lives through the steps of a seed; what did not hold, if something did not.
fn live(seed: &Seed) -> Result<World, String> {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::open(&mut Dice::of(seed.number))?;
        for step in &seed.steps {
            let place = u64::try_from(*step).expect("a small number") + 1;
            let done = world.step(&mut Dice::apart(seed.number, place));
            done.map_err(|what| format!("{}in step {step}: {what}", world.story()))?;
        }
        world.looked_back().map_err(|what| format!("{}{what}", world.story()))?;
        Ok(world)
    }));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    })
}

/// Leaves out steps, by halves, quarters and so on, as long as the life fails without them.
fn shrunk(seed: &Seed) -> Seed {
    let mut least = seed.clone();
    let mut part = least.steps.len().div_ceil(2);
    while part > 0 {
        let mut from = 0;
        while from < least.steps.len() {
            let mut shorter = least.clone();
            let upto = (from + part).min(shorter.steps.len());
            shorter.steps.drain(from..upto);
            if live(&shorter).is_err() {
                least = shorter;
            } else {
                from += part;
            }
        }
        part /= 2;
    }
    least
}

fn holds(seed: &Seed) {
    let Err(first) = live(seed) else { return };
    // While it is made shorter it fails many times over; only the last is of interest.
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let least = shrunk(seed);
    std::panic::set_hook(told);
    let what = live(&least).err().unwrap_or(first);
    panic!("{what}\nto live through it again: DUBAN_LIFE_SEED={least}");
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

#[test]
fn every_random_life_keeps_what_the_rules_promise() {
    if let Some(text) = variable("DUBAN_LIFE_SEED") {
        return holds(&text.parse().expect("a seed"));
    }
    let count = variable("DUBAN_LIFE_COUNT").map_or(LIVES, |text| text.parse().expect("a number"));
    let base = if variable("DUBAN_LIFE_FRESH").is_some() { seeds::fresh() } else { BASE };
    let mut fresh = Dice::of(base);
    for _ in 0..count {
        holds(&Seed::whole(fresh.throw() % 1_000_000_000, STEPS));
    }
}

#[test]
fn every_kept_life_keeps_what_the_rules_promise() {
    for seed in seeds::kept() {
        holds(&seed);
    }
}

#[test]
fn the_same_seed_is_the_same_life() {
    let seed = Seed::whole(7, 40);
    let log = |seed: &Seed| {
        let world = live(seed).unwrap_or_else(|what| panic!("{what}"));
        world.log().iter().map(|(_, hash)| hash.clone()).collect::<Vec<_>>()
    };
    assert_eq!(log(&seed), log(&seed.to_string().parse().expect("a seed")));
}
