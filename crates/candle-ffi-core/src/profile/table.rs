//! A profile as a table for people.

use super::{Event, Kind, Profile, Summary, Total, kind_name};
use std::cmp::Reverse;
use std::fmt::Write;

/// By what the rows of a table are sorted, the largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum Sort {
    /// The time less that of other operations inside.
    #[default]
    SelfTime = 0,
    /// The time.
    Time = 1,
    /// The mean time of a call.
    Mean = 2,
    /// The number of calls.
    Calls = 3,
    /// The time in checks, dispatch and the graph.
    Checks = 4,
    /// The bytes that were made.
    Bytes = 5,
    /// When each was first begun, the earliest first.
    Start = 6,
}

impl Sort {
    /// The order of a number of the ABI.
    pub fn from_code(code: i32) -> Option<Self> {
        use Sort::{Bytes, Calls, Checks, Mean, SelfTime, Start, Time};
        [SelfTime, Time, Mean, Calls, Checks, Bytes, Start].into_iter().find(|sort| *sort as i32 == code)
    }

    fn key(self, total: &Total) -> Reverse<u64> {
        Reverse(match self {
            Self::SelfTime => total.self_time,
            Self::Time => total.time,
            Self::Mean => total.time / total.calls,
            Self::Calls => total.calls,
            Self::Checks => total.checks_time(),
            Self::Bytes => total.self_bytes,
            Self::Start => u64::MAX - total.first as u64,
        })
    }
}

/// What a table shows.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The order of the rows.
    pub sort: Sort,
    /// Whether calls with other shapes have rows of their own.
    pub by_shapes: bool,
    /// Whether the kernels of each operation have rows below it; not with `by_shapes`.
    pub kernels: bool,
    /// Whether there is a column of bytes.
    pub bytes: bool,
    /// The most rows, less those of kernels.
    pub row_limit: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { sort: Sort::default(), by_shapes: false, kernels: true, bytes: true, row_limit: usize::MAX }
    }
}

/// The longest name and the longest shapes that have room.
const WIDEST: usize = 48;

impl Profile {
    /// One row for each operation, and below them where the time went.
    pub fn table(&self, table: &Table) -> String {
        let totals = self.totals(table.by_shapes);
        let mut operations: Vec<&Total> =
            totals.iter().filter(|total| !matches!(total.kind, Kind::Kernel | Kind::Worker)).collect();
        operations.sort_by_key(|total| table.sort.key(total));
        let left_out = operations.len().saturating_sub(table.row_limit);
        operations.truncate(table.row_limit);

        let mut rows = vec![header(table)];
        for total in operations {
            rows.push(self.row(total, table, ""));
            if table.kernels && !table.by_shapes {
                let mut kernels: Vec<&Total> = totals
                    .iter()
                    .filter(|kernel| kernel.kind == Kind::Kernel && kernel.within.as_ref() == Some(&total.name))
                    .collect();
                kernels.sort_by_key(|kernel| table.sort.key(kernel));
                rows.extend(kernels.into_iter().map(|kernel| self.row(kernel, table, "  ")));
            }
        }
        let mut text = aligned(&rows);
        if left_out > 0 {
            let _ = writeln!(text, "({left_out} more rows)");
        }
        text.push('\n');
        text + &self.summary().lines()
    }

    fn row(&self, total: &Total, table: &Table, indent: &str) -> Vec<String> {
        let of_wall = |time: u64| percent(time, self.duration());
        let is_kernel = total.kind == Kind::Kernel;
        // A kernel's time is its operation's own.
        let unless_kernel = |text: String| if is_kernel { String::new() } else { text };
        let mut cells = vec![
            format!("{indent}{}", shortened(&total.name.to_string())),
            kind_name(total.kind).to_owned(),
            of_wall(total.self_time),
            duration(total.self_time),
            unless_kernel(of_wall(total.time)),
            unless_kernel(duration(total.time)),
            duration(total.time / total.calls),
            duration(if is_kernel { total.time } else { total.self_kernel_time }),
            unless_kernel(duration(total.checks_time())),
            total.calls.to_string(),
        ];
        if table.bytes {
            cells.push(unless_kernel(bytes(total.self_bytes)));
        }
        if table.by_shapes {
            cells.push(shortened(&shapes(&self.events()[total.first])));
        }
        cells
    }
}

fn header(table: &Table) -> Vec<String> {
    let mut names = vec![
        "Name",
        "Kind",
        "Self CPU %",
        "Self CPU",
        "CPU total %",
        "CPU total",
        "CPU time avg",
        "Kernels",
        "Checks",
        "# of calls",
    ];
    if table.bytes {
        names.push("Bytes");
    }
    if table.by_shapes {
        names.push("Input shapes");
    }
    names.into_iter().map(str::to_owned).collect()
}

/// Columns of text: names and shapes to the left, numbers to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    let rule = widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>().join("  ");
    let mut text = format!("{rule}\n");
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).zip(&rows[0]).map(|((cell, &width), title)| match title.as_str() {
            "Name" | "Kind" | "Input shapes" => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        if number == 0 || number + 1 == rows.len() {
            let _ = writeln!(text, "{rule}");
        }
    }
    text
}

impl Summary {
    /// Where the time went, a line each.
    fn lines(&self) -> String {
        let mut text = String::new();
        let mut line = |what: &str, time: u64, share: bool| {
            let percent = if share { percent(time, self.wall) } else { String::new() };
            let _ = writeln!(text, "{what:<44}{:>12}{percent:>9}", duration(time));
        };
        line("Wall time", self.wall, true);
        line("  in kernels", self.kernel, true);
        line("  in checks, dispatch and the graph", self.checks, true);
        line("  outside: Python, cffi, the program", self.outside, true);
        if self.worker > 0 {
            line("Help of the pool's threads with kernels", self.worker, false);
        }
        if self.other_calls > 0 {
            line("Inside the library on other threads", self.other_library, false);
        }
        let _ = writeln!(text, "{:<44}{:>12}", "Calls", self.calls + self.other_calls);
        if self.dropped > 0 {
            let _ = writeln!(text, "{} events were left out of the rows: there was no more room", self.dropped);
        }
        text
    }
}

fn shapes(event: &Event) -> String {
    if event.inputs.is_empty() {
        return String::new();
    }
    let dims: Vec<&[usize]> = event.inputs.iter().map(|input| &*input.dims).collect();
    format!("{dims:?}")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

fn duration(nanoseconds: u64) -> String {
    match nanoseconds as f64 {
        ns if ns < 1e6 => format!("{:.3} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.3} ms", ns / 1e6),
        ns => format!("{:.3} s", ns / 1e9),
    }
}

fn bytes(count: u64) -> String {
    match count as f64 {
        n if n < 1024.0 => format!("{count} B"),
        n if n < 1024.0 * 1024.0 => format!("{:.2} KiB", n / 1024.0),
        n if n < 1024.0 * 1024.0 * 1024.0 => format!("{:.2} MiB", n / 1024.0 / 1024.0),
        n => format!("{:.2} GiB", n / 1024.0 / 1024.0 / 1024.0),
    }
}
