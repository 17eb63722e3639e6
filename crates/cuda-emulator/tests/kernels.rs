//! Small kernels, written by hand, whose results are known.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Device, Parameters};

const HEAD: &str = ".version 9.0\n.target sm_80\n.address_size 64\n";

fn module(body: &str) -> String {
    format!("{HEAD}{body}")
}

#[test]
fn elementwise_with_a_tail_and_several_blocks() {
    let text = module(
        r"
.visible .entry add(.param .u64 n, .param .u64 a, .param .u64 b, .param .u64 c)
{
    .reg .pred %p<2>; .reg .b32 %r<8>; .reg .f32 %f<4>; .reg .b64 %rd<16>;
    ld.param.u64 %rd1, [n]; ld.param.u64 %rd2, [a]; ld.param.u64 %rd3, [b]; ld.param.u64 %rd4, [c];
    mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x;
    mad.lo.s32 %r4, %r1, %r2, %r3;
    cvt.u64.u32 %rd5, %r4;
    setp.ge.u64 %p1, %rd5, %rd1;
    @%p1 bra $end;
    cvta.to.global.u64 %rd6, %rd2; cvta.to.global.u64 %rd7, %rd3; cvta.to.global.u64 %rd8, %rd4;
    shl.b64 %rd9, %rd5, 2;
    add.s64 %rd10, %rd6, %rd9; add.s64 %rd11, %rd7, %rd9; add.s64 %rd12, %rd8, %rd9;
    ld.global.f32 %f1, [%rd10]; ld.global.f32 %f2, [%rd11];
    add.f32 %f3, %f1, %f2;
    st.global.f32 [%rd12], %f3;
$end:
    ret;
}",
    );
    let mut device = Device::default();
    let module = device.load(&text);
    // Enough blocks for several host threads.
    let count = 300_007usize;
    let a: Vec<f32> = (0..count).map(|n| n as f32 * 0.25).collect();
    let b: Vec<f32> = (0..count).map(|n| 1.0 - n as f32).collect();
    let (pa, pb, pc) = (device.with(&a), device.with(&b), device.empty(4 * count));
    let parameters = Parameters::new().and(count).and(pa).and(pb).and(pc);
    device.run(&module, "add", count.div_ceil(96) as u32, 96, &parameters).unwrap();
    let expected: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    assert_eq!(device.read::<f32>(pc, count), expected);
}

#[test]
fn a_sum_in_shared_memory_with_barriers() {
    let text = module(
        r"
.visible .entry total(.param .u64 in, .param .u64 out)
{
    .reg .pred %p<4>; .reg .b32 %r<16>; .reg .f32 %f<4>; .reg .b64 %rd<8>;
    .shared .align 4 .b8 part[1024];
    ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out];
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd3, %r1, 4;
    add.s64 %rd4, %rd1, %rd3;
    ld.global.f32 %f1, [%rd4];
    mov.u32 %r2, part;
    shl.b32 %r3, %r1, 2;
    add.s32 %r4, %r2, %r3;
    st.shared.f32 [%r4], %f1;
    mov.u32 %r5, 128;
loop:
    bar.sync 0;
    setp.ge.u32 %p1, %r1, %r5;
    @%p1 bra skip;
    shl.b32 %r6, %r5, 2;
    add.s32 %r7, %r4, %r6;
    ld.shared.f32 %f2, [%r7];
    ld.shared.f32 %f3, [%r4];
    add.f32 %f3, %f3, %f2;
    st.shared.f32 [%r4], %f3;
skip:
    shr.u32 %r5, %r5, 1;
    setp.ne.s32 %p2, %r5, 0;
    @%p2 bra loop;
    setp.ne.s32 %p3, %r1, 0;
    @%p3 ret;
    ld.shared.f32 %f1, [part];
    st.global.f32 [%rd2], %f1;
    ret;
}",
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let values: Vec<f32> = (0..256).map(|n| n as f32).collect();
    let (input, output) = (device.with(&values), device.empty(4));
    device.run(&module, "total", 1, 256, &Parameters::new().and(input).and(output)).unwrap();
    assert_eq!(device.read::<f32>(output, 1), [255.0 * 128.0]);
}

#[test]
fn shuffles_votes_and_reductions_of_a_warp() {
    let text = module(
        r"
.visible .entry meet(.param .u64 out)
{
    .reg .pred %p<8>; .reg .b32 %r<32>; .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd2, %r1, 32;
    add.s64 %rd3, %rd1, %rd2;
    shfl.sync.down.b32 %r2, %r1, 3, 31, -1;
    shfl.sync.bfly.b32 %r3|%p1, %r1, 5, 31, -1;
    shfl.sync.up.b32 %r4|%p2, %r1, 2, 0x1800, 0xffffffff;
    shfl.sync.idx.b32 %r5, %r1, 1, 0x181f, 0xffffffff;
    and.b32 %r6, %r1, 1;
    setp.ne.s32 %p3, %r6, 0;
    vote.sync.ballot.b32 %r7, %p3, -1;
    redux.sync.add.s32 %r8, %r1, -1;
    shr.u32 %r9, %r1, 2;
    match.any.sync.b32 %r10, %r9, -1;
    vote.sync.any.pred %p4, %p3, -1;
    vote.sync.all.pred %p5, !%p3, -1;
    selp.u32 %r11, 1, 0, %p4;
    selp.u32 %r12, 1, 0, %p5;
    shl.b32 %r12, %r12, 1;
    or.b32 %r11, %r11, %r12;
    selp.u32 %r12, 4, 0, %p2;
    or.b32 %r11, %r11, %r12;
    st.global.v4.u32 [%rd3], {%r2, %r3, %r4, %r5};
    st.global.v4.u32 [%rd3+16], {%r7, %r8, %r10, %r11};
    ret;
}",
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let output = device.empty(32 * 32);
    device.run(&module, "meet", 1, 32, &Parameters::new().and(output)).unwrap();
    let found = device.read::<u32>(output, 256);
    for lane in 0..32u32 {
        let down = if lane + 3 < 32 { lane + 3 } else { lane };
        // Segments of eight lanes.
        let up = if lane % 8 >= 2 { lane - 2 } else { lane };
        let flags = 1 | if lane % 8 >= 2 { 4 } else { 0 };
        let expected = [down, lane ^ 5, up, lane / 8 * 8 + 1, 0xaaaa_aaaa, 31 * 16, 0xf << (lane / 4 * 4), flags];
        assert_eq!(found[lane as usize * 8..][..8], expected, "lane {lane}");
    }
}

#[test]
fn lanes_that_took_different_branches_meet_at_a_shuffle() {
    // The even lanes shuffle in one place, the odd ones in another, and lanes of one half have a longer way.
    let text = module(
        r"
.visible .entry apart(.param .u64 out)
{
    .reg .pred %p<4>; .reg .b32 %r<16>; .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %laneid;
    and.b32 %r2, %r1, 1;
    setp.eq.s32 %p1, %r2, 0;
    @%p1 bra even;
    mov.u32 %r4, 0;
turn:
    add.s32 %r4, %r4, 1;
    setp.lt.u32 %p2, %r4, %r1;
    @%p2 bra turn;
    shfl.sync.bfly.b32 %r3, %r4, 1, 31, -1;
    bra join;
even:
    mul.lo.s32 %r5, %r1, 100;
    shfl.sync.bfly.b32 %r3, %r5, 1, 31, -1;
join:
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd3, %rd1, %rd2;
    st.global.u32 [%rd3], %r3;
    ret;
}",
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let output = device.empty(128);
    device.run(&module, "apart", 1, 32, &Parameters::new().and(output)).unwrap();
    let expected: Vec<u32> = (0..32).map(|lane| if lane % 2 == 0 { lane + 1 } else { (lane - 1) * 100 }).collect();
    assert_eq!(device.read::<u32>(output, 32), expected);
}

#[test]
fn atomic_operations_over_many_blocks() {
    let text = module(
        r"
.visible .entry count(.param .u64 out)
{
    .reg .b16 %rs<4>; .reg .b32 %r<16>; .reg .f32 %f<4>; .reg .f64 %fd<4>; .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    mov.u32 %r5, %ctaid.x;
    atom.global.add.u32 %r2, [%rd1], 1;
    red.global.add.f32 [%rd1+4], 0f3F000000;
    red.global.add.f64 [%rd1+8], 0d3FD0000000000000;
    atom.global.max.u32 %r3, [%rd1+16], %r1;
    red.global.min.s32 [%rd1+20], %r1;
    atom.global.inc.u32 %r4, [%rd1+24], 9;
    atom.global.add.u64 %rd2, [%rd1+32], 3;
    mov.b16 %rs1, 0x3c00;
    setp.lt.u32 %p1, %r5, 2;
    @%p1 atom.global.add.noftz.f16 %rs2, [%rd1+40], %rs1;
    red.global.or.b32 [%rd1+28], %r1;
    ret;
}",
    );
    let text = text.replace(".reg .b16 %rs<4>;", ".reg .b16 %rs<4>; .reg .pred %p<2>;");
    let mut device = Device::default();
    let module = device.load(&text);
    let output = device.empty(48);
    device.run(&module, "count", 500, 64, &Parameters::new().and(output)).unwrap();
    let words = device.read::<u32>(output, 12);
    let n = 500 * 64;
    assert_eq!(words[0], n);
    assert_eq!(f32::from_bits(words[1]), n as f32 / 2.0);
    assert_eq!(device.read::<f64>(output + 8, 1), [f64::from(n) / 4.0]);
    assert_eq!(words[4..8], [63, 0, 0, 63]);
    assert_eq!(device.read::<u64>(output + 32, 1), [u64::from(n) * 3]);
    assert_eq!(device.read::<half::f16>(output + 40, 1), [half::f16::from_f32(128.0)]);
}

#[test]
fn loops_of_different_lengths_and_a_table_of_branches() {
    let text = module(
        r"
.visible .entry collatz(.param .u64 out)
{
    .reg .pred %p<4>; .reg .b32 %r<16>; .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    add.s32 %r2, %r1, 1;
    mov.u32 %r3, 0;
next:
    setp.eq.u32 %p1, %r2, 1;
    @%p1 bra done;
    and.b32 %r4, %r2, 1;
    add.s32 %r3, %r3, 1;
    table: .branchtargets half, triple;
    brx.idx %r4, table;
triple:
    mad.lo.s32 %r2, %r2, 3, 1;
    bra.uni next;
half:
    shr.u32 %r2, %r2, 1;
    bra.uni next;
done:
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd3, %rd1, %rd2;
    st.global.u32 [%rd3], %r3;
    ret;
}",
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let output = device.empty(400);
    device.run(&module, "collatz", 1, 100, &Parameters::new().and(output)).unwrap();
    let steps = |mut n: u32| {
        let mut count = 0;
        while n != 1 {
            n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
            count += 1;
        }
        count
    };
    let expected: Vec<u32> = (1..=100).map(steps).collect();
    assert_eq!(device.read::<u32>(output, 100), expected);
}

#[test]
fn local_arrays_constants_and_called_functions() {
    let text = module(
        r"
.const .align 4 .b8 weights[16] = {1, 0, 0, 0, 10, 0, 0, 0, 100, 0, 0, 0, 232, 3, 0, 0};
.global .align 4 .u32 calls = 7;
.global .align 8 .u64 where = calls;
.func (.param .b32 result) weigh(.param .b64 digits, .param .b32 count)
{
    .reg .pred %p<3>; .reg .b32 %r<10>; .reg .b64 %rd<10>;
    ld.param.u64 %rd1, [digits];
    ld.param.u32 %r1, [count];
    mov.u64 %rd2, weights;
    mov.u32 %r2, 0;
    mov.u32 %r3, 0;
more:
    setp.ge.s32 %p1, %r2, %r1;
    @%p1 bra end;
    mul.wide.s32 %rd3, %r2, 4;
    add.s64 %rd4, %rd1, %rd3;
    add.s64 %rd5, %rd2, %rd3;
    ld.u32 %r4, [%rd4];
    ld.const.u32 %r5, [%rd5];
    mad.lo.s32 %r3, %r4, %r5, %r3;
    add.s32 %r2, %r2, 1;
    bra more;
end:
    st.param.b32 [result+0], %r3;
    ret;
}
.visible .entry number(.param .u64 out)
{
    .local .align 16 .b8 depot[16];
    .reg .pred %p<3>; .reg .b32 %r<10>; .reg .b64 %rd<10>;
    mov.u64 %rd8, depot;
    cvta.local.u64 %rd7, %rd8;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    st.local.v2.u32 [%rd8], {%r1, 2};
    mov.u32 %r2, 3;
    st.u32 [%rd7+8], %r2;
    st.local.u32 [%rd8+12], 4;
    {
        .param .b64 p0; st.param.b64 [p0+0], %rd7;
        .param .b32 p1; st.param.b32 [p1+0], %r1;
        .param .b32 back;
        setp.gt.u32 %p1, %r1, 4;
        mov.u32 %r5, 77;
        @!%p1 call.uni (back), weigh, (p0, p1);
        ld.param.b32 %r3, [back+0];
        selp.b32 %r3, %r5, %r3, %p1;
    }
    {
        .param .b64 p0; st.param.b64 [p0+0], %rd7;
        .param .b32 p1; st.param.b32 [p1+0], 1;
        .param .b32 back;
        call.uni (back), weigh, (p0, p1);
        ld.param.b32 %r4, [back+0];
    }
    shl.b32 %r4, %r4, 16;
    add.s32 %r3, %r3, %r4;
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd3, %rd1, %rd2;
    st.global.u32 [%rd3], %r3;
    ld.global.u64 %rd4, [where];
    atom.add.u32 %r6, [%rd4], 1;
    ret;
}",
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let output = device.empty(24);
    device.run(&module, "number", 1, 6, &Parameters::new().and(output)).unwrap();
    let weighed = [0, 1, 22, 323, 4324, 77];
    let expected: Vec<u32> = (0..6).map(|n| weighed[n as usize] + (n << 16)).collect();
    assert_eq!(device.read::<u32>(output, 6), expected);
    let calls = module.global("calls").unwrap();
    assert_eq!(calls.size, 4);
    assert_eq!(device.read::<u32>(calls.address, 1), [7 + 6]);
}

#[test]
fn a_spinning_lane_lets_the_others_get_on() {
    // A lock within a warp: the lane that has it may be further on than those that spin.
    let text = module(
        r"
.visible .entry lock(.param .u64 words)
{
    .reg .pred %p<3>; .reg .b32 %r<10>; .reg .b64 %rd<4>;
    ld.param.u64 %rd1, [words];
again:
    atom.global.cas.b32 %r1, [%rd1], 0, 1;
    setp.ne.s32 %p1, %r1, 0;
    @%p1 bra again;
    ld.global.u32 %r2, [%rd1+4];
    add.s32 %r2, %r2, 1;
    st.global.u32 [%rd1+4], %r2;
    atom.global.exch.b32 %r3, [%rd1], 0;
    ret;
}",
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let words = device.empty(8);
    device.run(&module, "lock", 1, 3, &Parameters::new().and(words)).unwrap();
    assert_eq!(device.read::<u32>(words, 2), [0, 3]);
}

#[test]
fn memory_whose_size_the_launch_says_lies_behind_the_rest() {
    let text = module(
        r"
.extern .shared .align 16 .b8 more[];
.visible .entry both(.param .u64 out)
{
    .reg .b32 %r<10>; .reg .b64 %rd<8>;
    .shared .align 4 .b8 fixed[20];
    ld.param.u64 %rd1, [out];
    mov.u64 %rd2, more;
    mov.u64 %rd3, fixed;
    sub.s64 %rd4, %rd2, %rd3;
    cvt.u32.u64 %r1, %rd4;
    mov.u32 %r2, %tid.x;
    mul.wide.u32 %rd5, %r2, 4;
    add.s64 %rd6, %rd2, %rd5;
    cvta.shared.u64 %rd6, %rd6;
    st.u32 [%rd6], %r2;
    st.shared.u32 [fixed+16], 5;
    bar.sync 0;
    ld.shared.u32 %r3, [more+12];
    st.global.v2.u32 [%rd1], {%r1, %r3};
    ret;
}",
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let output = device.empty(8);
    device.run(&module, "both", 1, 4, &Parameters::new().and(output).shared(16)).unwrap();
    assert_eq!(device.read::<u32>(output, 2), [32, 3]);
    assert_eq!(module.function("both").unwrap().static_shared_bytes, 20);
    let fault = device.run(&module, "both", 1, 4, &Parameters::new().and(output).shared(12)).unwrap_err();
    assert_eq!(fault.thread, [3, 0, 0]);
    assert!(fault.message.contains("shared memory"), "{fault}");
}
