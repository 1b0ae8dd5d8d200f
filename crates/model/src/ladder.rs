//! Ladders, lights and scores: the tables by which an office chases.

use serde::{Deserialize, Serialize};

use crate::definition::{Expr, Place};

/// What happens when, relative to a deadline or a stall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// Its name.
    pub name: String,
    /// Row of the document that asks for it, for example `M25.5`.
    pub basis: Vec<String>,
    /// From the mildest to the hardest. A rung is known by its position, from 0.
    pub rungs: Vec<Rung>,
}

impl Rung {
    /// What it does, whenever that is: how a rung without an id is known again.
    pub fn deed(&self) -> String {
        let trigger = match &self.trigger {
            Trigger::At(_) => "at",
            Trigger::Every { .. } => "every",
            Trigger::Stalled => "stalled",
            Trigger::Behind { .. } => "behind",
            Trigger::Unrectified => "unrectified",
        };
        let mut parts = vec![trigger.to_owned(), self.run.clone()];
        let to: Vec<String> = self.to.iter().map(|to| squeezed(&to.source)).collect();
        parts.push(to.join(","));
        let words = self.words.iter().map(|(name, word)| format!("{name}={word}"));
        let values =
            self.values.iter().map(|(name, value)| format!("{name}={}", squeezed(&value.source)));
        let mut rest: Vec<String> = words.chain(values).collect();
        rest.sort();
        parts.extend(rest);
        parts.join(" ")
    }

    /// Its name: the id, or what it does.
    pub fn name(&self) -> String {
        self.id.clone().unwrap_or_else(|| self.deed())
    }

    /// The text of what sets it off.
    pub fn when(&self) -> String {
        match &self.trigger {
            Trigger::At(at) => squeezed(&at.source),
            Trigger::Every { every, after } => {
                format!("{} {}", squeezed(&every.source), squeezed(&after.source))
            }
            Trigger::Behind { points, lasting } => {
                let lasting = lasting.as_ref().map(|span| squeezed(&span.source));
                format!("{points} {}", lasting.unwrap_or_default())
            }
            Trigger::Stalled | Trigger::Unrectified => String::new(),
        }
    }
}

fn squeezed(source: &str) -> String {
    source.split_whitespace().collect()
}

/// One rung of a ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Its name, by which a migration finds it again; unique in its ladder. Without one it is
    /// known by trigger kind, function, addressees and other words, among equals by their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What sets it off.
    pub trigger: Trigger,
    /// The function called: of the workflow, the suite or the library.
    pub run: String,
    /// Who is addressed; left out: the function decides.
    pub to: Vec<Expr>,
    /// The remaining keys, read by the function as `rung.NAME`: plain words such as `slip: blue`.
    pub words: Vec<(String, String)>,
    /// The remaining keys whose values are expressions, for example `rectify_within`.
    pub values: Vec<(String, Expr)>,
    /// Where it is written.
    pub place: Place,
}

/// What sets a rung off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trigger {
    /// `at:` an instant, usually relative to `due`.
    At(Expr),
    /// `every: SPAN, after: INSTANT`: again and again until the task is closed.
    Every {
        /// The span between two firings.
        every: Expr,
        /// The first firing is one span after this instant.
        after: Expr,
    },
    /// `stalled: true`: when the item stalls.
    Stalled,
    /// `behind: 10, for: SPAN`: that many percentage points behind plan for that long.
    Behind {
        /// Percentage points.
        points: u8,
        /// How long; left out: at once.
        lasting: Option<Expr>,
    },
    /// `after: interview.unrectified`: an interview's rectification passed its due date.
    Unrectified,
}

/// When lights turn. Every rule is a threshold, so the instant at which a light turns follows
/// from an item's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LightPolicy {
    /// The published scheme it came from, or `custom`.
    pub preset: String,
    /// Yellow this many working days before the due date; `None`: not by nearness.
    pub yellow_workdays_before: Option<u32>,
    /// Yellow this many percentage points behind plan.
    pub yellow_points_behind: Option<u8>,
    /// Yellow while the item is stalled.
    pub yellow_stalled: bool,
    /// Red this many working days after the due date (0: at once).
    pub red_workdays_after: u32,
    /// Red this many percentage points behind plan.
    pub red_points_behind: Option<u8>,
    /// Red once this many judged windows or plan dates in a row were missed.
    pub red_missed_in_a_row: Option<u32>,
}

/// One rule of scoring over the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreRule {
    /// Its name, shown beside the points.
    pub id: String,
    /// The kind of event that is scored.
    pub on: ScoreOn,
    /// Points, in hundredths; negative for a deduction.
    pub points: i64,
    /// The most that one case may gain or lose by this rule, in hundredths; positive.
    pub cap: Option<i64>,
    /// Only tasks whose basis begins with this.
    pub basis: Option<String>,
}

/// What a score rule counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreOn {
    /// A task done on time, by its original due date or one extended in time.
    DoneOnTime,
    /// A task done late.
    DoneLate,
    /// A due date passed.
    Overdue,
    /// A window missed.
    Missed,
    /// A missed window made up for.
    MadeUp,
    /// Papers of a window that was kept came after its judgement, and the miss was taken back.
    PapersLate,
    /// A report that was owed and did not come.
    ReportMissed,
    /// A submission returned.
    Returned,
    /// Silence lasted too long.
    Stalled,
    /// An indicator judged not met.
    IndicatorNotMet,
    /// A slip issued.
    Slip,
    /// A notice issued.
    Notice,
    /// An interview opened.
    Interview,
    /// A referral.
    Referral,
}
