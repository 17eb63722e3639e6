//! The order in which blocks and warps take their turns, and races between blocks.
mod calls;
mod common;

use calls::run;
use common::{Device, Parameters};

const KERNELS: &str = "
.version 8.0
.target sm_80
.address_size 64

// log[ticket] = block * 8 + warp, by the first lane of each warp; with a barrier, twice.
.visible .entry turns(.param .u64 counter, .param .u64 log, .param .u32 twice)
{
    .reg .pred %p<3>;
    .reg .b32 %r<9>;
    .reg .b64 %rd<5>;
    ld.param.u64 %rd1, [counter];
    ld.param.u64 %rd2, [log];
    ld.param.u32 %r8, [twice];
    mov.u32 %r1, %tid.x;
    mov.u32 %r2, %ctaid.x;
    shr.u32 %r3, %r1, 5;
    and.b32 %r4, %r1, 31;
    mad.lo.u32 %r5, %r2, 8, %r3;
    setp.ne.u32 %p1, %r4, 0;
    setp.eq.u32 %p2, %r8, 0;
AGAIN:
    @%p1 bra NEXT;
    atom.global.add.u32 %r6, [%rd1], 1;
    mul.wide.u32 %rd3, %r6, 4;
    add.s64 %rd4, %rd2, %rd3;
    st.global.u32 [%rd4], %r5;
NEXT:
    bar.sync 0;
    @%p2 bra END;
    setp.eq.u32 %p2, %r1, %r1;
    bra AGAIN;
END:
    ret;
}

// x[block / share] = block * factor
.visible .entry write(.param .u64 x, .param .u32 share, .param .u32 factor)
{
    .reg .b32 %r<6>;
    .reg .b64 %rd<4>;
    ld.param.u64 %rd1, [x];
    ld.param.u32 %r1, [share];
    ld.param.u32 %r2, [factor];
    mov.u32 %r3, %ctaid.x;
    div.u32 %r4, %r3, %r1;
    mul.wide.u32 %rd2, %r4, 4;
    add.s64 %rd3, %rd1, %rd2;
    mul.lo.u32 %r5, %r3, %r2;
    st.global.u32 [%rd3], %r5;
    ret;
}

// x[block] = x[block + distance] + 1
.visible .entry shift(.param .u64 x, .param .u32 distance)
{
    .reg .b32 %r<6>;
    .reg .b64 %rd<6>;
    ld.param.u64 %rd1, [x];
    ld.param.u32 %r1, [distance];
    mov.u32 %r2, %ctaid.x;
    add.u32 %r3, %r1, %r2;
    mul.wide.u32 %rd2, %r2, 4;
    add.s64 %rd3, %rd1, %rd2;
    mul.wide.u32 %rd4, %r3, 4;
    add.s64 %rd5, %rd1, %rd4;
    ld.global.u32 %r4, [%rd5];
    add.u32 %r5, %r4, 1;
    st.global.u32 [%rd3], %r5;
    ret;
}

// x[0] += 1, and with `plain` the first block writes it too
.visible .entry count(.param .u64 x, .param .u32 plain)
{
    .reg .pred %p<2>;
    .reg .b32 %r<4>;
    .reg .b64 %rd<2>;
    ld.param.u64 %rd1, [x];
    ld.param.u32 %r1, [plain];
    mov.u32 %r2, %ctaid.x;
    ld.global.u32 %r3, [%rd1];
    red.global.add.u32 [%rd1], 1;
    add.u32 %r2, %r2, %r1;
    setp.ne.u32 %p1, %r2, 1;
    @%p1 bra END;
    st.global.u32 [%rd1], 77;
END:
    ret;
}
";

/// The order of the warps of some blocks, told by themselves.
fn turns(blocks: u32, warps: u32, twice: bool) -> Vec<u32> {
    let mut device = Device::default();
    let module = device.load(KERNELS);
    let number = (blocks * warps) as usize * (1 + usize::from(twice));
    let (counter, log) = (device.with(&[0_u32]), device.empty(4 * number));
    let parameters = Parameters::new().and(counter).and(log).and(u32::from(twice));
    device.run(&module, "turns", blocks, 32 * warps, &parameters).unwrap_or_else(|fault| panic!("{fault}"));
    device.read(log, number)
}

#[test]
#[ignore = "run by another test"]
fn case_ascending() {
    assert_eq!(turns(3, 1, false), [0, 8, 16]);
    assert_eq!(turns(1, 3, true), [0, 1, 2, 0, 1, 2]);
}

#[test]
#[ignore = "run by another test"]
fn case_descending() {
    assert_eq!(turns(3, 1, false), [16, 8, 0]);
    assert_eq!(turns(1, 3, true), [2, 1, 0, 2, 1, 0]);
}

#[test]
#[ignore = "run by another test"]
fn case_shuffled() {
    let orders = [turns(8, 1, false), turns(8, 1, false), turns(8, 1, false)];
    for order in &orders {
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, [0, 8, 16, 24, 32, 40, 48, 56]);
    }
    assert!(orders[0] != orders[1] || orders[1] != orders[2], "each launch has an order of its own");
    let rounds = turns(1, 8, true);
    assert!(rounds[..8] != rounds[8..], "each turn has an order of its own: {rounds:?}");
}

#[test]
fn blocks_and_warps_take_turns_in_any_order() {
    run("case_ascending", &[("CUDA_EMULATOR_ORDER", "")]);
    run("case_descending", &[("CUDA_EMULATOR_ORDER", "reverse")]);
    run("case_shuffled", &[("CUDA_EMULATOR_ORDER", "7")]);
}

/// The message of a kernel that eight blocks run on eight numbers and one more, if it fails.
fn failure(name: &str, parameters: impl Fn(Parameters) -> Parameters) -> Option<String> {
    let mut device = Device::default();
    let module = device.load(KERNELS);
    let x = device.with(&[0_u32; 9]);
    device.run(&module, name, 8, 1, &parameters(Parameters::new().and(x))).err().map(|fault| fault.message)
}

#[test]
#[ignore = "run by another test"]
fn case_races_are_found() {
    let race = |name: &str, parameters: &dyn Fn(Parameters) -> Parameters| {
        failure(name, parameters).is_some_and(|message| message.contains("a race between blocks"))
    };
    assert!(!race("write", &|x| x.and(1_u32).and(3_u32)), "each has its own place");
    assert!(race("write", &|x| x.and(2_u32).and(3_u32)), "two have one place");
    assert!(!race("write", &|x| x.and(8_u32).and(0_u32)), "all write what is there");
    assert!(!race("shift", &|x| x.and(0_u32)), "each reads what it writes itself");
    assert!(race("shift", &|x| x.and(1_u32)), "each reads what another one writes");
    assert!(!race("count", &|x| x.and(99_u32)), "all add");
    assert!(race("count", &|x| x.and(1_u32)), "all add but one");
}

#[test]
#[ignore = "run by another test"]
fn case_races_are_not_looked_for() {
    assert_eq!(failure("shift", |x| x.and(1_u32)), None);
}

#[test]
fn races_between_blocks_are_found() {
    run("case_races_are_found", &[("CUDA_EMULATOR_RACES", "all")]);
    run("case_races_are_found", &[("CUDA_EMULATOR_RACES", "all"), ("CUDA_EMULATOR_ORDER", "reverse")]);
    run("case_races_are_not_looked_for", &[("CUDA_EMULATOR_RACES", "1")]);
}
