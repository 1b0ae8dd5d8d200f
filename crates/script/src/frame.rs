//! What one evaluation carries with it: the scene, the parameters, the actions asked for.
//!
//! A frame travels as rhai's call tag, so host functions and variables find it wherever they are
//! called from, also inside `fn` bodies. It is made for each evaluation and dropped with it.

use std::sync::{Arc, Mutex};

use duban_calendar::{Calendar, Date, Instant, Tz, date_of};
use duban_model::{Definition, Directory};
use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};
use serde_json::{Map, Value as Json};

use crate::action::Action;
use crate::facts::{RungFacts, Scene};

/// What host functions answer with.
pub(crate) type Fallible<T = Dynamic> = Result<T, Box<EvalAltResult>>;

/// What one evaluation sees, and the actions it has asked for so far.
pub(crate) struct Frame {
    pub(crate) scene: Scene,
    pub(crate) params: Arc<Map<String, Json>>,
    pub(crate) rung: Option<Arc<RungFacts>>,
    /// `None` in an expression: it decides, it does not act.
    pub(crate) actions: Option<Mutex<Vec<Action>>>,
    pub(crate) actions_max: usize,
}

/// The frame as rhai's call tag.
#[derive(Clone)]
pub(crate) struct Tag(pub(crate) Arc<Frame>);

impl Frame {
    /// The frame of a host call.
    pub(crate) fn of(context: &NativeCallContext<'_>) -> Fallible<Tag> {
        let found = context.tag().and_then(|tag| tag.read_lock::<Tag>().map(|tag| tag.clone()));
        found.ok_or_else(|| fail("此处没有事项可读"))
    }

    pub(crate) fn directory(&self) -> &Directory {
        self.scene.facts.directory()
    }

    pub(crate) fn calendar(&self) -> &Calendar {
        self.scene.facts.calendar()
    }

    pub(crate) fn definition(&self) -> &Definition {
        self.scene.facts.definition()
    }

    pub(crate) fn tz(&self) -> Tz {
        self.definition().suite.time_zone
    }

    /// The civil date that an instant belongs to.
    pub(crate) fn date_of(&self, at: Instant) -> Date {
        date_of(at, self.tz())
    }

    /// Keeps an action.
    pub(crate) fn act(&self, action: Action) -> Fallible<()> {
        let Some(actions) = &self.actions else {
            return Err(fail("表达式只作判断，不能采取动作；请写在脚本函数里"));
        };
        let Ok(mut actions) = actions.lock() else {
            return Err(fail("动作列表不可用"));
        };
        if actions.len() >= self.actions_max {
            return Err(limit(ACTIONS_MAX));
        }
        actions.push(action);
        Ok(())
    }
}

/// The name of the limit on actions.
pub(crate) const ACTIONS_MAX: &str = "actions_max";

/// Marks the reaching of one of our own limits, told apart from failures by its type.
#[derive(Clone)]
pub(crate) struct LimitReached(pub(crate) &'static str);

/// A failure with a message for authors.
pub(crate) fn fail(message: impl Into<String>) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(message.into().into(), Position::NONE).into()
}

/// The reaching of a limit; a script cannot catch it.
pub(crate) fn limit(name: &'static str) -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::from(LimitReached(name)), Position::NONE).into()
}
