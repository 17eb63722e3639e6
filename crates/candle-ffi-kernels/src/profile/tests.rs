//! Tests of the recorder.

use super::*;

/// The recorder is one for the whole process, and tests run side by side.
static ALONE: Mutex<()> = Mutex::new(());

const ALL: Options = Options { max_events: 1 << 20, shapes: true };

/// Records what happens on this thread.
fn record(options: Options, work: impl FnOnce()) -> Recording {
    assert!(start(options));
    work();
    let mut recording = stop().expect("it was started");
    recording.events.retain(|event| event.thread == 0);
    recording
}

fn names(recording: &Recording) -> Vec<(Name, Kind, u32)> {
    recording.events.iter().map(|event| (event.name.clone(), event.kind, event.depth)).collect()
}

#[test]
fn spans_nest_and_share_out_their_time() {
    let _alone = lock(&ALONE);
    let recording = record(ALL, || {
        push_range("part");
        let _call = call("backward");
        {
            let _rule = backward("mul");
            let _kernel = kernel("binary");
            let _inner = kernel("contiguous");
            made(8);
        }
        made(4);
    });
    let expected = [
        (Name::Text("part".into()), Kind::Range, 0),
        (Name::Plain("backward"), Kind::Call, 1),
        (Name::Backward("mul"), Kind::Backward, 2),
        (Name::Plain("binary"), Kind::Kernel, 3),
    ];
    assert_eq!(names(&recording), expected, "a kernel within a kernel is a part of it");
    let [part, call, rule, kernel] = &recording.events[..] else { unreachable!() };
    assert_eq!(part.self_time, part.duration - call.duration);
    assert_eq!(call.self_time, call.duration - rule.duration);
    assert_eq!(rule.self_time, rule.duration);
    assert_eq!((call.kernel_time, call.self_kernel_time), (kernel.duration, 0));
    assert_eq!((rule.kernel_time, rule.self_kernel_time), (kernel.duration, kernel.duration));
    assert_eq!(kernel.within, Some(Name::Backward("mul")));
    assert_eq!((call.bytes, call.self_bytes, rule.self_bytes), (12, 4, 8));
    let sums = recording.threads[0].sums;
    assert_eq!((sums.calls, sums.library, sums.kernel), (1, call.duration, kernel.duration));
    assert!(recording.duration >= part.duration);
}

#[test]
fn nothing_is_recorded_when_off_and_one_recording_at_a_time() {
    let _alone = lock(&ALONE);
    assert_eq!((number(), push_range("early")), (0, 0));
    let early = call("early");
    assert!(stop().is_none());
    let mut late = None;
    let recording = record(ALL, || {
        drop(early);
        pop_range();
        assert!(!start(ALL), "another one is under way");
        assert!(number() > 0);
        late = Some(call("late"));
    });
    assert_eq!(names(&recording), [(Name::Plain("late"), Kind::Call, 0)], "what is open ends with the recording");
    let next = record(ALL, || {
        let _call = call("next");
        drop(late);
    });
    assert_eq!(names(&next), [(Name::Plain("next"), Kind::Call, 0)]);
}

#[test]
fn events_have_a_limit_and_sums_have_none() {
    let _alone = lock(&ALONE);
    let recording = record(Options { max_events: 2, shapes: false }, || {
        (0..5).for_each(|_| drop(call("one")));
        inputs([]);
    });
    assert!(recording.events.len() <= 2);
    assert!(recording.dropped >= 3);
    assert_eq!(recording.threads[0].sums.calls, 5);
    let room = LOCAL.with_borrow(|local| local.as_ref().map(|(_, log)| lock(log).events.capacity()));
    assert_eq!(room, Some(0), "the events are the recording's");
}

#[test]
fn threads_have_logs_of_their_own_and_ranges_end_with_what_is_around() {
    let _alone = lock(&ALONE);
    assert!(start(ALL));
    let thread = std::thread::Builder::new().name("other".into());
    let other = thread.spawn(|| {
        let _call = call("step");
        let _callback = callback("closure");
        push_range("left open");
    });
    other.expect("a thread").join().expect("no panic");
    let recording = stop().expect("it was started");
    let at = recording.threads.iter().position(|thread| thread.name.as_deref() == Some("other"));
    let at = at.expect("the thread is known");
    let events: Vec<_> = recording.events.iter().filter(|event| event.thread as usize == at).collect();
    assert_eq!(events.iter().map(|event| event.depth).collect::<Vec<_>>(), [0, 1, 2]);
    let sums = recording.threads[at].sums;
    assert_eq!(sums.library, events[0].duration - events[1].duration, "a callback is not the library's time");
}

#[test]
fn a_call_keeps_the_first_of_its_inputs() {
    let _alone = lock(&ALONE);
    let input = Input { dims: [2, 3].into(), dtype: 19 };
    let recording = record(ALL, || {
        assert!(wants_inputs());
        let _call = call("cat");
        inputs(std::iter::repeat_n(input.clone(), 100));
        let _kernel = kernel("copy");
        inputs([input.clone()]);
    });
    assert_eq!(recording.events[0].inputs.len(), MOST_INPUTS);
    assert_eq!(recording.events[0].inputs[0], input);
    assert!(recording.events[1].inputs.is_empty());
    assert!(!wants_inputs());
}

#[test]
fn every_kernel_begins_with_its_span() {
    fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { sources(&path, found) } else { found.push(path) }
        }
    }
    let mut files = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    // What these export is no kernel.
    let own = std::path::Path::new("src/profile");
    files.retain(|path| !path.ends_with("parallel.rs") && !path.parent().is_some_and(|folder| folder.ends_with(own)));
    let mut kernels = 0;
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a source");
        for (at, _) in text.match_indices("\npub fn ") {
            let (head, body) = text[at + 1..].split_once("{\n").expect("a function has a body");
            let first = body.lines().next().unwrap_or_default();
            assert!(first.contains("profile::kernel("), "{}: {head}", path.display());
            kernels += 1;
        }
    }
    assert!(kernels > 80);
}
