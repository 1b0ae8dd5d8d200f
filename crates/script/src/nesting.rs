//! How much a value holds, and how deeply values lie in each other.
//!
//! rhai bounds how much a list or map holds, not how deep it goes, and walks values by recursion:
//! a list put into itself in a loop would end the whole process with a stack overflow. To make a
//! value deeper, a script has to read it from a variable first; that is where it is measured.

use rhai::{Dynamic, FnPtr};

/// Lists, maps and captured values may lie in each other this deep.
pub(crate) const NESTING_MAX: usize = 32;

/// The name of the limit.
pub(crate) const LIMIT: &str = "nesting_max";

/// What a value holds, with all that lies in it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Size {
    /// Bytes of text.
    pub(crate) bytes: usize,
    /// Values in lists and maps.
    pub(crate) values: usize,
    /// Layers; what lies deeper than one more than [`NESTING_MAX`] is not looked at.
    pub(crate) layers: usize,
}

impl Size {
    /// Measures a value.
    pub(crate) fn of(value: &Dynamic) -> Self {
        let mut size = Self::default();
        size.add(value, 0);
        size
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            values: self.values.saturating_add(other.values),
            layers: self.layers.max(other.layers),
        }
    }

    /// Adds a value that lies under so many layers.
    fn add(&mut self, value: &Dynamic, above: usize) {
        if !(value.is_array() || value.is_map() || value.is_fnptr()) {
            // Asked first: of anything but a text the reference is refused with the name of its type.
            if value.is_string()
                && let Ok(text) = value.as_immutable_string_ref()
            {
                self.bytes += text.len();
            }
            return;
        }
        if value.is_locked() {
            return;
        }
        let layer = above + 1;
        self.layers = self.layers.max(layer);
        if layer > NESTING_MAX {
            return;
        }
        if let Ok(values) = value.as_array_ref() {
            self.values += values.len();
            values.iter().for_each(|value| self.add(value, layer));
        } else if let Ok(entries) = value.as_map_ref() {
            self.values += entries.len();
            for (name, value) in entries.iter() {
                self.bytes += name.len();
                self.add(value, layer);
            }
        } else if let Some(pointer) = value.read_lock::<FnPtr>() {
            pointer.iter_curry().for_each(|value| self.add(value, layer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhai::Array;

    #[test]
    fn layers_values_and_texts_are_counted() {
        let nested = |layers| {
            (0..layers).fold(Dynamic::from(1_i64), |value, _| Dynamic::from(vec![value] as Array))
        };
        assert_eq!(Size::of(&nested(0)), Size::default());
        assert_eq!(Size::of(&nested(3)), Size { bytes: 0, values: 3, layers: 3 });
        assert!(Size::of(&nested(NESTING_MAX)).layers <= NESTING_MAX);
        assert!(Size::of(&nested(NESTING_MAX + 9)).layers > NESTING_MAX);
        let texts: Array = vec!["甲乙".into(), "ab".into()];
        assert_eq!(Size::of(&texts.into()), Size { bytes: 8, values: 2, layers: 1 });
    }
}
