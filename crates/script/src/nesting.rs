//! How deeply values lie in each other.
//!
//! rhai bounds how much a list or map holds, not how deep it goes, and walks values by recursion:
//! a list put into itself in a loop would end the whole process with a stack overflow. To make a
//! value deeper, a script has to read it from a variable first; that is where it is measured.

use rhai::{Dynamic, FnPtr};

/// Lists, maps and captured values may lie in each other this deep.
pub(crate) const NESTING_MAX: usize = 32;

/// The name of the limit.
pub(crate) const LIMIT: &str = "nesting_max";

/// Whether a value has more than so many layers.
pub(crate) fn exceeds(value: &Dynamic, layers: usize) -> bool {
    if !(value.is_array() || value.is_map() || value.is_fnptr()) || value.is_locked() {
        return false;
    }
    let Some(left) = layers.checked_sub(1) else { return true };
    if let Ok(values) = value.as_array_ref() {
        return values.iter().any(|value| exceeds(value, left));
    }
    if let Ok(entries) = value.as_map_ref() {
        return entries.values().any(|value| exceeds(value, left));
    }
    let pointer = value.read_lock::<FnPtr>();
    pointer.is_some_and(|pointer| pointer.iter_curry().any(|value| exceeds(value, left)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhai::Array;

    #[test]
    fn layers_are_counted() {
        let nested = |layers| {
            (0..layers).fold(Dynamic::from(1_i64), |value, _| Dynamic::from(vec![value] as Array))
        };
        assert!(!exceeds(&nested(0), 0));
        assert!(!exceeds(&nested(3), 3));
        assert!(exceeds(&nested(4), 3));
    }
}
