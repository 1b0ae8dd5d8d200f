//! Lines over time on one scale.

use std::fmt::Write;

use crate::bars::push;
use crate::xml::escape;

/// One line of a chart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Line {
    /// Style class.
    pub class: String,
    /// What it is called.
    pub name: String,
    /// A value for each label; `None` where nothing is known.
    pub values: Vec<Option<u64>>,
}

const LEFT: u64 = 52;
const TOP: u64 = 30;
const WIDTH: u64 = 600;
const HEIGHT: u64 = 150;

/// Labels that fit below each other's lines without meeting.
const LABELS_MAX: usize = 8;

/// Lines from left to right, one step for each label, from zero up to the largest value.
///
/// Where a value is missing the line is broken: nothing is made up.
///
/// ```
/// # use duban_documents::{Line, lines};
/// let red = Line { class: "red".into(), name: "红灯".into(), values: vec![Some(1), None, Some(3)] };
/// let svg = lines("近三周", &["03-04".into(), "03-11".into(), "03-18".into()], &[red]);
/// assert!(svg.contains("红灯 03-18：3") && !svg.contains("03-11："));
/// ```
pub fn lines(title: &str, labels: &[String], lines: &[Line]) -> String {
    let largest = lines.iter().flat_map(|line| line.values.iter().flatten()).max();
    let scale = Scale { top: round_up(largest.copied().unwrap_or(0)), steps: labels.len() };
    let (width, height, title) = (LEFT + WIDTH + 30, TOP + HEIGHT + 28, escape(title));
    let mut svg = format!(
        "<svg class=\"lines\" role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {width} {height}\">"
    );
    grid(&mut svg, &scale);
    let every = labels.len().div_ceil(LABELS_MAX).max(1);
    for (at, label) in labels.iter().enumerate().rev().step_by(every) {
        let (x, y, label) = (scale.x(at), TOP + HEIGHT + 18, escape(label));
        push(
            &mut svg,
            format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"),
        );
    }
    let mut x = LEFT;
    for line in lines {
        legend(&mut svg, line, &mut x);
        draw(&mut svg, line, labels, &scale);
    }
    svg.push_str("</svg>");
    svg
}

struct Scale {
    top: u64,
    steps: usize,
}

impl Scale {
    fn x(&self, at: usize) -> u64 {
        let (at, last) = (number(at), number(self.steps.saturating_sub(1)).max(1));
        LEFT + WIDTH * at / last
    }

    fn y(&self, value: u64) -> u64 {
        TOP + HEIGHT - HEIGHT * value.min(self.top) / self.top
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The next of 2, 4, 6, 10, 20, 40 and so on: the middle of the scale is a whole number.
fn round_up(value: u64) -> u64 {
    let mut decade = 1_u64;
    loop {
        for step in [2, 4, 6, 10] {
            let top = decade.saturating_mul(step);
            if top >= value {
                return top;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

fn grid(svg: &mut String, scale: &Scale) {
    for value in [0, scale.top / 2, scale.top] {
        let y = scale.y(value);
        push(
            svg,
            format_args!(
                "<path class=\"grid\" d=\"M{LEFT} {y}H{}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}</text>",
                LEFT + WIDTH,
                LEFT - 8,
                y + 4
            ),
        );
    }
}

fn legend(svg: &mut String, line: &Line, x: &mut u64) {
    let (class, name) = (escape(&line.class), escape(&line.name));
    push(
        svg,
        format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"6\" width=\"14\" height=\"10\"/><text x=\"{}\" y=\"16\">{name}</text>",
            *x + 20
        ),
    );
    *x += 40 + 14 * number(line.name.chars().count());
}

fn draw(svg: &mut String, line: &Line, labels: &[String], scale: &Scale) {
    let (class, name) = (escape(&line.class), escape(&line.name));
    let mut path = String::new();
    let mut is_down = false;
    for (at, value) in line.values.iter().enumerate() {
        let Some(value) = value else {
            is_down = false;
            continue;
        };
        let pen = if is_down { 'L' } else { 'M' };
        write!(path, "{pen}{} {}", scale.x(at), scale.y(*value))
            .expect("invariant: writing to a String succeeds");
        is_down = true;
    }
    push(svg, format_args!("<path class=\"line {class}\" d=\"{path}\"/>"));
    for ((at, value), label) in line.values.iter().enumerate().zip(labels) {
        let Some(value) = value else { continue };
        let (x, y, label) = (scale.x(at), scale.y(*value), escape(label));
        push(
            svg,
            format_args!(
                "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"><title>{name} {label}：{value}</title></circle>"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_above_every_value() {
        for value in [0, 1, 2, 3, 7, 10, 11, 99, 100, 101, 12_345, u64::MAX / 2] {
            let top = round_up(value);
            assert!(top >= value && top > 0, "{value}: {top}");
        }
        assert_eq!([round_up(3), round_up(7), round_up(11)], [4, 10, 20]);
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let values = vec![Some(1), Some(2), None, Some(2)];
        let line = Line { class: "red".into(), name: "红".into(), values };
        let labels: Vec<String> = (1..=4).map(|day| day.to_string()).collect();
        let svg = lines("走势", &labels, &[line]);
        assert!(svg.contains("d=\"M52 105L252 30M652 30\""), "{svg}");
    }
}
