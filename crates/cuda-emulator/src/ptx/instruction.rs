//! The decoded form: what the machine runs.

use super::types::{Comparison, Logic, Mode, Space, Type};

/// A place in a warp's register file: one value for each of its 32 lanes, side by side; of a predicate, one bit each.
///
/// The number is an offset in bytes. Only the assembler makes slots, and the file is as long as its last slot needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot(pub(super) u32);

impl Slot {
    #[inline(always)]
    pub(crate) fn offset(self) -> usize {
        self.0 as usize
    }
}

/// A slot and the bytes of a value in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    pub(crate) size: u8,
}

/// An operation, for the lanes that its guard lets through.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) guard: Option<Guard>,
    pub(crate) operation: Operation,
    pub(crate) line: u32,
}

/// A predicate, taken as it is or the other way round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    pub(crate) slot: Slot,
    pub(crate) negated: bool,
}

/// Of two integers of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integer2 {
    Add,
    Sub,
    MulLow,
    MulHigh,
    /// The result has twice the size.
    MulWide,
    Div,
    Rem,
    Min,
    Max,
    And,
    Or,
    Xor,
    /// The second operand is a `u32`.
    ShiftLeft,
    ShiftRight,
    /// The sum and difference that stop at the ends of the type.
    AddSaturating,
    SubSaturating,
}

/// Which half of the product a multiply-add takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Low,
    High,
    Wide,
}

/// Operations on bits and integers that are rare; each operand has the size that [`Operation::Bits`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bits {
    Not,
    Negate,
    Absolute,
    CountNotInverted,
    Population,
    LeadingZeros,
    Reverse,
    /// `bfe`.
    Extract,
    /// `bfi`.
    Insert,
    /// `bfind`, and the distance to the left edge in its second form.
    FindLeading,
    FindLeadingShift,
    /// `prmt` and its modes.
    Permute(Permute),
    /// `lop3` with its table.
    Table(u8),
    /// `shf.l` and `shf.r`: two words as one; the flag says that the distance wraps.
    FunnelLeft(bool),
    FunnelRight(bool),
    /// `szext`, `bmsk`.
    Mask,
    /// `sad`.
    AbsoluteDifference,
    /// `mul24.lo`, `mad24.lo`.
    Mul24,
    Mad24,
    /// `dp4a`: whether the first and the second operand are signed.
    Dot4(bool, bool),
    /// `dp2a`: the same, and whether the upper half of the second operand is taken.
    Dot2(bool, bool, bool),
    /// `fns`.
    FindNth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permute {
    Any,
    Forward4,
    Backward4,
    Replicate8,
    EdgeLeft,
    EdgeRight,
    Replicate16,
}

/// Of one floating-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float1 {
    Negate,
    Absolute,
    Root,
    ReciprocalRoot,
    Reciprocal,
    Exp2,
    Log2,
    Sine,
    Cosine,
    Tanh,
}

/// Of two floating-point numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float2 {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    /// The sign of the first with the value of the second.
    CopySign,
}

/// What `testp` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloatClass {
    Finite,
    Infinite,
    Number,
    NotANumber,
    Normal,
    Subnormal,
}

/// Where an access to memory begins: a register, if there is one, and a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Address {
    pub(crate) base: Option<Place>,
    pub(crate) offset: i64,
}

/// What an atomic operation does with the old value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Atomic {
    Add,
    Min,
    Max,
    And,
    Or,
    Xor,
    Exchange,
    CompareExchange,
    /// Up to the operand, then zero.
    Increment,
    /// Down, from zero to the operand.
    Decrement,
}

/// How `shfl` finds the lane it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shuffle {
    Up,
    Down,
    Butterfly,
    Index,
}

/// Operations for which the lanes of a warp meet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meeting {
    Shuffle {
        mode: Shuffle,
        to: Slot,
        valid: Option<Slot>,
        value: Slot,
        lane: Slot,
        clamp: Slot,
    },
    All {
        to: Slot,
        value: Guard,
    },
    Any {
        to: Slot,
        value: Guard,
    },
    Uniform {
        to: Slot,
        value: Guard,
    },
    Ballot {
        to: Slot,
        value: Guard,
    },
    MatchAny {
        to: Slot,
        value: Place,
    },
    MatchAll {
        to: Slot,
        same: Option<Slot>,
        value: Place,
    },
    Reduce {
        operation: Atomic,
        ty: Type,
        to: Slot,
        value: Slot,
    },
    Barrier,
    /// `mma.m16n8k16` of halves of this type, summed in `f32`.
    Multiply {
        ty: Type,
        to: [Slot; 4],
        a: [Slot; 4],
        b: [Slot; 2],
        c: [Slot; 4],
    },
    /// `ldmatrix`: one register for each 8×8 matrix.
    LoadMatrices {
        to: Box<[Slot]>,
        space: Space,
        address: Address,
        transposed: bool,
    },
}

impl Meeting {
    /// Whether all lanes of the warp have to be at this very instruction (`.aligned`).
    pub(crate) fn is_aligned(&self) -> bool {
        matches!(self, Meeting::Multiply { .. } | Meeting::LoadMatrices { .. })
    }
}

/// How much of its source `cp.async` copies; zeros take the place of the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Taken {
    All,
    /// So many bytes.
    Bytes(Slot),
    /// Nothing where the predicate holds.
    Unless(Guard),
}

/// What a barrier of the block computes from the predicates of its threads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BarrierResult {
    None,
    Count { to: Slot, value: Guard },
    All { to: Slot, value: Guard },
    Any { to: Slot, value: Guard },
}

impl PartialEq for Guard {
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && self.negated == other.negated
    }
}

/// What an instruction does.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Nothing,
    Copy {
        size: u8,
        to: Slot,
        from: Slot,
    },
    CopyPredicate {
        to: Slot,
        from: Guard,
    },
    /// Parts, the lowest first, side by side.
    Pack {
        to: Place,
        parts: Box<[Place]>,
    },
    Unpack {
        parts: Box<[Option<Place>]>,
        from: Place,
    },
    Select {
        size: u8,
        to: Slot,
        a: Slot,
        b: Slot,
        choice: Guard,
    },
    /// `slct`: the sign of `c`, of this type, decides.
    SelectSign {
        size: u8,
        to: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
        ty: Type,
    },
    Integer2 {
        operation: Integer2,
        ty: Type,
        to: Slot,
        a: Slot,
        b: Slot,
    },
    MultiplyAdd {
        half: Half,
        ty: Type,
        to: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    /// Sums with a carry from the flag (`input`) and to it (`output`); `subtract` is for differences.
    AddCarry {
        ty: Type,
        subtract: bool,
        input: bool,
        output: bool,
        to: Slot,
        a: Slot,
        b: Slot,
    },
    MultiplyAddCarry {
        ty: Type,
        half: Half,
        input: bool,
        output: bool,
        to: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    Bits {
        operation: Bits,
        ty: Type,
        to: Place,
        operands: [Place; 4],
    },
    Logic {
        logic: Logic,
        to: Slot,
        a: Guard,
        b: Guard,
    },
    Compare {
        comparison: Comparison,
        ty: Type,
        flush: bool,
        to: Slot,
        otherwise: Option<Slot>,
        a: Slot,
        b: Slot,
        combine: Option<(Logic, Guard)>,
    },
    /// `set`: all ones, or the number one, of the type `result`.
    Set {
        comparison: Comparison,
        ty: Type,
        flush: bool,
        result: Type,
        to: Slot,
        a: Slot,
        b: Slot,
        combine: Option<(Logic, Guard)>,
    },
    Float1 {
        operation: Float1,
        ty: Type,
        mode: Mode,
        to: Slot,
        a: Slot,
    },
    Float2 {
        operation: Float2,
        ty: Type,
        mode: Mode,
        to: Slot,
        a: Slot,
        b: Slot,
    },
    FusedMultiplyAdd {
        ty: Type,
        mode: Mode,
        to: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    /// The larger or smaller of three.
    Float3 {
        operation: Float2,
        ty: Type,
        mode: Mode,
        to: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    TestFloat {
        class: FloatClass,
        ty: Type,
        to: Slot,
        a: Slot,
    },
    Convert {
        to_type: Type,
        from_type: Type,
        mode: Mode,
        to_integer: bool,
        to: Place,
        from: Place,
    },
    /// Two numbers into the halves of a register, `a` into the upper one.
    ConvertPair {
        to_type: Type,
        from_type: Type,
        mode: Mode,
        to: Place,
        a: Slot,
        b: Slot,
    },
    Load {
        space: Space,
        ty: Type,
        address: Address,
        to: Box<[Option<Place>]>,
    },
    Store {
        space: Space,
        ty: Type,
        address: Address,
        from: Box<[Place]>,
    },
    Atomic {
        space: Space,
        operation: Atomic,
        ty: Type,
        address: Address,
        to: Option<Slot>,
        value: Slot,
        compare: Slot,
    },
    /// `cp.async`: begins to copy so many bytes from global to shared memory.
    CopyAsync {
        size: u8,
        to: Address,
        from: Address,
        taken: Taken,
    },
    /// `cp.async.commit_group`
    CommitCopies,
    /// `cp.async.wait_group`: until no more groups than these are left; `cp.async.wait_all` without a number.
    WaitForCopies {
        left: Option<u32>,
    },
    /// Whether a generic address is in the space.
    IsSpace {
        space: Space,
        to: Slot,
        address: Place,
    },
    Branch {
        target: u32,
    },
    BranchTable {
        index: Slot,
        targets: Box<[u32]>,
    },
    Exit,
    Trap {
        message: Box<str>,
    },
    /// An assertion does not hold: where in the thread's own memory the parameters of the call are, which are the addresses
    /// of the text and of the file's name, and the line.
    Assertion {
        parameters: [u64; 3],
    },
    Barrier {
        id: Slot,
        threads: Option<Slot>,
        wait: bool,
        aligned: bool,
        result: BarrierResult,
    },
    /// For the lanes that the mask names; without a mask for those that are there.
    Meeting {
        meeting: Meeting,
        mask: Option<Slot>,
    },
    ActiveMask {
        to: Slot,
    },
    Clock {
        to: Place,
    },
}
