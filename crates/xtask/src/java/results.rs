//! A record for each operation that gives several tensors.

use super::docs::comment;
use super::{camel, list, opening, path};
use crate::source::Source;
use std::path::PathBuf;

/// A file for each.
pub(crate) fn files(source: &Source) -> Vec<(PathBuf, String)> {
    let record = |result: &crate::source::Fields| {
        let mut text = opening("crates/candle-ffi-core/src/results.rs", &[]);
        let mut docs = result.docs.clone();
        docs.push(String::new());
        // Javadoc's own tags, as the last lines.
        comment(&mut text, "", &docs);
        let tags: String = result
            .fields
            .iter()
            .map(|(field, docs)| {
                let docs = docs.join(" ");
                format!(" * @param {} {}\n", camel(field), docs.trim_end_matches('.').replace('`', ""))
            })
            .collect();
        let text = match text.strip_suffix(" */\n") {
            Some(one) if !one.ends_with('\n') => {
                let one = one.replacen("/** ", "/**\n * ", 1);
                format!("{one}\n *\n{tags} */\n")
            }
            Some(many) => format!("{many} *\n{tags} */\n"),
            None => text,
        };
        let fields: Vec<String> = result.fields.iter().map(|(field, _)| format!("Tensor {}", camel(field))).collect();
        text + &list("", &format!("public record {}", result.name), &fields, " {}")
    };
    source.results.iter().map(|result| (path(&result.name), record(result))).collect()
}
