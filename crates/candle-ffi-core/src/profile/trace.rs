//! A profile as a file in Chrome's trace event format, which `chrome://tracing` and Perfetto show.

use super::{Event, Profile, dtype_name, kind_name};
use crate::{Result, io};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

impl Profile {
    /// Writes the events as a trace file, which appears whole or not at all.
    ///
    /// Fails with `Io` when it cannot be written.
    pub fn write_trace(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let write = |file: &File| {
            let mut writer = BufWriter::new(file);
            self.write_events(&mut writer)?;
            Ok(writer.flush()?)
        };
        io::replace(path, write).map_err(|error| io::about(&format!("the file {}", path.display()), &error))
    }

    fn write_events(&self, writer: &mut dyn Write) -> Result<()> {
        let process = std::process::id();
        let began = self.began().duration_since(UNIX_EPOCH).unwrap_or_default();
        writeln!(
            writer,
            "{{\"schemaVersion\": 1, \"displayTimeUnit\": \"ms\", \"baseTimeNanoseconds\": {}, \
             \"producer\": \"candle_ffi {}\", \"droppedEvents\": {},\n\"traceEvents\": [",
            began.as_nanos(),
            env!("CARGO_PKG_VERSION"),
            self.dropped()
        )?;
        let about_process =
            |what: &str, args| json!({"ph": "M", "name": what, "pid": process, "tid": 0, "ts": 0, "args": args});
        write!(writer, "{}", about_process("process_name", json!({"name": "candle_ffi"})))?;
        for (number, thread) in self.threads().iter().enumerate() {
            let name = thread.name.clone().unwrap_or_else(|| format!("thread {number}"));
            for (what, args) in
                [("thread_name", json!({"name": name})), ("thread_sort_index", json!({"sort_index": number}))]
            {
                let line = json!({"ph": "M", "name": what, "pid": process, "tid": number, "ts": 0, "args": args});
                write!(writer, ",\n{line}")?;
            }
        }
        for event in self.events() {
            write!(writer, ",\n{}", span(event, process))?;
        }
        writeln!(writer, "\n]}}")?;
        Ok(())
    }
}

/// A complete event. Times are in microseconds with three places, so that nothing is lost.
fn span(event: &Event, process: u32) -> serde_json::Value {
    let mut args = serde_json::Map::new();
    if event.kernel_time > 0 {
        args.insert("kernels (us)".into(), micros(event.kernel_time).into());
    }
    if event.bytes > 0 {
        args.insert("Bytes".into(), event.bytes.into());
    }
    if !event.inputs.is_empty() {
        let dims: Vec<&[usize]> = event.inputs.iter().map(|input| &*input.dims).collect();
        let dtypes: Vec<&str> = event.inputs.iter().map(dtype_name).collect();
        args.insert("Input Dims".into(), json!(dims));
        args.insert("Input type".into(), json!(dtypes));
    }
    json!({
        "ph": "X",
        "cat": kind_name(event.kind),
        "name": event.name.to_string(),
        "pid": process,
        "tid": event.thread,
        "ts": micros(event.start),
        "dur": micros(event.duration),
        "args": args,
    })
}

fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0
}
