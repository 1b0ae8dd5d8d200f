//! "Did you mean": the known name that is closest to the one written.

/// The known name closest to `written`, if one is close.
///
/// ```
/// assert_eq!(duban_script::closest("remnid", ["slip", "remind"]), Some("remind"));
/// ```
pub fn closest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    let allowed = match length {
        0 | 1 | 65.. => return None,
        2..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .filter(|name| *name != written)
        // Names of another length are never near, and comparing takes its time.
        .filter(|name| name.chars().take(length + allowed + 1).count().abs_diff(length) <= allowed)
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .filter(|(distance, name)| *distance <= allowed && *distance < name.chars().count().max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The message with the closest known name appended, if one is close.
pub(crate) fn with_suggestion<'a>(
    message: String,
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    match closest(written, known) {
        Some(name) => format!("{message}；是不是 {name}？"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["workdays", "days", "工作日", "form"];
        assert_eq!(closest("workday", known), Some("workdays"));
        assert_eq!(closest("工作曰", known), Some("工作日"));
        assert_eq!(closest("from", known), Some("form"));
        assert_eq!(closest("zebra", known), None);
        let long = "长".repeat(70);
        assert_eq!(closest(&long, ["长".repeat(69).as_str()]), None);
    }
}
