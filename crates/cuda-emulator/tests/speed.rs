//! How fast kernels run: `cargo test --release -p cuda-emulator --test speed -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{Device, Parameters};

const KERNELS: &str = r"
.version 9.0
.target sm_80
.address_size 64
.visible .entry count(.param .u64 out, .param .u32 turns)
{
    .reg .pred %p<4>; .reg .b32 %r<16>; .reg .f32 %f<8>; .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [out]; ld.param.u32 %r9, [turns];
    mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x;
    mad.lo.s32 %r4, %r1, %r2, %r3;
    cvt.rn.f32.u32 %f1, %r4;
    mov.f32 %f2, 0f3F000000;
    mov.u32 %r5, 0;
again:
    fma.rn.f32 %f1, %f1, %f2, %f2;
    mul.f32 %f3, %f1, %f2;
    add.f32 %f1, %f1, %f3;
    xor.b32 %r6, %r5, %r4;
    mad.lo.s32 %r7, %r6, %r5, %r4;
    shr.u32 %r8, %r7, 3;
    add.s32 %r5, %r5, 1;
    setp.lt.u32 %p1, %r5, %r9;
    @%p1 bra again;
    mul.wide.u32 %rd2, %r4, 4;
    add.s64 %rd3, %rd1, %rd2;
    st.global.f32 [%rd3], %f1;
    ret;
}
.visible .entry move(.param .u64 from, .param .u64 to, .param .u32 turns)
{
    .reg .pred %p<4>; .reg .b32 %r<16>; .reg .f32 %f<8>; .reg .b64 %rd<12>;
    ld.param.u64 %rd1, [from]; ld.param.u64 %rd2, [to]; ld.param.u32 %r9, [turns];
    mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x;
    mad.lo.s32 %r4, %r1, %r2, %r3;
    mul.wide.u32 %rd3, %r4, 4;
    add.s64 %rd4, %rd1, %rd3;
    add.s64 %rd5, %rd2, %rd3;
    mov.u32 %r5, 0;
again:
    ld.global.f32 %f1, [%rd4];
    st.global.f32 [%rd5], %f1;
    add.s32 %r5, %r5, 1;
    setp.lt.u32 %p1, %r5, %r9;
    @%p1 bra again;
    ret;
}
.visible .entry nothing() { ret; }
";

/// The time that this thread has had a processor: others may be busy on the machine.
fn own_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
#[ignore = "a measurement"]
fn instructions_per_second() {
    let mut device = Device::default();
    let module = device.load(KERNELS);
    let (a, b) = (device.empty(4 << 20), device.empty(4 << 20));
    // One block, so that one host thread runs it.
    for (name, per_turn, block) in [("count", 9u64, 1024u32), ("count", 9, 1), ("move", 5, 1024), ("move", 5, 1)] {
        let turns: u32 = (if block == 1 { 2_000_000 } else { 40_000_000 } / block);
        let parameters = Parameters::new().and(a);
        let parameters = if name == "move" { parameters.and(b) } else { parameters }.and(turns);
        let began = own_time();
        device.run(&module, name, 1, block, &parameters).unwrap();
        let rate = (per_turn * u64::from(turns) * u64::from(block)) as f64 / (own_time() - began).as_secs_f64();
        println!("{name}, {block} threads: {:.0} M instructions/s", rate / 1e6);
    }
    for block in [32, 1024] {
        let began = own_time();
        for _ in 0..10_000 {
            device.run(&module, "nothing", 1, block, &Parameters::new()).unwrap();
        }
        println!("an empty launch of {block} threads: {:?}", (own_time() - began) / 10_000);
    }
}
