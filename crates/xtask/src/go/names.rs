//! Names as Go writes them.

/// Words that are not written with one capital at the beginning.
const WORDS: [(&str, &str); 47] = [
    ("argmax", "ArgMax"),
    ("argmin", "ArgMin"),
    ("argsort", "ArgSort"),
    ("asgd", "ASGD"),
    ("bce", "BCE"),
    ("bfloat16", "BFloat16"),
    ("bmm", "BMM"),
    ("celu", "CELU"),
    ("cpu", "CPU"),
    ("ctc", "CTC"),
    ("cuda", "CUDA"),
    ("dtype", "DType"),
    ("e4m3", "E4M3"),
    ("elu", "ELU"),
    ("gelu", "GELU"),
    ("glu", "GLU"),
    ("gqa", "GQA"),
    ("gru", "GRU"),
    ("io", "IO"),
    ("isfinite", "IsFinite"),
    ("isinf", "IsInf"),
    ("isnan", "IsNaN"),
    ("keepdim", "KeepDim"),
    ("kl", "KL"),
    ("l1", "L1"),
    ("logsigmoid", "LogSigmoid"),
    ("lp", "LP"),
    ("lr", "LR"),
    ("lstm", "LSTM"),
    ("mse", "MSE"),
    ("nan", "NaN"),
    ("neginf", "NegInf"),
    ("nll", "NLL"),
    ("posinf", "PosInf"),
    ("prelu", "PReLU"),
    ("randint", "RandInt"),
    ("randn", "RandN"),
    ("randperm", "RandPerm"),
    ("relu", "ReLU"),
    ("relu6", "ReLU6"),
    ("rms", "RMS"),
    ("rnn", "RNN"),
    ("rrelu", "RReLU"),
    ("selu", "SELU"),
    ("silu", "SiLU"),
    ("topk", "TopK"),
    ("utf8", "UTF8"),
];

/// Words of Go that a parameter may be, and what generated code itself uses.
const KEYWORDS: [&str; 30] = [
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "cx",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "len",
    "map",
    "o",
    "options",
    "out",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

fn word(word: &str) -> String {
    if let Some((_, written)) = WORDS.iter().find(|(known, _)| *known == word) {
        return (*written).to_owned();
    }
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// `log_softmax` as `LogSoftmax`; in place, `add_` is `AddInPlace`.
pub(super) fn exported(name: &str) -> String {
    let camel: String = name.trim_end_matches('_').split('_').map(word).collect();
    if name.ends_with('_') { camel + "InPlace" } else { camel }
}

/// `num_classes` as `numClasses`.
pub(super) fn local(name: &str) -> String {
    let (first, rest) = name.trim_end_matches('_').split_once('_').unwrap_or((name, ""));
    let camel = first.to_owned() + &rest.split('_').map(word).collect::<String>();
    if KEYWORDS.contains(&camel.as_str()) { camel + "Of" } else { camel }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_as_in_go() {
        assert_eq!(exported("log_softmax"), "LogSoftmax");
        assert_eq!(exported("mse_loss"), "MSELoss");
        assert_eq!(exported("add_"), "AddInPlace");
        assert_eq!(
            (local("num_classes"), local("dtype"), local("range")),
            ("numClasses".to_owned(), "dtype".to_owned(), "rangeOf".to_owned())
        );
    }
}
