//! What comes next if nobody acts: a look ahead at one case.

use duban_calendar::Instant;
use duban_core::{Actor, Case, Command, Env, Event, Signal, Teller, decide};

/// The most events that a forecast looks at; then it ends early.
pub const FORECAST_EVENTS_MAX: usize = 100_000;

/// What will happen to a case if nobody acts.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// Everything that time brings, in order; messages to people are [`Fact::Sent`] among them.
    ///
    /// [`Fact::Sent`]: duban_core::Fact::Sent
    pub events: Vec<Event>,
    /// The case as it will be.
    pub case: Case,
    /// It ended before `until`, at [`FORECAST_EVENTS_MAX`].
    pub cut: bool,
}

impl Forecast {
    /// The same told in Chinese, one line an event.
    pub fn lines(&self, teller: &Teller<'_>) -> Vec<String> {
        let teller = teller.of_case(self.case.head());
        self.events.iter().filter_map(|event| teller.line(event)).collect()
    }
}

/// Looks ahead from `env.now` to `until`: every wake-up at its own instant, nobody acts, no other
/// case answers. The case given is left as it is.
pub fn forecast(case: &Case, env: &Env, until: Instant) -> Forecast {
    let command = Command::new(Actor::Engine, Signal::Wake);
    let mut ahead = Forecast { events: Vec::new(), case: case.clone(), cut: false };
    let mut env = env.clone();
    while let Some(at) = ahead.case.next_wakeup().filter(|at| *at <= until) {
        if ahead.events.len() >= FORECAST_EVENTS_MAX {
            ahead.cut = true;
            break;
        }
        env.now = env.now.max(at);
        let decision = decide(Some(&ahead.case), &command, &env)
            .expect("invariant: a wake-up is never refused");
        ahead.events.extend(decision.events);
        ahead.case = decision.case;
    }
    ahead
}
