//! Single instructions on values whose results are known.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Device, Parameters};
use half::{bf16, f16};

/// Runs an instruction on three inputs, which are in the registers `%rd1`, `%r1`, `%rs1`, `%f1`, `%fd1` and so on, and gives
/// what it leaves in the register of its kind with the number 4 (and predicates 1 and 2, as the numbers 1 and 2).
fn run(code: &str, inputs: [u64; 3]) -> u64 {
    let mut load = String::new();
    for n in 1..=3 {
        load += &format!(
            "ld.param.u64 %rd{n}, [p+{0}]; cvt.u32.u64 %r{n}, %rd{n}; cvt.u16.u64 %rs{n}, %rd{n};
             mov.b32 %f{n}, %r{n}; mov.b64 %fd{n}, %rd{n};\n",
            8 * n
        );
    }
    // The register that the code writes says which kind it is.
    let result = match code {
        _ if code.contains("%rd4") => "mov.b64 %rd5, %rd4;",
        _ if code.contains("%r4") => "cvt.u64.u32 %rd5, %r4;",
        _ if code.contains("%rs4") => "cvt.u64.u16 %rd5, %rs4;",
        _ if code.contains("%fd4") => "mov.b64 %rd5, %fd4;",
        _ if code.contains("%f4") => "mov.b32 %r5, %f4; cvt.u64.u32 %rd5, %r5;",
        _ => "selp.u64 %rd5, 1, 0, %p1; selp.u64 %rd6, 2, 0, %p2; or.b64 %rd5, %rd5, %rd6;",
    };
    let text = format!(
        ".entry one(.param .align 8 .b8 p[32]) {{
    .reg .pred %p<4>; .reg .b16 %rs<8>; .reg .b32 %r<8>; .reg .b64 %rd<8>; .reg .f32 %f<8>; .reg .f64 %fd<8>;
    setp.ne.s32 %p1, 0, 0; setp.ne.s32 %p2, 0, 0;
    {load}
    {code}
    {result}
    ld.param.u64 %rd7, [p]; mov.u32 %r6, %tid.x; mul.wide.u32 %rd6, %r6, 8; add.s64 %rd7, %rd7, %rd6;
    st.global.u64 [%rd7], %rd5;
    ret; }}"
    );
    let mut device = Device::default();
    let module = device.load(&text);
    let out = device.empty(8 * 33);
    let parameters = Parameters::new().and(out).and(inputs[0]).and(inputs[1]).and(inputs[2]);
    device.run(&module, "one", 1, 33, &parameters).unwrap_or_else(|fault| panic!("{fault}"));
    // A whole warp and a single lane take different ways.
    let found = device.read::<u64>(out, 33);
    assert!(found.iter().all(|&one| one == found[0]), "{code}: {found:x?}");
    found[0]
}

#[track_caller]
fn bits(code: &str, inputs: [u64; 3], expected: u64) {
    let found = run(code, inputs);
    assert_eq!(found, expected, "{code} of {inputs:x?}: {found:#x}, expected {expected:#x}");
}

fn s(value: f32) -> u64 {
    u64::from(value.to_bits())
}

fn d(value: f64) -> u64 {
    value.to_bits()
}

fn h(value: f32) -> u64 {
    u64::from(f16::from_f32(value).to_bits())
}

fn b(value: f32) -> u64 {
    u64::from(bf16::from_f32(value).to_bits())
}

const NAN32: u64 = 0x7fff_ffff;

#[test]
fn integer_arithmetic() {
    bits("add.u16 %rs4, %rs1, %rs2;", [0xffff, 2, 0], 1);
    bits("sub.s32 %r4, %r1, %r2;", [1, 2, 0], 0xffff_ffff);
    bits("add.sat.s32 %r4, %r1, %r2;", [0x7fff_ffff, 2, 0], 0x7fff_ffff);
    bits("mul.hi.u32 %r4, %r1, %r2;", [0xffff_ffff, 0xffff_ffff, 0], 0xffff_fffe);
    bits("mul.hi.s32 %r4, %r1, %r2;", [0xffff_ffff, 5, 0], 0xffff_ffff);
    bits("mul.hi.u64 %rd4, %rd1, %rd2;", [u64::MAX, u64::MAX, 0], u64::MAX - 1);
    bits("mul.wide.s16 %r4, %rs1, %rs2;", [0xffff, 3, 0], 0xffff_fffd);
    bits("mul.wide.u32 %rd4, %r1, %r2;", [0xffff_ffff, 0xffff_ffff, 0], 0xffff_fffe_0000_0001);
    bits("mad.lo.s32 %r4, %r1, %r2, %r3;", [7, 0xffff_ffff, 10], 3);
    bits("mad.hi.s32 %r4, %r1, %r2, %r3;", [1 << 30, 8, 1], 3);
    bits("mad.wide.s32 %rd4, %r1, %r2, %rd3;", [0xffff_ffff, 5, 3], (-2i64) as u64);
    bits("div.s32 %r4, %r1, %r2;", [(-7i32) as u32 as u64, 2, 0], (-3i32) as u32 as u64);
    bits("rem.s32 %r4, %r1, %r2;", [(-7i32) as u32 as u64, 2, 0], 0xffff_ffff);
    bits("div.s32 %r4, %r1, %r2;", [0x8000_0000, 0xffff_ffff, 0], 0x8000_0000);
    bits("div.u64 %rd4, %rd1, %rd2;", [u64::MAX, 10, 0], u64::MAX / 10);
    bits("min.s16 %rs4, %rs1, %rs2;", [0xfffe, 1, 0], 0xfffe);
    bits("max.u64 %rd4, %rd1, %rd2;", [u64::MAX, 1, 0], u64::MAX);
    bits("abs.s32 %r4, %r1;", [0xffff_fff0, 0, 0], 16);
    bits("neg.s16 %rs4, %rs1;", [1, 0, 0], 0xffff);
    bits("sad.u32 %r4, %r1, %r2, %r3;", [3, 10, 100], 107);
    bits("mul24.lo.s32 %r4, %r1, %r2;", [0xff_ffff, 2, 0], 0xffff_fffe);
    bits("dp4a.s32.s32 %r4, %r1, %r2, %r3;", [0x01ff_0203, 0x0202_0304, 10], 10 + 2 - 2 + 6 + 12);
    bits("dp4a.u32.u32 %r4, %r1, %r2, %r3;", [0x01ff_0203, 0x0202_0304, 10], 10 + 2 + 510 + 6 + 12);
    bits("dp2a.lo.s32.u32 %r4, %r1, %r2, %r3;", [0xffff_0002, 0x0000_0503, 1], 1 + 6 - 5);
}

#[test]
fn no_number_as_an_integer() {
    let (single, double) = (s(f32::NAN), d(f64::NAN));
    for (code, from, expected) in [
        ("cvt.rzi.s32.f32 %r4, %f1;", single, 0),
        ("cvt.rzi.u16.f32 %rs4, %f1;", single, 0),
        ("cvt.rni.s64.f32 %rd4, %f1;", single, 1 << 63),
        ("cvt.rzi.u64.f32 %rd4, %f1;", single, 1 << 63),
        ("cvt.rzi.s32.f64 %r4, %fd1;", double, 1 << 31),
        ("cvt.rzi.u32.f64 %r4, %fd1;", double, 1 << 31),
        ("cvt.rzi.u16.f64 %rs4, %fd1;", double, 1 << 15),
        ("cvt.rzi.u64.f64 %rd4, %fd1;", double, 1 << 63),
    ] {
        bits(code, [from, 0, 0], expected);
    }
}

#[test]
fn atomic_additions_in_global_memory_know_no_subnormal_numbers() {
    // The last number is the address of the result, which the other lanes leave alone.
    let add = |space: &str, place: &str, kind: &str| {
        let text = format!(
            ".entry one(.param .u64 p, .param .u32 old, .param .u32 value) {{
    .shared .align 8 .b8 near[8]; .reg .b64 %rd<4>; .reg .b32 %r<4>; .reg .f32 %f<4>; .reg .pred %p<2>;
    ld.param.u64 %rd1, [p]; ld.param.u32 %r1, [old]; ld.param.u32 %r2, [value]; mov.b32 %f1, %r2;
    st.{space}.u32 [{place}], %r1;
    red.{space}.add.{kind} [{place}], %f1;
    ld.{space}.u32 %r3, [{place}];
    st.global.u32 [%rd1], %r3;
    ret; }}"
        );
        move |old: u32, value: u32| {
            let mut device = Device::default();
            let module = device.load(&text);
            let out = device.empty(8);
            device.run(&module, "one", 1, 1, &Parameters::new().and(out).and(old).and(value)).unwrap();
            device.read::<u32>(out, 1)[0]
        }
    };
    let (global, shared) = (add("global", "%rd1", "f32"), add("shared", "near", "f32"));
    let one = 1.0_f32.to_bits();
    assert_eq!((global(3, 4), shared(3, 4)), (0, 7));
    assert_eq!(global(0x8000_0003, 0x8000_0004), 0x8000_0000, "the sign stays");
    assert_eq!((global(one, 4), shared(one, one)), (one, 2.0_f32.to_bits()));
    // What comes out too small: 1.5 times the smallest normal number less that number.
    assert_eq!((global(0x00c0_0000, 0x8080_0000), shared(0x00c0_0000, 0x8080_0000)), (0, 0x0040_0000));
}

#[test]
fn shifts_and_bits() {
    bits("shl.b32 %r4, %r1, %r2;", [1, 32, 0], 0);
    bits("shr.u32 %r4, %r1, %r2;", [0xffff_ffff, 40, 0], 0);
    bits("shr.s32 %r4, %r1, %r2;", [0x8000_0000, 99, 0], 0xffff_ffff);
    bits("shr.s64 %rd4, %rd1, %r2;", [1 << 63, 62, 0], (-2i64) as u64);
    bits("shr.u16 %rs4, %rs1, 4;", [0xabcd, 0, 0], 0xabc);
    bits("and.b16 %rs4, %rs1, %rs2;", [0xff0f, 0x0ff0, 0], 0x0f00);
    bits("not.b64 %rd4, %rd1;", [0xff, 0, 0], !0xff);
    bits("popc.b64 %r4, %rd1;", [u64::MAX >> 3, 0, 0], 61);
    bits("clz.b32 %r4, %r1;", [0, 0, 0], 32);
    bits("clz.b64 %r4, %rd1;", [1, 0, 0], 63);
    bits("brev.b32 %r4, %r1;", [1, 0, 0], 0x8000_0000);
    bits("bfe.u32 %r4, %r1, %r2, %r3;", [0xabcd_1234, 8, 12], 0xd12);
    bits("bfe.s32 %r4, %r1, %r2, %r3;", [0x0000_0800, 8, 4], 0xffff_fff8);
    bits("bfe.s32 %r4, %r1, %r2, %r3;", [0x8000_0000, 40, 4], 0xffff_ffff);
    bits("bfe.u64 %rd4, %rd1, %r2, %r3;", [0xabcd << 40, 40, 64], 0xabcd);
    bits("bfi.b32 %r4, %r1, %r2, 8, 4;", [0xff, 0x1234_5678, 0], 0x1234_5f78);
    bits("bfi.b64 %rd4, %rd1, %rd2, 32, 32;", [0xffff_ffff_dead_beef, 0x1111_2222_3333_4444, 0], 0xdead_beef_3333_4444);
    bits("bfind.u32 %r4, %r1;", [0x0001_0000, 0, 0], 16);
    bits("bfind.s32 %r4, %r1;", [0xffff_ff00, 0, 0], 7);
    bits("bfind.shiftamt.u32 %r4, %r1;", [0x0001_0000, 0, 0], 15);
    bits("bfind.u64 %r4, %rd1;", [0, 0, 0], 0xffff_ffff);
    bits("prmt.b32 %r4, %r1, %r2, %r3;", [0x3322_1100, 0x7766_5544, 0x7531], 0x7755_3311);
    bits("prmt.b32 %r4, %r1, %r2, 0x9180;", [0x0000_8011, 0, 0], 0xff80_0011);
    bits("prmt.b32.f4e %r4, %r1, %r2, %r3;", [0x3322_1100, 0x7766_5544, 1], 0x4433_2211);
    bits("lop3.b32 %r4, %r1, %r2, %r3, 0x96;", [0xf0f0, 0xff00, 0xaaaa], 0xf0f0 ^ 0xff00 ^ 0xaaaa);
    bits("lop3.b32 %r4, %r1, %r2, %r3, 0xe8;", [0b1100, 0b1010, 0b0110], 0b1110);
    bits("shf.l.wrap.b32 %r4, %r1, %r2, %r3;", [0x8000_0001, 0x1, 33], 0x3);
    bits("shf.r.clamp.b32 %r4, %r1, %r2, %r3;", [0x8000_0001, 0x5, 40], 0x5);
    bits("cnot.b32 %r4, %r1;", [0, 0, 0], 1);
    bits("fns.b32 %r4, %r1, %r2, %r3;", [0b1011_0000, 4, 3], 7);
}

#[test]
fn sums_with_a_carry() {
    bits("add.cc.u32 %r5, %r1, %r2; addc.u32 %r4, %r3, 0;", [0xffff_ffff, 1, 7], 8);
    bits("sub.cc.u32 %r5, %r1, %r2; subc.u32 %r4, %r3, 0;", [0, 1, 7], 6);
    bits("add.cc.u64 %rd5, %rd1, %rd2; addc.u64 %rd4, %rd3, 0;", [u64::MAX, 1, 7], 8);
    bits("mad.lo.cc.u32 %r5, %r1, %r2, %r3; madc.hi.u32 %r4, %r1, %r2, 0;", [0x8000_0000, 2, 5], 1);
    bits("mad.lo.cc.u32 %r5, %r1, %r2, %r3; madc.hi.u32 %r4, %r1, %r2, 0;", [0xffff_ffff, 3, 4], 3);
}

#[test]
fn floating_point_arithmetic() {
    bits("add.f32 %f4, %f1, %f2;", [s(1.5), s(2.25), 0], s(3.75));
    bits("sub.f32 %f4, %f1, %f2;", [s(f32::INFINITY), s(f32::INFINITY), 0], NAN32);
    // The product is exact before the sum.
    let (a, c) = (1.0 + f32::EPSILON, -1.0 - 2.0 * f32::EPSILON);
    bits("fma.rn.f32 %f4, %f1, %f2, %f3;", [s(a), s(a), s(c)], s(f32::EPSILON * f32::EPSILON));
    bits("fma.rn.f64 %fd4, %fd1, %fd2, %fd3;", [d(1e16), d(1.0), d(1.0)], d(1e16f64.mul_add(1.0, 1.0)));
    // One and a third of a last place.
    let tiny = s(f32::EPSILON / 3.0);
    bits("add.rn.f32 %f4, %f1, %f2;", [s(1.0), tiny, 0], s(1.0));
    bits("add.rp.f32 %f4, %f1, %f2;", [s(1.0), tiny, 0], s(1.0f32.next_up()));
    bits("add.rz.f32 %f4, %f1, %f2;", [s(-1.0), tiny, 0], s((-1.0f32).next_up()));
    bits("add.rm.f32 %f4, %f1, %f2;", [s(-1.0), tiny ^ 0x8000_0000, 0], s((-1.0f32).next_down()));
    bits("fma.rm.f32 %f4, %f1, %f2, %f3;", [s(0.75), s(1.0), s(12_582_912.0)], s(12_582_912.0));
    bits("fma.rp.f32 %f4, %f1, %f2, %f3;", [s(0.25), s(1.0), s(12_582_912.0)], s(12_582_913.0));
    bits("add.rz.f64 %fd4, %fd1, %fd2;", [d(1.0), d(-1e-30), 0], d(1.0f64.next_down()));
    bits("mul.rp.f64 %fd4, %fd1, %fd2;", [d(0.1), d(0.1), 0], d(0.1 * 0.1));
    bits("mul.rm.f64 %fd4, %fd1, %fd2;", [d(0.1), d(0.1), 0], d((0.1f64 * 0.1).next_down()));
    bits("div.rn.f32 %f4, %f1, %f2;", [s(1.0), s(3.0), 0], s(1.0 / 3.0));
    bits("div.rm.f32 %f4, %f1, %f2;", [s(1.0), s(3.0), 0], s((1.0f32 / 3.0).next_down()));
    bits("sqrt.rn.f32 %f4, %f1;", [s(2.0), 0, 0], s(2f32.sqrt()));
    bits("sqrt.rp.f64 %fd4, %fd1;", [d(2.0), 0, 0], d(2f64.sqrt()));
    bits("sqrt.rm.f64 %fd4, %fd1;", [d(2.0), 0, 0], d(2f64.sqrt().next_down()));
    bits("rcp.approx.ftz.f32 %f4, %f1;", [s(4.0), 0, 0], s(0.25));
    bits("ex2.approx.ftz.f32 %f4, %f1;", [s(-3.0), 0, 0], s(0.125));
    bits("lg2.approx.f32 %f4, %f1;", [s(8.0), 0, 0], s(3.0));
    bits("rsqrt.approx.f32 %f4, %f1;", [s(16.0), 0, 0], s(0.25));
    bits("tanh.approx.f32 %f4, %f1;", [s(100.0), 0, 0], s(1.0));
    bits("copysign.f32 %f4, %f1, %f2;", [s(-1.0), s(3.0), 0], s(-3.0));
    bits("add.ftz.f32 %f4, %f1, %f2;", [s(1e-40), s(-1e-40), 0], 0);
    bits("mul.ftz.f32 %f4, %f1, %f2;", [s(-1e-30), s(1e-10), 0], s(-0.0));
    bits("mul.f32 %f4, %f1, %f2;", [s(-1e-30), s(1e-10), 0], s(-1e-30 * 1e-10));
    bits("add.sat.f32 %f4, %f1, %f2;", [s(0.75), s(0.75), 0], s(1.0));
    bits("add.sat.f32 %f4, %f1, %f2;", [s(f32::NAN), s(0.75), 0], 0);
    bits("neg.f64 %fd4, %fd1;", [d(1.0), 0, 0], d(-1.0));
    bits("abs.f32 %f4, %f1;", [s(-2.0), 0, 0], s(2.0));
}

#[test]
fn smaller_and_larger() {
    bits("min.f32 %f4, %f1, %f2;", [s(f32::NAN), s(1.0), 0], s(1.0));
    bits("max.NaN.f32 %f4, %f1, %f2;", [s(1.0), s(f32::NAN), 0], NAN32);
    bits("max.f32 %f4, %f1, %f2;", [s(-0.0), s(0.0), 0], s(0.0));
    bits("min.f32 %f4, %f1, %f2;", [s(0.0), s(-0.0), 0], s(-0.0));
    bits("max.f64 %fd4, %fd1, %fd2;", [d(-1.0), d(-2.0), 0], d(-1.0));
    bits("max.f16 %rs4, %rs1, %rs2;", [h(1.0), h(2.0), 0], h(2.0));
    bits("min.NaN.bf16 %rs4, %rs1, %rs2;", [b(1.0), b(f32::NAN), 0], 0x7fff);
    bits("max.f16x2 %r4, %r1, %r2;", [h(1.0) << 16 | h(5.0), h(2.0) << 16 | h(4.0), 0], h(2.0) << 16 | h(5.0));
}

#[test]
fn half_precision() {
    bits("add.f16 %rs4, %rs1, %rs2;", [h(1.5), h(2.25), 0], h(3.75));
    bits("mul.f16 %rs4, %rs1, %rs2;", [h(300.0), h(300.0), 0], h(f32::INFINITY));
    bits("fma.rn.f16 %rs4, %rs1, %rs2, %rs3;", [h(3.0), h(5.0), h(-14.0)], h(1.0));
    bits("fma.rn.bf16 %rs4, %rs1, %rs2, %rs3;", [b(3.0), b(5.0), b(-14.0)], b(1.0));
    // Half of a last place above an even number, and a little more from far below.
    bits("fma.rn.f16 %rs4, %rs1, %rs2, %rs3;", [h(1.0), 1, h(1.0)], h(1.0));
    let one_and_half = [0x3c01, 0x1001, h(1.0)];
    let exact = f64::from(f16::from_bits(0x3c01)) * f64::from(f16::from_bits(0x1001)) + 1.0;
    bits("fma.rn.f16 %rs4, %rs1, %rs2, %rs3;", one_and_half, u64::from(f16::from_f64(exact).to_bits()));
    bits(
        "fma.rn.f16x2 %r4, %r1, %r2, %r3;",
        [h(2.0) << 16 | h(3.0), h(4.0) << 16 | h(5.0), h(1.0)],
        h(8.0) << 16 | h(16.0),
    );
    bits("fma.rn.relu.f16 %rs4, %rs1, %rs2, %rs3;", [h(1.0), h(-2.0), h(1.0)], 0);
    bits("neg.bf16 %rs4, %rs1;", [b(1.0), 0, 0], b(-1.0));
    bits("abs.f16x2 %r4, %r1;", [h(-1.0) << 16 | h(-2.0), 0, 0], h(1.0) << 16 | h(2.0));
    bits("set.eq.f16.f16 %rs4, %rs1, %rs2;", [h(1.0), h(1.0), 0], h(1.0));
    bits("set.gt.bf16x2.bf16x2 %r4, %r1, %r2;", [b(1.0) << 16 | b(3.0), b(2.0) << 16 | b(2.0), 0], b(1.0));
    bits("set.gt.u32.f32 %r4, %f1, %f2;", [s(2.0), s(1.0), 0], 0xffff_ffff);
    bits("setp.lt.f16x2 %p1|%p2, %r1, %r2;", [h(1.0) << 16 | h(3.0), h(2.0) << 16 | h(2.0), 0], 2);
    bits("ex2.approx.f16 %rs4, %rs1;", [h(3.0), 0, 0], h(8.0));
    bits("tanh.approx.bf16 %rs4, %rs1;", [b(0.0), 0, 0], b(0.0));
}

#[test]
fn comparisons() {
    let nan = [s(f32::NAN), s(1.0), 0];
    for (name, less, equal, greater, unordered) in [
        ("eq", 0, 1, 0, 0),
        ("ne", 1, 0, 1, 0),
        ("lt", 1, 0, 0, 0),
        ("le", 1, 1, 0, 0),
        ("gt", 0, 0, 1, 0),
        ("ge", 0, 1, 1, 0),
        ("equ", 0, 1, 0, 1),
        ("neu", 1, 0, 1, 1),
        ("ltu", 1, 0, 0, 1),
        ("leu", 1, 1, 0, 1),
        ("gtu", 0, 0, 1, 1),
        ("geu", 0, 1, 1, 1),
        ("num", 1, 1, 1, 0),
        ("nan", 0, 0, 0, 1),
    ] {
        let code = format!("setp.{name}.f32 %p1, %f1, %f2;");
        bits(&code, [s(1.0), s(2.0), 0], less);
        bits(&code, [s(2.0), s(2.0), 0], equal);
        bits(&code, [s(3.0), s(2.0), 0], greater);
        bits(&code, nan, unordered);
    }
    bits("setp.lt.s32 %p1|%p2, %r1, %r2;", [0xffff_ffff, 0, 0], 1);
    bits("setp.lt.u32 %p1|%p2, %r1, %r2;", [0xffff_ffff, 0, 0], 2);
    bits("setp.hi.u32 %p1, %r1, %r2;", [0xffff_ffff, 0, 0], 1);
    bits("setp.ne.s32 %p2, 1, 0; setp.lt.and.s32 %p1, %r1, %r2, %p2;", [0, 1, 0], 3);
    bits("setp.ne.s32 %p2, 1, 0; setp.lt.and.s32 %p1, %r1, %r2, !%p2;", [0, 1, 0], 2);
    bits("setp.ne.s32 %p2, 1, 0; setp.lt.xor.s32 %p1, %r1, %r2, %p2;", [0, 1, 0], 2);
    bits("setp.eq.ftz.f32 %p1, %f1, %f2;", [s(1e-40), 0, 0], 1);
    bits("setp.gt.f64 %p1, %fd1, %fd2;", [d(1.0), d(0.5), 0], 1);
    bits("setp.le.f16 %p1, %rs1, %rs2;", [h(1.0), h(1.0), 0], 1);
    bits("setp.ge.s16 %p1, %rs1, %rs2;", [0xffff, 0, 0], 0);
    bits("testp.finite.f32 %p1, %f1;", [s(f32::INFINITY), 0, 0], 0);
    bits("testp.subnormal.f64 %p1, %fd1;", [1, 0, 0], 1);
    bits("slct.s32.f32 %r4, %r1, %r2, %f3;", [5, 6, s(-1.0)], 6);
    bits("slct.u32.s32 %r4, %r1, %r2, %r3;", [5, 6, 0], 5);
}

#[test]
fn conversions() {
    bits("cvt.u32.u8 %r4, %rs1;", [0x1ff, 0, 0], 0xff);
    bits("cvt.s32.s8 %r4, %r1;", [0x80, 0, 0], 0xffff_ff80);
    bits("cvt.s16.s8 %rs4, %rs1;", [0x80, 0, 0], 0xff80);
    bits("cvt.s64.s32 %rd4, %r1;", [0x8000_0000, 0, 0], 0xffff_ffff_8000_0000);
    bits("cvt.u64.u32 %rd4, %r1;", [0xffff_ffff, 0, 0], 0xffff_ffff);
    bits("cvt.sat.u8.s32 %r4, %r1;", [0xffff_fff0, 0, 0], 0);
    bits("cvt.sat.s8.s32 %r4, %r1;", [300, 0, 0], 127);
    bits("cvt.rni.s32.f32 %r4, %f1;", [s(2.5), 0, 0], 2);
    bits("cvt.rzi.s32.f32 %r4, %f1;", [s(-2.9), 0, 0], (-2i32) as u32 as u64);
    bits("cvt.rmi.s32.f32 %r4, %f1;", [s(-2.1), 0, 0], (-3i32) as u32 as u64);
    bits("cvt.rpi.s64.f64 %rd4, %fd1;", [d(2.1), 0, 0], 3);
    bits("cvt.rzi.u32.f32 %r4, %f1;", [s(-5.0), 0, 0], 0);
    bits("cvt.rzi.u32.f32 %r4, %f1;", [s(f32::NAN), 0, 0], 0);
    bits("cvt.rzi.s32.f32 %r4, %f1;", [s(1e20), 0, 0], 0x7fff_ffff);
    bits("cvt.rzi.u64.f64 %rd4, %fd1;", [d(1.8e19), 0, 0], 18_000_000_000_000_000_000);
    bits("cvt.rzi.u8.f32 %rs4, %f1;", [s(300.0), 0, 0], 255);
    bits("cvt.rni.f32.f32 %f4, %f1;", [s(3.5), 0, 0], s(4.0));
    bits("cvt.rmi.f64.f64 %fd4, %fd1;", [d(-0.5), 0, 0], d(-1.0));
    bits("cvt.rzi.f16.f16 %rs4, %rs1;", [h(-1.75), 0, 0], h(-1.0));
    bits("cvt.sat.f32.f32 %f4, %f1;", [s(1.5), 0, 0], s(1.0));
    bits("cvt.rn.f32.s64 %f4, %rd1;", [(1 << 24) + 1, 0, 0], s(16_777_216.0));
    bits("cvt.rp.f32.s64 %f4, %rd1;", [(1 << 24) + 1, 0, 0], s(16_777_218.0));
    bits("cvt.rz.f32.u32 %f4, %r1;", [0xffff_ffff, 0, 0], s(4_294_967_040.0));
    bits("cvt.rn.f32.u64 %f4, %rd1;", [u64::MAX, 0, 0], s(18_446_744_073_709_551_615.0));
    // Halfway between two numbers and one more: rounded once.
    bits("cvt.rn.f32.u64 %f4, %rd1;", [(1 << 60) + (1 << 36) + 1, 0, 0], s(((1u64 << 60) + (1 << 37)) as f32));
    bits("cvt.rn.f64.s64 %fd4, %rd1;", [(-3i64) as u64, 0, 0], d(-3.0));
    bits("cvt.rn.f64.u64 %fd4, %rd1;", [u64::MAX, 0, 0], d(18_446_744_073_709_551_615.0));
    bits("cvt.rn.f16.s32 %rs4, %r1;", [0xffff_fffd, 0, 0], h(-3.0));
    bits("cvt.rn.f32.f64 %f4, %fd1;", [d(1.0 + 1e-9), 0, 0], s(1.0));
    bits("cvt.rp.f32.f64 %f4, %fd1;", [d(1.0 + 1e-9), 0, 0], s(1.0f32.next_up()));
    bits("cvt.rn.f16.f32 %rs4, %f1;", [s(65520.0), 0, 0], h(f32::INFINITY));
    bits("cvt.rz.f16.f32 %rs4, %f1;", [s(65520.0), 0, 0], 0x7bff);
    bits("cvt.rn.f16.f64 %rs4, %fd1;", [d(1.0 + 0.000_488_281_25 + 1e-12), 0, 0], 0x3c01);
    bits("cvt.rn.bf16.f32 %rs4, %f1;", [s(f32::NAN), 0, 0], 0x7fff);
    bits("cvt.rn.relu.f16.f32 %rs4, %f1;", [s(-2.0), 0, 0], 0);
    bits("cvt.f32.bf16 %f4, %rs1;", [b(1.5), 0, 0], s(1.5));
    bits("cvt.f32.f16 %f4, %rs1;", [1, 0, 0], s(2f32.powi(-24)));
    bits("cvt.ftz.f32.f16 %f4, %rs1;", [1, 0, 0], s(2f32.powi(-24)));
    bits("cvt.ftz.f64.f32 %fd4, %f1;", [s(1e-40), 0, 0], 0);
    bits("cvt.rn.f16x2.f32 %r4, %f1, %f2;", [s(1.0), s(2.0), 0], h(1.0) << 16 | h(2.0));
    bits("cvt.rn.bf16x2.f32 %r4, %f1, %f2;", [s(1.0), s(2.0), 0], b(1.0) << 16 | b(2.0));
    bits("cvt.rn.satfinite.e4m3x2.f32 %rs4, %f1, %f2;", [s(1000.0), s(1.0), 0], 0x7e38);
    bits("cvt.rn.satfinite.e5m2x2.f32 %rs4, %f1, %f2;", [s(-2.0), s(1.25), 0], 0xc03d);
    bits("cvt.rn.f16x2.e4m3x2 %r4, %rs1;", [0x7e38, 0, 0], h(448.0) << 16 | h(1.0));
    bits("cvt.rna.tf32.f32 %r4, %f1;", [0x3f80_1000, 0, 0], 0x3f80_2000);
}

#[test]
fn parts_and_moves() {
    bits("mov.b64 {%r4, %r5}, %rd1;", [0x1111_2222_3333_4444, 0, 0], 0x3333_4444);
    bits("mov.b64 {_, %r4}, %rd1;", [0x1111_2222_3333_4444, 0, 0], 0x1111_2222);
    bits("mov.b32 %r4, {%rs1, %rs2};", [0x1111, 0x2222, 0], 0x2222_1111);
    bits("mov.b64 %rd4, {%r1, %r2};", [1, 2, 0], 0x2_0000_0001);
    bits("mov.b64 %rd4, {%rs1, %rs2, %rs3, 7};", [1, 2, 3], 0x0007_0003_0002_0001);
    bits("mov.b32 %f4, {0, %rs1};", [b(1.5), 0, 0], s(1.5));
    bits("mov.f32 %f4, 0f40490FDB;", [0; 3], s(std::f32::consts::PI));
    bits("mov.f64 %fd4, 0d400921FB54442D18;", [0; 3], d(std::f64::consts::PI));
    bits("mov.f32 %f4, 1.5;", [0; 3], s(1.5));
    bits(".reg .b128 q; mov.b128 q, {%rd1, %rd2}; mov.b128 {%rd5, %rd4}, q;", [5, 6, 0], 6);
}

/// Parts of an instruction's block have registers of their own.
#[test]
fn scopes() {
    let code = "{ .reg .b32 %r4; .reg .b32 t, u; mov.u32 %r4, 9; mov.u32 t, 1; { .reg .b32 t; mov.u32 t, 2; } mov.u32 %r5, t; }
        mov.u32 %r4, %r5;";
    bits(code, [0; 3], 1);
}
