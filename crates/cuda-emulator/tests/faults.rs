//! What must not happen in a kernel stops it, and says where.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Device, Parameters};
use cuda_emulator::machine::Fault;
use cuda_emulator::ptx::Module;

/// Runs a body as a kernel of two blocks of 40 threads, with the address of 160 bytes in `%rd1` and the thread in `%r1`.
fn fault(body: &str) -> Fault {
    let text = format!(
        ".version 9.0\n.target sm_80\n.address_size 64\n
.global .align 4 .b8 table[8];
.visible .entry bad(.param .u64 p)
{{
    .reg .pred %p<4>; .reg .b16 %rs<4>; .reg .b32 %r<10>; .reg .b64 %rd<10>;
    .shared .align 4 .b8 few[64];
    .local .align 8 .b8 own[16];
    ld.param.u64 %rd1, [p];
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd2, %r1, 4;
    {body}
    ret;
}}"
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let memory = device.empty(160);
    device.run(&module, "bad", 2, 40, &Parameters::new().and(memory)).unwrap_err()
}

#[track_caller]
fn check(body: &str, thread: u32, size: usize, message: &str, text: &str) {
    let fault = fault(body);
    assert_eq!(fault.kernel, "bad");
    assert_eq!((fault.block, fault.thread), ([0; 3], [thread, 0, 0]), "{fault}");
    assert!(fault.message.contains(message), "{fault}");
    assert_eq!(fault.size, size, "{fault}");
    assert!(fault.text.contains(text) && fault.line > 5, "{fault}");
}

#[test]
fn reads_and_writes_outside_of_global_memory() {
    check("add.s64 %rd3, %rd1, %rd2; ld.global.u32 %r2, [%rd3+4];", 39, 4, "an invalid read of global", "ld.global");
    check("add.s64 %rd3, %rd1, %rd2; st.global.u32 [%rd3+-4], %r1;", 0, 4, "an invalid write of global", "st.global");
    check("add.s64 %rd3, %rd1, 152; ld.global.v4.u32 {%r2,%r3,%r4,%r5}, [%rd3+8];", 0, 16, "", "ld.global.v4");
    check("mov.u64 %rd3, 0; ld.u64 %rd4, [%rd3];", 0, 8, "an invalid read of global", "ld.u64");
    check("atom.global.add.u32 %r2, [%rd1+160], 1;", 0, 4, "an invalid write of global", "atom");
    check("ld.global.u32 %r2, [table+8];", 0, 4, "an invalid read of global", "table");
}

#[test]
fn misaligned_accesses() {
    check("ld.global.u32 %r2, [%rd1+2];", 0, 4, "a misaligned read of global", "ld.global");
    check("st.shared.u16 [few+1], %rs1;", 0, 2, "a misaligned write of shared", "st.shared");
    check("ld.global.v2.u32 {%r2,%r3}, [%rd1+4];", 0, 8, "a misaligned read", "ld.global");
}

#[test]
fn shared_local_and_parameter_memory_have_ends() {
    check("ld.shared.u32 %r2, [%rd2];", 16, 4, "shared memory (64 bytes)", "ld.shared");
    check("mov.u64 %rd3, few; cvta.shared.u64 %rd4, %rd3; ld.u32 %r2, [%rd4+64];", 0, 4, "shared memory", "ld.u32");
    check("st.local.u32 [%rd2], %r1;", 4, 4, "the thread's own memory (16 bytes)", "st.local");
    check("ld.param.u64 %rd3, [p+8];", 0, 8, "the parameters (8 bytes)", "ld.param");
}

#[test]
fn barriers_that_never_complete() {
    let fault = fault("setp.lt.u32 %p1, %r1, 8;\n @%p1 bar.sync 1;\n bar.sync 0;");
    assert!(fault.message.contains("for ever") && fault.message.contains("8 at PTX line"), "{fault}");
}

#[test]
fn lanes_at_different_barriers() {
    let body = "setp.lt.u32 %p1, %r1, 8;\n @%p1 bra other;\n bar.sync 0; \n bra go;\n other: bar.sync 0;\n go:";
    let fault = fault(body);
    assert!(fault.message.contains("different barriers"), "{fault}");
}

#[test]
fn races_in_shared_memory() {
    // Each thread writes its word, and reads that of a thread of the other warp.
    let own = "mov.u64 %rd3, few; and.b32 %r2, %r1, 15; mul.wide.u32 %rd4, %r2, 4; add.s64 %rd3, %rd3, %rd4;";
    let text = "\n st.shared.u32 [%rd3], %r1;";
    let fault = fault(&format!("{own} {text}"));
    assert!(fault.message.contains("a race") && fault.message.contains("written by warp 0"), "{fault}");
    assert_eq!((fault.thread, &*fault.text), ([32, 0, 0], text.trim()));
    let first = "setp.lt.u32 %p1, %r1, 32; \n @%p1 st.shared.u32 [few], 7;";
    check(&format!("{first}\n @!%p1 ld.shared.u32 %r2, [few];"), 32, 0, "was written by warp 0", "ld.shared");
    check(&format!("{first}\n @!%p1 st.shared.u32 [few], 8;"), 32, 0, "was written by warp 0", "st.shared");
    check("atom.shared.add.u32 %r2, [few], 1; ld.shared.u32 %r2, [few];", 32, 0, "was read by warp 0", "atom");
    // With a barrier between, with the same value, and for atomic operations it is none; then the last line is wrong.
    let last = "bar.sync 0; \n ld.shared.u32 %r2, [few+64];";
    check(&format!("{first} bar.sync 0; @!%p1 st.shared.u32 [few], 8; {last}"), 0, 4, "an invalid read", "few+64");
    check(&format!("st.shared.u32 [few], 7; {last}"), 0, 4, "an invalid read", "few+64");
    check(&format!("atom.shared.add.u32 %r2, [few], 1; {last}"), 0, 4, "an invalid read", "few+64");
}

#[test]
fn traps_and_assertions() {
    check("setp.eq.u32 %p1, %r1, 5; @%p1 trap;", 5, 0, "trap", "trap");
}

#[test]
fn shuffles_that_wait_for_ever_and_masks_without_the_lane() {
    let body = "setp.lt.u32 %p1, %r1, 8; @%p1 bar.sync 0; @!%p1 shfl.sync.idx.b32 %r2, %r1, 0, 31, -1;";
    assert!(fault(body).message.contains("for ever"), "{}", fault(body));
    let body = "setp.lt.u32 %p1, %r1, 8; @%p1 shfl.sync.up.b32 %r2, %r1, 1, 0, -1; @!%p1 shfl.sync.down.b32 %r2, %r1, 1, 31, -1;";
    check(body, 0, 0, "different operations", "shfl");
    check("shfl.sync.idx.b32 %r2, %r1, 0, 31, 1;", 1, 0, "does not name the lane", "shfl");
}

#[test]
fn an_unknown_instruction_makes_only_its_kernel_unusable() {
    let text = "
.visible .entry good() { ret; }
.visible .entry strange()
{
    .reg .b32 %r<4>;
    mov.u32 %r1, 1;
    frobnicate.sync.b32 %r2, %r1;
    ret;
}";
    let mut device = Device::default();
    let module = device.load(text);
    device.run(&module, "good", 1, 1, &Parameters::new()).unwrap();
    let fault = device.run(&module, "strange", 1, 1, &Parameters::new()).unwrap_err();
    assert_eq!((fault.line, &*fault.text), (7, "frobnicate.sync.b32 %r2, %r1;"));
    assert!(fault.message.contains("`frobnicate.sync.b32` is not known"), "{fault}");
    assert!(module.function("missing").is_none());
}

#[test]
fn a_text_that_is_no_module() {
    let error = Module::parse(".version 9.0\nint main() { }").err().unwrap();
    assert_eq!((error.line, error.text.as_str()), (2, "int main() { }"));
}

#[test]
fn a_launch_that_does_not_fit() {
    let mut device = Device::default();
    let module = device.load(".entry one(.param .u64 p) .maxntid 64, 1, 1 { ret; }");
    let parameters = Parameters::new().and(1u64);
    device.run(&module, "one", 1, 64, &parameters).unwrap();
    assert!(device.run(&module, "one", 1, 65, &parameters).unwrap_err().message.contains("[65, 1, 1]"));
    assert!(device.run(&module, "one", 1, 1, &Parameters::new()).unwrap_err().message.contains("takes 8"));
}
