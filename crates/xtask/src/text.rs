//! Text for generated files: comments filled to a width, and lists over several lines.

/// Text without Rust's own markup.
pub(crate) fn plain(text: &str) -> String {
    text.replace("``", "`")
}

/// Paragraphs and lists, refilled to lines of at most `width` characters; what is indented or a list item keeps its lines.
pub(crate) fn paragraphs(lines: &[String], width: usize) -> Vec<String> {
    let mut text = Vec::new();
    let mut open = String::new();
    for line in lines {
        if line.is_empty() || line.starts_with([' ', '-', '*', '|']) {
            text.extend(fill(&std::mem::take(&mut open), width));
            text.push(plain(line));
        } else {
            if !open.is_empty() {
                open.push(' ');
            }
            open.push_str(line);
        }
    }
    text.extend(fill(&open, width));
    text
}

/// Breaks text into lines of at most `width` characters.
pub(crate) fn fill(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in plain(text).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `head(item, item)tail`, with the items on as many lines of at most `width` characters as they need.
pub(crate) fn list(indent: &str, head: &str, items: &[String], tail: &str, width: usize) -> String {
    let whole = format!("{indent}{head}({}){tail}", items.join(", "));
    if whole.chars().count() <= width {
        return whole + "\n";
    }
    let mut lines = vec![format!("{indent}{head}(")];
    let mut line = format!("{indent}    ");
    let mut is_first = true;
    for (position, item) in items.iter().enumerate() {
        let item = if position + 1 == items.len() { format!("{item}){tail}") } else { format!("{item},") };
        if !is_first && line.chars().count() + 1 + item.chars().count() > width {
            lines.push(std::mem::replace(&mut line, format!("{indent}    ")));
            is_first = true;
        }
        if !is_first {
            line.push(' ');
        }
        line.push_str(&item);
        is_first = false;
    }
    lines.push(line);
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_broken_and_a_short_one_is_not() {
        let items: Vec<String> = (0..20).map(|at| format!("parameter{at}")).collect();
        assert_eq!(list("", "f", &items[..2], ";", 100), "f(parameter0, parameter1);\n");
        let text = list("    ", "f", &items, ";", 100);
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= 100));
        assert!(text.ends_with("parameter19);\n"));
    }
}
