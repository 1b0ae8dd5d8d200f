//! An author's problems with their source lines.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use duban_model::{Problem, Severity, Sources};

/// Renders one problem: place, source line, what is wrong, what was probably meant.
pub(crate) fn render(problem: &Problem, sources: &Sources, colour: bool) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR.with_name("错误"),
        Severity::Warning => Level::WARNING.with_name("警告"),
    };
    let title = level.primary_title(problem.message.as_str()).id(problem.code.as_str());
    let mut group = Group::with_title(title);
    if let Some(source) = sources.get(&problem.place.file) {
        let span = bytes(source, problem.place.line, problem.place.column, problem.place.length);
        let snippet = Snippet::source(source.as_str())
            .path(problem.place.file.as_str())
            .annotation(AnnotationKind::Primary.span(span));
        group = group.element(snippet);
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.with_name("提示").message(help.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group]).to_string()
}

/// The bytes of a place given in lines and characters; cut off at the end of its line.
fn bytes(source: &str, line: usize, column: usize, length: usize) -> std::ops::Range<usize> {
    let start: usize =
        source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let text = source[start..].lines().next().unwrap_or_default();
    let at = |characters: usize| {
        text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset)
    };
    let from = at(column.saturating_sub(1));
    let to = at((column.saturating_sub(1)).saturating_add(length.max(1)));
    start + from..start + to.max(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_characters_becomes_bytes_of_its_own_line() {
        let source = "甲: 乙丙\nb: c\n";
        assert_eq!(&source[bytes(source, 1, 4, 2)], "乙丙");
        assert_eq!(&source[bytes(source, 2, 4, 9)], "c");
        assert_eq!(&source[bytes(source, 9, 1, 1)], "");
    }
}
