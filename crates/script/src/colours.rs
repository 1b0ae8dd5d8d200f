//! Colours of supervision slips, where they are written out.

use duban_model::{Definition, Place, Problem, Severity};
use rhai::Expr as Code;

use crate::action::SlipColour;
use crate::check::Checker;
use crate::names::{HostKind, both, english};
use crate::suggest::closest;

/// The words of each colour.
const WORDS: &[(&str, SlipColour)] = &[
    ("blue", SlipColour::Blue),
    ("蓝", SlipColour::Blue),
    ("蓝色", SlipColour::Blue),
    ("yellow", SlipColour::Yellow),
    ("黄", SlipColour::Yellow),
    ("黄色", SlipColour::Yellow),
    ("red", SlipColour::Red),
    ("红", SlipColour::Red),
    ("红色", SlipColour::Red),
];

/// The colour of a word.
pub(crate) fn colour_named(word: &str) -> Option<SlipColour> {
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, colour)| *colour)
}

/// The colours that a message lists.
pub(crate) const LISTED: [&str; 3] = ["blue", "yellow", "red"];

fn unknown(severity: Severity, place: &Place, written: &str) -> Problem {
    let message = format!("督办单没有颜色 {written}");
    let near = closest(written, LISTED).map(|name| format!("；是不是 {name}？"));
    let help = format!("写 blue（蓝）、yellow（黄）或 red（红）{}", near.unwrap_or_default());
    Problem { severity, ..Problem::error("DB1524", place, message).with_help(help) }
}

/// Rungs whose `slip` is no colour. What the word means is up to the rung's function.
pub(crate) fn of_ladders(definition: &Definition) -> Vec<Problem> {
    let rungs = definition.ladders.values().flat_map(|ladder| &ladder.rungs);
    let words = rungs.flat_map(|rung| rung.words.iter().map(|word| (&rung.place, word)));
    words
        .filter(|(_, (key, word))| key == "slip" && colour_named(word).is_none())
        .map(|(place, (_, word))| unknown(Severity::Warning, place, word))
        .collect()
}

impl Checker<'_> {
    /// Notes `slip("purple", …)` and `slip(#{ colour: "purple", … })`.
    pub(crate) fn colour(&mut self, call: &rhai::FnCallExpr) {
        if english(HostKind::Action, &call.name) != Some("slip") {
            return;
        }
        let colour = match call.args.first() {
            Some(Code::Map(map, _)) => {
                let names = both(HostKind::Key { of: "slip" }, "colour");
                let mut entries = map.0.iter();
                entries.find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value)
            }
            first => first,
        };
        if let Some(Code::StringConstant(written, position)) = colour
            && colour_named(written).is_none()
        {
            let problem = unknown(Severity::Error, &Place::default(), written);
            self.doubt(*position, written.chars().count() + 2, problem);
        }
    }
}
