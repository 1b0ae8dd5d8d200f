//! Light policies: the published schemes as presets, and the `lights:` key.
//!
//! Every scheme was published in words. Each preset says what of it the policy's fields cannot
//! express; an office writes the rest into its ladder or leaves it out. Thresholds that a scheme
//! leaves open are filled from `standard`.

use crate::ladder::LightPolicy;
use crate::read::{Keys, Reader};
use crate::yaml::{Kind, Node};

/// Name, Chinese name and policy of every published scheme.
fn presets() -> [(&'static str, &'static str, LightPolicy); 9] {
    [
        ("standard", "标准", standard()),
        ("xian", "西安", LightPolicy { yellow_workdays_before: Some(3), ..by_time() }),
        (
            "yichang",
            "宜昌",
            LightPolicy {
                yellow_workdays_before: Some(3),
                red_points_behind: Some(1),
                ..by_time()
            },
        ),
        ("suqian", "宿迁", LightPolicy { yellow_points_behind: Some(1), ..by_time() }),
        (
            "sanming",
            "三明",
            LightPolicy {
                yellow_points_behind: Some(1),
                yellow_stalled: true,
                red_missed_in_a_row: Some(3),
                ..by_time()
            },
        ),
        (
            "yinchuan",
            "银川",
            LightPolicy {
                yellow_points_behind: Some(10),
                red_points_behind: Some(31),
                ..by_time()
            },
        ),
        (
            "haikou",
            "海口江东",
            LightPolicy {
                yellow_points_behind: Some(1),
                red_missed_in_a_row: Some(2),
                ..by_time()
            },
        ),
        (
            "sanya",
            "三亚",
            LightPolicy { yellow_points_behind: Some(1), red_points_behind: Some(51), ..by_time() },
        ),
        ("guangyuan", "广元", standard()),
    ]
}

fn standard() -> LightPolicy {
    LightPolicy {
        preset: String::new(),
        yellow_workdays_before: Some(10),
        yellow_points_behind: Some(10),
        yellow_stalled: true,
        red_workdays_after: 0,
        red_points_behind: Some(30),
        red_missed_in_a_row: None,
    }
}

/// Red at once when overdue, nothing else.
fn by_time() -> LightPolicy {
    LightPolicy {
        yellow_workdays_before: None,
        yellow_points_behind: None,
        yellow_stalled: false,
        red_points_behind: None,
        ..standard()
    }
}

impl LightPolicy {
    /// The policy of a published scheme, by its name (`yinchuan`) or its Chinese name (`银川`).
    ///
    /// | preset | scheme | not expressed |
    /// |---|---|---|
    /// | `standard` | yellow from ten working days before, when stalled or 10 points behind; red when overdue or 30 points behind | |
    /// | `xian` 西安 | at most 3 days left: yellow or red by the time remaining | red before the due date; days are counted as working days |
    /// | `yichang` 宜昌 | on track green, near the limit yellow, behind red | how near is not published: 3 working days |
    /// | `suqian` 宿迁 | near the due date blue, behind schedule or of poor quality yellow, overdue red | blue, and quality |
    /// | `sanming` 三明 | slow or poor blue, unmet after blue orange, unmet after orange red | blue and orange: both are yellow; important matters that start at orange |
    /// | `yinchuan` 银川 | behind the schedule by under 10 points green, 10 to 30 yellow, more red | not started in the planned month yellow, for 3 months red |
    /// | `haikou` 海口江东 | slightly behind yellow, two yellows in a row red | that red is reported the same day |
    /// | `sanya` 三亚 | up to 50 % short of the planned share yellow, more red | the share: percentage points stand in for it; interviews belong to the ladder |
    /// | `guangyuan` 广元 | yellow twice: letter and a point; red: two points, interview, accountability | when lights turn is not published: as `standard`; the rest belongs to ladder and scoring |
    pub fn preset(name: &str) -> Option<Self> {
        let found = presets().into_iter().find(|(id, chinese, _)| *id == name || *chinese == name);
        found.map(|(id, _, policy)| Self { preset: id.to_owned(), ..policy })
    }

    /// The names of the published schemes.
    pub fn preset_names() -> impl Iterator<Item = &'static str> {
        presets().into_iter().map(|(id, _, _)| id)
    }
}

impl Default for LightPolicy {
    fn default() -> Self {
        Self { preset: "standard".to_owned(), ..standard() }
    }
}

/// Reads `lights:`: a preset's name, or a map with `preset` and what differs from it.
pub(crate) fn read(r: &mut Reader<'_>, node: &Node) -> LightPolicy {
    if node.text().is_some() {
        return preset(r, node).unwrap_or_default();
    }
    let Some(mut keys) = r.keys(node) else { return LightPolicy::default() };
    let base = keys.take("preset").and_then(|name| preset(r, name)).unwrap_or_default();
    let policy = LightPolicy {
        yellow_workdays_before: limit(r, &mut keys, "yellow_workdays_before")
            .unwrap_or(base.yellow_workdays_before),
        yellow_points_behind: points(r, &mut keys, "yellow_points_behind")
            .unwrap_or(base.yellow_points_behind),
        yellow_stalled: keys
            .take("yellow_stalled")
            .and_then(|node| r.flag(node))
            .unwrap_or(base.yellow_stalled),
        red_workdays_after: keys.count(r, "red_workdays_after").unwrap_or(base.red_workdays_after),
        red_points_behind: points(r, &mut keys, "red_points_behind")
            .unwrap_or(base.red_points_behind),
        red_missed_in_a_row: limit(r, &mut keys, "red_missed_in_a_row")
            .unwrap_or(base.red_missed_in_a_row),
        preset: base.preset,
    };
    keys.finish(r);
    policy
}

fn preset(r: &mut Reader<'_>, node: &Node) -> Option<LightPolicy> {
    let choices: Vec<(&str, LightPolicy)> = LightPolicy::preset_names()
        .chain(presets().into_iter().map(|(_, chinese, _)| chinese))
        .filter_map(|name| Some((name, LightPolicy::preset(name)?)))
        .collect();
    r.choice(node, &choices)
}

/// A number, or `none` to switch the rule off. The outer option: whether the key is there.
fn limit(r: &mut Reader<'_>, keys: &mut Keys<'_>, key: &'static str) -> Option<Option<u32>> {
    let node = keys.take(key)?;
    match &node.kind {
        Kind::Text(text, _) if text == "none" => Some(None),
        _ => r.count(node, 0).map(Some),
    }
}

fn points(r: &mut Reader<'_>, keys: &mut Keys<'_>, key: &'static str) -> Option<Option<u8>> {
    let found = limit(r, keys, key)?;
    Some(found.map(|points| u8::try_from(points.min(100)).unwrap_or(100)))
}
