//! Tensor cores, and copies that run beside the work.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Device, Parameters, Plain};
use cuda_emulator::machine::Fault;
use cuda_emulator::ptx::Module;
use half::{bf16, f16};

const TILES: &str = include_str!("ptx/tiles.ptx");

/// Runs a body as a kernel of one block, with the address of device memory in `%rd1` and the thread in `%r1`, and gives
/// what it leaves there. 16 words before that are `given`.
fn run(body: &str, threads: u32, given: &[u32], words: usize) -> Result<Vec<u32>, Fault> {
    let text = format!(
        ".version 9.0\n.target sm_80\n.address_size 64\n
.visible .entry kernel(.param .u64 in, .param .u64 out)
{{
    .reg .pred %p<4>; .reg .b16 %rs<9>; .reg .b32 %r<40>; .reg .f32 %f<9>; .reg .b64 %rd<10>;
    .shared .align 16 .b8 tile[1024];
    ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out];
    mov.u32 %r1, %tid.x; mul.wide.u32 %rd3, %r1, 16; add.s64 %rd4, %rd1, %rd3; add.s64 %rd5, %rd2, %rd3;
    mov.u32 %r2, tile; shl.b32 %r3, %r1, 4; add.s32 %r4, %r2, %r3;
    {body}
    ret;
}}"
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let (input, output) = (device.with(given), device.empty(4 * words));
    device.run(&module, "kernel", 1, threads, &Parameters::new().and(input).and(output))?;
    Ok(device.read(output, words))
}

#[track_caller]
fn fails(body: &str, message: &str) {
    let fault = run(body, 32, &[0; 256], 128).unwrap_err();
    assert!(fault.message.contains(message), "{fault}");
}

/// The product of two fragments that are zero but for one element each: of lane and half of `a`, of lane and half of `b`.
/// Gives the lane and the register of the result that is not zero, if one is.
fn only(a: (u32, usize), b: (u32, usize)) -> Option<(usize, usize)> {
    // The halves 2 and 3 of a fragment of `f16`.
    let halves = |(lane, half): (u32, usize), value: u32, count: usize, name: &str| -> String {
        let register = |n: usize| {
            let bits = if n == half / 2 { value << (16 * (half % 2)) } else { 0 };
            format!("setp.eq.u32 %p1, %r1, {lane}; selp.b32 {name}{n}, {bits}, 0, %p1;\n")
        };
        (0..count).map(register).collect()
    };
    let body = format!(
        "{}{}
        mov.f32 %f1, 0f00000000;
        mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {{%f2,%f3,%f4,%f5}}, {{%r10,%r11,%r12,%r13}}, {{%r20,%r21}},
            {{%f1,%f1,%f1,%f1}};
        st.global.v4.f32 [%rd5], {{%f2,%f3,%f4,%f5}};",
        halves(a, 0x4000, 4, "%r1"),
        halves(b, 0x4200, 2, "%r2"),
    );
    let found = run(&body, 32, &[0], 128).unwrap();
    let mut some = found.iter().enumerate().filter(|(_, bits)| **bits != 0);
    let first = some.next();
    assert!(some.next().is_none() && first.is_none_or(|(_, &bits)| f32::from_bits(bits) == 6.0), "{found:x?}");
    first.map(|(at, _)| (at / 4, at % 4))
}

/// By the tables of the PTX ISA for m16n8k16, worked out by hand: lane 0 has row 0 of `a` in the halves 0, 1 (columns 0, 1)
/// and 4, 5 (columns 8, 9), row 8 in the others; lane 27 is the fourth of group 6.
#[test]
fn a_product_finds_each_element_in_its_lane() {
    // a[0][0] b[0][0] is result 0 of lane 0.
    assert_eq!(only((0, 0), (0, 0)), Some((0, 0)));
    // a[0][1] b[1][0].
    assert_eq!(only((0, 1), (0, 1)), Some((0, 0)));
    // a[8][0] b[0][0]: row 8 is in result 2.
    assert_eq!(only((0, 2), (0, 0)), Some((0, 2)));
    // a[0][8] b[8][0].
    assert_eq!(only((0, 4), (0, 2)), Some((0, 0)));
    // a[8][9] b[9][0].
    assert_eq!(only((0, 7), (0, 3)), Some((0, 2)));
    // a[6][6] b[6][0], whose row is with the fourth of group 0.
    assert_eq!(only((27, 0), (3, 0)), Some((24, 0)));
    // a[14][15] b[15][5]: row 14 and column 5 are with the third of group 6, in its upper half and second column.
    assert_eq!(only((27, 7), (23, 3)), Some((26, 3)));
    // a[6][14] b[14][1]: column 1 is the second of group 6's first lane.
    assert_eq!(only((27, 4), (7, 2)), Some((24, 1)));
    // a[0][0] b[1][0] have no index in common.
    assert_eq!(only((0, 0), (0, 1)), None);
    assert_eq!(only((0, 4), (0, 0)), None);
}

#[test]
fn a_product_adds_to_what_is_there_in_f32() {
    // 1 + 2⁻¹¹ has no place in f16, 2²⁴ + 1 none in f32: sums are exact before they are rounded.
    let body = "mov.b32 %r10, 0x3c003c00; mov.f32 %f1, 0f3a000000;
        mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f2,%f3,%f4,%f5}, {%r10,%r10,%r10,%r10}, {%r10,%r10},
            {%f1,%f1,%f1,%f1};
        st.global.v4.f32 [%rd5], {%f2,%f3,%f4,%f5};";
    let found = run(body, 32, &[0], 128).unwrap();
    assert!(found.iter().all(|&bits| f32::from_bits(bits) == 16.0 + 1.0 / 2048.0), "{found:x?}");
    // Infinity times zero, and the largest and the smallest numbers of both types.
    for (ty, a, b, expected) in [
        ("f16", 0x7c00_u32, 0_u32, f32::NAN),
        ("f16", 0x7bff, 0x0001, 65504.0 * 2f32.powi(-24)),
        ("f16", 0xfc00, 0x3c00, f32::NEG_INFINITY),
        ("f16", 0x83ff, 0x4000, -2046.0 * 2f32.powi(-24)),
        ("bf16", 0x7f80, 0xbf80, f32::NEG_INFINITY),
        ("bf16", 0x4049, 0x4049, 3.140_625 * 3.140_625),
    ] {
        let body = format!(
            "mov.b32 %r10, {a}; mov.b32 %r11, {b}; mov.b32 %r12, 0; mov.f32 %f1, 0f00000000;
            mma.sync.aligned.m16n8k16.row.col.f32.{ty}.{ty}.f32 {{%f2,%f3,%f4,%f5}}, {{%r10,%r12,%r12,%r12}}, {{%r11,%r12}},
                {{%f1,%f1,%f1,%f1}};
            st.global.v4.f32 [%rd5], {{%f2,%f3,%f4,%f5}};"
        );
        // Four lanes of a group each have one element of a row and of a column.
        let found = f32::from_bits(run(&body, 32, &[0], 128).unwrap()[0]);
        assert!(found == 4.0 * expected || (found.is_nan() && expected.is_nan()), "{ty} {a:x} {b:x}: {found}");
    }
}

/// A tile whose 16-bit element in row r and column c is 8 r + c, eight rows of 16 bytes for each of four matrices.
fn tile() -> Vec<u32> {
    (0..128u32).map(|word| (2 * word + 1) << 16 | (2 * word)).collect()
}

#[test]
fn matrices_are_loaded_as_rows_and_as_columns() {
    let fill = "ld.global.v4.u32 {%r10,%r11,%r12,%r13}, [%rd4]; st.shared.v4.u32 [%r4], {%r10,%r11,%r12,%r13};
        bar.warp.sync 0xffffffff;";
    let load = |instruction: &str, registers: &str| {
        let body = format!(
            "{fill} mov.b32 %r20, 0; mov.b32 %r21, 0; mov.b32 %r22, 0; mov.b32 %r23, 0;
            {instruction} {{{registers}}}, [%r4];
            st.global.v4.u32 [%rd5], {{%r20,%r21,%r22,%r23}};"
        );
        run(&body, 32, &tile(), 128).unwrap()
    };
    let four = "%r20,%r21,%r22,%r23";
    // Lane l has two neighbours of row l / 4.
    let found = load("ldmatrix.sync.aligned.m8n8.x4.shared.b16", four);
    assert_eq!(found[..4], [0x0001_0000, 0x0041_0040, 0x0081_0080, 0x00c1_00c0]);
    assert_eq!(found[4 * 13..4 * 14], [0x001b_001a, 0x005b_005a, 0x009b_009a, 0x00db_00da]);
    assert_eq!(found[127], 0x00ff_00fe);
    // Lane l has two neighbours of column l / 4: lane 13 has (2, 3) and (3, 3).
    let found = load("ldmatrix.sync.aligned.m8n8.x4.trans.shared::cta.b16", four);
    assert_eq!(found[..4], [0x0008_0000, 0x0048_0040, 0x0088_0080, 0x00c8_00c0]);
    assert_eq!(found[4 * 13..4 * 14], [0x001b_0013, 0x005b_0053, 0x009b_0093, 0x00db_00d3]);
    // Fewer matrices, and only the addresses of their rows count.
    let found = load("ldmatrix.sync.aligned.m8n8.x1.shared.b16", "%r20");
    assert_eq!(found[4 * 31..], [0x003f_003e, 0, 0, 0]);
    let away =
        "setp.gt.u32 %p1, %r1, 15; selp.b32 %r4, 0x7777, %r4, %p1;\n ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16";
    let found = load(away, "%r20,%r21");
    assert_eq!(found[4 * 31..], [0x003f_0037, 0x007f_0077, 0, 0]);
    // The address may be where a result goes, and may be generic.
    let generic = "mov.u32 %r20, %r4;\n ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r20,%r21,%r22,%r23}, [%r20];
        cvt.u64.u32 %rd6, %r4; cvta.shared.u64 %rd7, %rd6;\n ldmatrix.sync.aligned.m8n8.x1.b16 {%r23}, [%rd7];
        st.global.v4.u32 [%rd5], {%r20,%r21,%r22,%r23};";
    let found = run(&format!("{fill}{generic}"), 32, &tile(), 128).unwrap();
    assert_eq!(found[4 * 13..4 * 14], [0x001b_001a, 0x005b_005a, 0x009b_009a, 0x001b_001a]);
}

#[test]
fn what_matrices_must_not_be() {
    let load = "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r10}";
    fails(&format!("add.s32 %r4, %r4, 8;\n {load}, [%r4];"), "a misaligned read of shared memory");
    fails(&format!("add.s32 %r4, %r4, 1008;\n {load}, [%r4];"), "an invalid read of shared memory (1024 bytes)");
    fails("ldmatrix.sync.aligned.m8n8.x1.b16 {%r10}, [%rd4];", "shared memory only");
    // Lanes that are elsewhere, that have ended, and that never were.
    fails(&format!("setp.lt.u32 %p1, %r1, 3;\n @%p1 bra on;\n {load}, [%r4];\n on:"), "some have ended");
    fails(&format!("setp.lt.u32 %p1, %r1, 3;\n @%p1 ret;\n {load}, [%r4];"), "some have ended");
    let apart = format!("setp.lt.u32 %p1, %r1, 3;\n @%p1 bra on;\n {load}, [%r4];\n ret;\n on: {load}, [%r4];");
    fails(&apart, "at different instructions");
    let fault = run(&format!("{load}, [%r4];"), 40, &[0; 256], 128).unwrap_err();
    assert!(fault.message.contains("never there"), "{fault}");
    // Lanes that leave each other and meet again.
    let again = format!("setp.lt.u32 %p1, %r1, 3;\n @%p1 bra far;\n near: {load}, [%r4];\n ret;\n far: bra near;");
    run(&again, 32, &[0; 256], 128).unwrap();
    for wrong in [
        "ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r10}, [%r4];",
        "ldmatrix.sync.aligned.m8n8.x3.shared.b16 {%r10,%r11,%r12}, [%r4];",
        "mma.sync.aligned.m16n8k16.row.row.f32.f16.f16.f32 {%f2,%f3,%f4,%f5}, {%r1,%r1,%r1,%r1}, {%r1,%r1}, {%f1,%f1,%f1,%f1};",
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32 {%f2,%f3,%f4,%f5}, {%r1,%r1,%r1,%r1}, {%r1,%r1}, {%f1,%f1,%f1,%f1};",
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f2,%f3,%f4,%f5}, {%r1,%r1}, {%r1,%r1}, {%f1,%f1,%f1,%f1};",
        "cp.async.cg.shared.global [%r4], [%rd4], 8;",
        "cp.async.ca.shared.global [%r4], [%rd4], 12;",
        "cp.async.ca.global.shared [%rd4], [%r4], 4;",
        "cp.async.wait_group %r1;",
    ] {
        let fault = run(wrong, 32, &[0; 256], 128).unwrap_err();
        assert!(!fault.message.is_empty() && fault.text.contains(wrong.split(' ').next().unwrap()), "{wrong}: {fault}");
    }
}

const NAN: u32 = 0x7fff_7fff;

#[test]
fn a_copy_is_there_when_it_has_been_waited_for() {
    let given: Vec<u32> = (1..=128).collect();
    let copy = "cp.async.cg.shared.global [%r4], [%rd4], 16;";
    let read = "ld.shared.v4.u32 {%r10,%r11,%r12,%r13}, [%r4]; st.global.v4.u32 [%rd5], {%r10,%r11,%r12,%r13};";
    let found = |body: &str| run(body, 32, &given, 128).unwrap();
    assert_eq!(found(&format!("{copy} cp.async.wait_all; {read}")), given);
    assert_eq!(found(&format!("{copy} cp.async.commit_group; cp.async.wait_group 0; {read}")), given);
    assert_eq!(found(&format!("{copy} {read}")), [NAN; 128]);
    assert_eq!(found(&format!("{copy} cp.async.commit_group; {read}")), [NAN; 128]);
    assert_eq!(found(&format!("{copy} bar.sync 0; {read}")), [NAN; 128]);
    // What is in no group yet is waited for by `wait_all` alone, and the last groups by nobody.
    assert_eq!(found(&format!("{copy} cp.async.wait_group 0; {read}")), [NAN; 128]);
    assert_eq!(found(&format!("{copy} cp.async.commit_group; cp.async.wait_group 1; {read}")), [NAN; 128]);
    let empty = "cp.async.commit_group;";
    assert_eq!(found(&format!("{copy} cp.async.commit_group; {empty} cp.async.wait_group 1; {read}")), given);
    // Only those who wait have waited.
    let half = "setp.lt.u32 %p1, %r1, 16;\n @%p1 cp.async.wait_all;\n";
    assert_eq!(found(&format!("{copy} {half} {read}"))[60..68], [61, 62, 63, 64, NAN, NAN, NAN, NAN]);
    // A group is what was begun since the one before.
    let two = "add.s32 %r5, %r4, 512; cp.async.ca.shared.global [%r4], [%rd4], 8; cp.async.commit_group;
        cp.async.ca.shared.global [%r4+8], [%rd4+8], 4; cp.async.commit_group; cp.async.ca.shared.global [%r4+12], [%rd4+12], 4;
        cp.async.commit_group;";
    assert_eq!(found(&format!("{two} cp.async.wait_group 2; {read}"))[4..8], [5, 6, NAN, NAN]);
    assert_eq!(found(&format!("{two} cp.async.wait_group 1; {read}"))[4..8], [5, 6, 7, NAN]);
}

#[test]
fn a_copy_takes_a_part_and_zeros() {
    let given: Vec<u32> = (1..=128).collect();
    let found = |copy: &str| {
        let end = "cp.async.wait_all; ld.shared.v4.u32 {%r10,%r11,%r12,%r13}, [%r4];
            st.global.v4.u32 [%rd5], {%r10,%r11,%r12,%r13};";
        run(&format!("{copy} {end}"), 32, &given, 128).unwrap()
    };
    assert_eq!(found("cp.async.cg.shared.global [%r4], [%rd4], 16, 8;")[4..8], [5, 6, 0, 0]);
    assert_eq!(found("cp.async.cg.shared.global.L2::128B [%r4], [%rd4], 16, 6;")[4..8], [5, 6, 0, 0]);
    assert_eq!(found("cp.async.cg.shared.global [%r4], [%rd4], 16, 0;"), [0; 128]);
    // Nothing is read that is not taken, so that it need not be there.
    assert_eq!(found("add.s64 %rd4, %rd4, 65536; cp.async.cg.shared.global [%r4], [%rd4], 16, 0;"), [0; 128]);
    let odd = "and.b32 %r5, %r1, 1; setp.eq.u32 %p1, %r5, 1; cp.async.cg.shared.global [%r4], [%rd4], 16, %p1;";
    assert_eq!(found(odd)[..8], [1, 2, 3, 4, 0, 0, 0, 0]);
}

#[test]
fn what_copies_must_not_be() {
    let copy = "cp.async.cg.shared.global [%r4], [%rd4], 16";
    fails(&format!("add.s64 %rd4, %rd4, 8;\n {copy};"), "a misaligned read of global memory");
    fails(&format!("add.s32 %r4, %r4, 8;\n {copy};"), "a misaligned write of shared memory");
    fails(&format!("add.s64 %rd4, %rd4, 1024;\n {copy};"), "an invalid read of global memory");
    fails(&format!("add.s64 %rd4, %rd4, 1024;\n {copy}, 4;"), "an invalid read of global memory");
    fails(&format!("add.s32 %r4, %r4, 1024;\n {copy};"), "an invalid write of shared memory");
    fails(&format!("{copy}, 20;"), "to take 20 of 16 bytes");
    fails("add.s64 %rd4, %rd4, 4;\n cp.async.ca.shared.global [%r4], [%rd4], 8;", "a misaligned read of global memory");
}

#[test]
fn copies_race_with_other_warps() {
    let races =
        |body: &str| run(body, 64, &[0; 256], 256).err().is_some_and(|f| f.message.contains("a race in shared"));
    let (other, copy) = ("xor.b32 %r5, %r4, 512;", "cp.async.cg.shared.global [%r4], [%rd4], 16;");
    let read = "ld.shared.u32 %r10, [%r5];";
    assert!(!races(&format!("{other} {copy} cp.async.wait_all; bar.sync 0; {read}")));
    assert!(races(&format!("{other} {copy} cp.async.wait_all; {read}")));
    // The other warp may still read when the copy begins, or has been told too early that it has ended.
    assert!(races(&format!("{other} {read} {copy} bar.sync 0;")));
    assert!(races(&format!("{other} {copy} bar.sync 0; cp.async.wait_all; {read}")));
    let load = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10,%r11,%r12,%r13}, [%r5];";
    assert!(races(&format!("{other} st.shared.u32 [%r4], %r1; {load}")));
    assert!(!races(&format!("{other} st.shared.u32 [%r4], %r1; bar.sync 0; {load}")));
}

fn product<T: Plain + Into<f64>>(
    module: &Module,
    device: &mut Device,
    name: &str,
    of: impl Fn(f32) -> T,
    turned: bool,
) {
    let k = 48usize;
    let numbers = |count: usize, step: usize| -> Vec<T> {
        (0..count).map(|n| of(((n * step + 5) % 257) as f32 / 64.0 - 2.0)).collect()
    };
    let (a, b) = (numbers(32 * k, 31), numbers(k * 16, 47));
    let (pa, pb, pc) = (device.with(&a), device.with(&b), device.empty(32 * 16 * 4));
    let parameters = Parameters::new().and(pa).and(pb).and(pc).and(k as i32);
    device.run(module, name, 1, 64, &parameters).unwrap_or_else(|fault| panic!("{fault}"));
    for (at, found) in device.read::<f32>(pc, 32 * 16).into_iter().enumerate() {
        let (row, column) = (at / 16, at % 16);
        let right = |i: usize| if turned { b[column * k + i] } else { b[i * 16 + column] };
        let expected: f64 = (0..k).map(|i| a[row * k + i].into() * right(i).into()).sum();
        assert!(
            (f64::from(found) - expected).abs() < 1e-4,
            "{name}: ({row}, {column}) is {found}, expected {expected}"
        );
    }
}

#[test]
fn products_that_a_compiler_made() {
    let mut device = Device::default();
    let module = device.load(TILES);
    product(&module, &mut device, "product_f16", f16::from_f32, false);
    product(&module, &mut device, "product_bf16", bf16::from_f32, true);
}

#[test]
fn a_missing_wait_and_a_missing_barrier_are_found() {
    let mut device = Device::default();
    let module = device.load(TILES);
    let (a, b) = (device.with(&[f16::ONE; 32 * 16]), device.with(&[f16::ONE; 16 * 16]));
    let c = device.empty(32 * 16 * 4);
    let parameters = Parameters::new().and(a).and(b).and(c).and(16i32);
    device.run(&module, "product_without_a_wait", 1, 64, &parameters).unwrap();
    assert!(device.read::<f32>(c, 32 * 16).iter().all(|sum| sum.is_nan()));
    let fault = device.run(&module, "product_without_a_barrier", 1, 64, &parameters).unwrap_err();
    assert!(fault.message.contains("a race in shared memory"), "{fault}");
}
