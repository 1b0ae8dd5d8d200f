//! What an office allows a channel: which kinds of messages, at which hours, how many a minute.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use duban_engine::{BoxFuture, Channel, ChannelError, Delivery, Hold};
use duban_script::SlipColour;

use crate::error::NotifyError;
use crate::hours::{Hours, WorkingDays};
use crate::pace::Pace;
use crate::template::Templates;

/// Messages of one kind: `remind`, or `slip:red` for slips of one colour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KindPattern {
    kind: String,
    colour: Option<SlipColour>,
}

impl FromStr for KindPattern {
    type Err = NotifyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotifyError::BadKind(text.to_owned());
        let (kind, colour) = match text.split_once(':') {
            Some((kind, colour)) => (kind, Some(colour)),
            None => (text, None),
        };
        let colour = match (kind, colour) {
            (_, None) => None,
            ("slip", Some("blue")) => Some(SlipColour::Blue),
            ("slip", Some("yellow")) => Some(SlipColour::Yellow),
            ("slip", Some("red")) => Some(SlipColour::Red),
            (_, Some(_)) => return Err(bad()),
        };
        match Templates::sources().any(|(known, _)| known == kind) {
            true => Ok(Self { kind: kind.to_owned(), colour }),
            false => Err(bad()),
        }
    }
}

impl KindPattern {
    fn matches(&self, delivery: &Delivery) -> bool {
        self.kind == delivery.kind
            && self.colour.is_none_or(|colour| delivery.sent.colour == Some(colour))
    }
}

/// The rules of one channel. The default carries everything at once.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The kinds that it carries; empty: all.
    pub only: Vec<KindPattern>,
    /// Kinds that it does not carry, even where they stand in `only`.
    pub not: Vec<KindPattern>,
    /// When it may send, by which working days; `None`: always.
    pub hours: Option<(Hours, WorkingDays)>,
    /// What goes out at once at any hour.
    pub except: Vec<KindPattern>,
    /// Messages a minute; more wait their turn. `None`: as many as come.
    pub per_minute: Option<NonZeroU32>,
}

/// A channel under rules, and under the name that the office gives it.
///
/// What it does not carry passes by. What must wait is held ([`ChannelError::Hold`]): that is no
/// failed attempt, and survives a restart.
///
/// ```
/// use std::sync::Arc;
/// use duban_notify::{Rules, Ruled};
///
/// let rules = Rules { only: vec!["slip".parse()?, "refer".parse()?], ..Rules::default() };
/// let channel = Ruled::new("log", Arc::new(duban_engine::LogChannel), rules);
/// assert_eq!("slips".parse::<duban_notify::KindPattern>().unwrap_err().code(), "DB5012");
/// # Ok::<(), duban_notify::NotifyError>(())
/// ```
pub struct Ruled {
    name: String,
    channel: Arc<dyn Channel>,
    rules: Rules,
    pace: Option<Pace>,
}

impl fmt::Debug for Ruled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Ruled");
        shown.field("name", &self.name).field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Ruled {
    /// Puts a channel under rules.
    pub fn new(name: &str, channel: Arc<dyn Channel>, rules: Rules) -> Self {
        let pace = rules.per_minute.map(Pace::per_minute);
        Self { name: name.to_owned(), channel, rules, pace }
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), ChannelError> {
        let is_urgent = || self.rules.except.iter().any(|kind| kind.matches(delivery));
        if let Some((hours, days)) = &self.rules.hours
            && !is_urgent()
            && let Some(until) = hours.opens(delivery.now, &*days.calendar().await)
        {
            return Err(ChannelError::Hold { until, why: Hold::Hours });
        }
        if let Some(pace) = &self.pace {
            pace.turn(delivery)?;
        }
        self.channel.deliver(delivery).await
    }
}

impl Channel for Ruled {
    fn name(&self) -> &str {
        &self.name
    }

    fn carries(&self, delivery: &Delivery) -> bool {
        let Rules { only, not, .. } = &self.rules;
        let is_among = |kinds: &[KindPattern]| kinds.iter().any(|kind| kind.matches(delivery));
        (only.is_empty() || is_among(only)) && !is_among(not) && self.channel.carries(delivery)
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(self.send(delivery))
    }
}
