//! Horizontal bars made of coloured parts.

use std::fmt::Write;

use crate::xml::{escape, fit};

/// One bar.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bar {
    /// What stands before it.
    pub label: String,
    /// Its parts: style class, what it is called, how much.
    pub parts: Vec<(String, String, u64)>,
}

const LABEL: u64 = 180;
const WIDTH: u64 = 420;
const ROW: u64 = 26;

/// Bars below each other on one scale, the longest as wide as the picture.
///
/// ```
/// # use duban_documents::{Bar, bars};
/// let part = ("red".to_owned(), "红灯".to_owned(), 3);
/// let svg = bars("各区县", &[Bar { label: "历下区".to_owned(), parts: vec![part] }]);
/// assert!(svg.starts_with("<svg") && svg.contains("红灯 3"));
/// ```
pub fn bars(title: &str, bars: &[Bar]) -> String {
    let total = |bar: &Bar| bar.parts.iter().map(|(_, _, much)| much).sum::<u64>();
    let longest = bars.iter().map(total).max().unwrap_or(0).max(1);
    let height = ROW * u64::try_from(bars.len()).unwrap_or(u64::MAX) + 4;
    let (width, title) = (LABEL + WIDTH + 60, escape(title));
    let mut svg = format!(
        "<svg class=\"bars\" role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {width} {height}\">"
    );
    let mut y = 2;
    for bar in bars {
        let label = escape(&fit(&bar.label, 22));
        push(
            &mut svg,
            format_args!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>",
                LABEL - 8,
                y + 17
            ),
        );
        let mut x = LABEL;
        for (class, name, much) in bar.parts.iter().filter(|(_, _, much)| *much > 0) {
            let wide = (much * WIDTH / longest).max(1);
            push(
                &mut svg,
                format_args!(
                    "<rect class=\"{}\" x=\"{x}\" y=\"{}\" width=\"{wide}\" height=\"{}\"><title>{} {much}</title></rect>",
                    escape(class),
                    y + 3,
                    ROW - 6,
                    escape(name),
                ),
            );
            x += wide;
        }
        push(
            &mut svg,
            format_args!("<text x=\"{}\" y=\"{}\">{}</text>", x + 6, y + 17, total(bar)),
        );
        y += ROW;
    }
    svg.push_str("</svg>");
    svg
}

pub(crate) fn push(svg: &mut String, part: std::fmt::Arguments<'_>) {
    svg.write_fmt(part).expect("invariant: writing to a String succeeds");
}
