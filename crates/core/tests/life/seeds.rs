//! Seeds: fresh ones, kept ones, and how one is written down.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::str::FromStr;

/// A life: the number that all follows from, and which of its steps are lived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seed {
    pub(crate) number: u64,
    pub(crate) steps: Vec<usize>,
}

impl Seed {
    pub(crate) fn whole(number: u64, steps: usize) -> Self {
        Self { number, steps: (0..steps).collect() }
    }
}

/// `NUMBER/COUNT` for the first so many steps, `NUMBER:1,5,9` for some.
impl fmt::Display for Seed {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.iter().copied().eq(0..self.steps.len()) {
            return write!(text, "{}/{}", self.number, self.steps.len());
        }
        let steps: Vec<String> = self.steps.iter().map(ToString::to_string).collect();
        write!(text, "{}:{}", self.number, steps.join(","))
    }
}

impl FromStr for Seed {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((number, steps)) = text.split_once(':') {
            let steps = steps.split(',').map(str::parse).collect::<Result<_, _>>()?;
            return Ok(Self { number: number.parse()?, steps });
        }
        let (number, steps) = text.split_once('/').unwrap_or((text, "90"));
        Ok(Self::whole(number.parse()?, steps.parse()?))
    }
}

/// A number that differs from run to run.
pub(crate) fn fresh() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The seeds that found something: each line of `kept.txt` up to its first space.
pub(crate) fn kept() -> Vec<Seed> {
    let lines = include_str!("kept.txt").lines().filter(|line| !line.starts_with('#'));
    let seeds = lines.filter_map(|line| line.split_whitespace().next());
    seeds.map(|seed| seed.parse().unwrap_or_else(|error| panic!("{seed}: {error}"))).collect()
}
