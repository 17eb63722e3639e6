//! Documentation comments as Javadoc: HTML, with the names of Java.

use super::{WIDTH, camel};
use crate::docs::Docs;
use crate::text::fill;
use std::fmt::Write;

/// A comment over what stands `indent` deep; the lines are Markdown.
pub(super) fn comment(text: &mut String, indent: &str, lines: &[String]) {
    let html = html(lines, WIDTH - indent.len() - 3);
    if let [line] = html.as_slice()
        && indent.len() + line.chars().count() + 8 <= WIDTH
    {
        let _ = writeln!(text, "{indent}/** {line} */");
        return;
    }
    let _ = writeln!(text, "{indent}/**");
    for line in html {
        let _ = writeln!(text, "{}", format!("{indent} * {line}").trim_end());
    }
    let _ = writeln!(text, "{indent} */");
}

/// The comment of a function: what the documentation says, with the names of Java.
pub(super) fn documentation(docs: &Docs, names: &[&str]) -> Vec<String> {
    let mut lines = vec![docs.summary.clone(), String::new()];
    lines.extend(docs.text.iter().cloned());
    let errors = errors(&docs.errors.join(" "));
    if !errors.is_empty() {
        lines.extend([String::new(), format!("Throws {errors}")]);
    }
    lines.extend([String::new(), format!("PyTorch: {}", docs.pytorch)]);
    names
        .iter()
        .fold(lines.join("\n"), |text, name| text.replace(&format!("`{name}`"), &format!("`{}`", camel(name))))
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The text of an `# Errors` section with the classes of exceptions.
fn errors(text: &str) -> String {
    let text = text.strip_prefix("As ").map_or_else(|| text.to_owned(), |rest| format!("as {rest}"));
    crate::docs::error_kinds()
        .fold(text, |text, kind| text.replace(&format!("`{kind}`"), &format!("`{kind}Exception`")))
}

/// Markdown as HTML: paragraphs, lists, what is indented, code.
fn html(lines: &[String], width: usize) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut in_list = false;
    let mut is_open = false;
    for line in lines {
        let item = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "));
        let goes_on = in_list && line.starts_with("  ");
        if in_list && item.is_none() && !goes_on {
            blocks.push("</ul>".to_owned());
            in_list = false;
            is_open = false;
        }
        match item {
            Some(item) => {
                if !in_list {
                    blocks.push("<ul>".to_owned());
                    in_list = true;
                }
                blocks.push(format!("<li>{}", inline(item)));
                is_open = true;
            }
            None if line.trim().is_empty() => is_open = false,
            None if is_open => {
                if let Some(last) = blocks.last_mut() {
                    last.push(' ');
                    last.push_str(&inline(line.trim()));
                }
            }
            None => {
                let start = if blocks.is_empty() { "" } else { "<p>" };
                blocks.push(format!("{start}{}", inline(line.trim())));
                is_open = true;
            }
        }
    }
    if in_list {
        blocks.push("</ul>".to_owned());
    }
    blocks.iter().flat_map(|block| fill(block, width)).collect()
}

/// A line with code between backticks.
fn inline(line: &str) -> String {
    let line = line.replace("``", "`");
    // An odd backtick is a character like others.
    let pairs = line.matches('`').count() / 2;
    let mut text = String::new();
    for (position, part) in line.splitn(2 * pairs + 1, '`').enumerate() {
        let escaped = part
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('@', "&#64;")
            .replace("*/", "*&#47;")
            .replace('\\', "&#92;");
        text += &if position % 2 == 1 { format!("<code>{escaped}</code>") } else { escaped };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_lists_become_html() {
        let lines: Vec<String> =
            ["A `x < y`.", "", "Two:", "- one", "- `b`", "", "End & all."].map(str::to_owned).into();
        let expected = ["A <code>x &lt; y</code>.", "<p>Two:", "<ul>", "<li>one", "<li><code>b</code>", "</ul>"];
        assert_eq!(html(&lines, 90)[..6], expected);
        assert_eq!(html(&lines, 90)[6], "<p>End &amp; all.");
    }

    #[test]
    fn errors_are_classes() {
        assert_eq!(errors("`Index` when."), "`IndexException` when.");
    }
}
