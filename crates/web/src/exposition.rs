//! The text that Prometheus reads (format 0.0.4): families with help and type, labels, buckets.

use std::fmt::{Display, Write};

use duban_store::Distribution;

/// Labels of one sample. Values may hold anything; names are ours.
pub(crate) type Labels<'a> = &'a [(&'a str, &'a str)];

/// What a distribution counts, and so how its numbers are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Microseconds, written in seconds.
    Micros,
    /// Things.
    Pieces,
}

impl Unit {
    fn write(self, value: u64) -> String {
        match self {
            Self::Micros => seconds(value),
            Self::Pieces => value.to_string(),
        }
    }
}

/// Microseconds in seconds, exactly.
pub(crate) fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A page of metrics as it is written.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

impl Exposition {
    /// A number that only grows.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "counter");
        self.sample(name, &[], value);
    }

    /// A number that comes and goes.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        self.sample(name, &[], value);
    }

    /// The first lines of a family; its samples must follow.
    pub(crate) fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(&format!("# HELP {name} {help}"));
        self.line(&format!("# TYPE {name} {kind}"));
    }

    /// One sample of the family begun last.
    pub(crate) fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        self.line(&format!("{name}{} {value}", braces(labels)));
    }

    /// One distribution of the family begun last, which is a histogram.
    pub(crate) fn distribution(
        &mut self,
        name: &str,
        labels: Labels<'_>,
        unit: Unit,
        values: &Distribution,
    ) {
        let mut so_far = 0;
        let bounds = values.bounds.iter().map(|bound| unit.write(*bound));
        let bounds = bounds.chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&values.counts) {
            so_far += count;
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.sample(&format!("{name}_bucket"), &labels, so_far);
        }
        self.sample(&format!("{name}_sum"), labels, unit.write(values.sum));
        self.sample(&format!("{name}_count"), labels, so_far);
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("invariant: writing to a String succeeds");
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

fn braces(labels: Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escape =
        |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_and_short() {
        for (micros, text) in [(0, "0"), (100, "0.0001"), (2_500_000, "2.5"), (60_000_000, "60")] {
            assert_eq!(seconds(micros), text);
        }
    }

    #[test]
    fn buckets_add_up_and_labels_are_escaped() {
        let mut page = Exposition::default();
        let values = Distribution { bounds: &[1_000, 2_000], counts: vec![1, 0, 2], sum: 9_000 };
        page.head("t_seconds", "Waits.", "histogram");
        page.distribution("t_seconds", &[("to", "a\"b\\\n")], Unit::Micros, &values);
        let expected = r#"# HELP t_seconds Waits.
# TYPE t_seconds histogram
t_seconds_bucket{to="a\"b\\\n",le="0.001"} 1
t_seconds_bucket{to="a\"b\\\n",le="0.002"} 1
t_seconds_bucket{to="a\"b\\\n",le="+Inf"} 3
t_seconds_sum{to="a\"b\\\n"} 0.009
t_seconds_count{to="a\"b\\\n"} 3
"#;
        assert_eq!(page.into_text(), expected);
    }
}
