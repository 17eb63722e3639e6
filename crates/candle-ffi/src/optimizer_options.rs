//! Options of optimizers.

use candle_ffi_core::optim;

/// A member of a structure of options, and what core has in its place.
trait Member<T> {
    fn to_core(self) -> T;
    fn of_core(value: T) -> Self;
}

impl Member<f64> for f64 {
    fn to_core(self) -> f64 {
        self
    }
    fn of_core(value: f64) -> Self {
        value
    }
}

impl Member<f64> for i64 {
    fn to_core(self) -> f64 {
        self as f64
    }
    fn of_core(value: f64) -> Self {
        value as Self
    }
}

impl Member<bool> for i32 {
    fn to_core(self) -> bool {
        self != 0
    }
    fn of_core(value: bool) -> Self {
        value.into()
    }
}

/// Ties a structure of options to core's, which has the defaults.
macro_rules! options_of {
    ($name:ident, $core:ident { $($member:ident),* } $($reserved:ident)?) => {
        impl Default for $name {
            fn default() -> Self {
                let core = optim::$core::default();
                Self {
                    struct_size: size_of::<Self>(),
                    $($member: Member::of_core(core.$member),)*
                    $($reserved: 0,)?
                }
            }
        }

        impl From<$name> for optim::$core {
            fn from(options: $name) -> Self {
                Self { $($member: options.$member.to_core()),* }
            }
        }
    };
}

/// Options of `candle_sgd_new`; begin with `CANDLE_SGD_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleSgdOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleSgdOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-3`.
    pub lr: f64,
    /// How much of the last direction remains. Default: `0.0`.
    pub momentum: f64,
    /// How much of the gradient is left out of the momentum. Default: `0.0`.
    pub dampening: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// 1 for Nesterov's momentum. Default: `0`.
    pub nesterov: i32,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
}

options_of!(CandleSgdOptions, SgdOptions { lr, momentum, dampening, weight_decay, nesterov, maximize });

/// Options of `candle_adam_new`; begin with `CANDLE_ADAM_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleAdamOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleAdamOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-3`.
    pub lr: f64,
    /// How much of the average of gradients remains. Default: `0.9`.
    pub beta1: f64,
    /// How much of the average of squared gradients remains. Default: `0.999`.
    pub beta2: f64,
    /// What is added to the denominator. Default: `1e-8`.
    pub eps: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// 1 to divide by the largest average of squares so far. Default: `0`.
    pub amsgrad: i32,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
    /// 1 to let the weights decay on their own, as AdamW does. Default: `0`.
    pub decoupled_weight_decay: i32,
    /// Not used. Default: `0`.
    pub reserved: i32,
}

options_of!(
    CandleAdamOptions,
    AdamOptions { lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay } reserved);

/// Options of `candle_adamw_new`; begin with `CANDLE_ADAMW_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleAdamwOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleAdamwOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-3`.
    pub lr: f64,
    /// How much of the average of gradients remains. Default: `0.9`.
    pub beta1: f64,
    /// How much of the average of squared gradients remains. Default: `0.999`.
    pub beta2: f64,
    /// What is added to the denominator. Default: `1e-8`.
    pub eps: f64,
    /// How fast the weights decay. Default: `1e-2`.
    pub weight_decay: f64,
    /// 1 to divide by the largest average of squares so far. Default: `0`.
    pub amsgrad: i32,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
}

options_of!(CandleAdamwOptions, AdamwOptions { lr, beta1, beta2, eps, weight_decay, amsgrad, maximize });

/// Options of `candle_adamax_new`; begin with `CANDLE_ADAMAX_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleAdamaxOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleAdamaxOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `2e-3`.
    pub lr: f64,
    /// How much of the average of gradients remains. Default: `0.9`.
    pub beta1: f64,
    /// How much of the largest gradient remains. Default: `0.999`.
    pub beta2: f64,
    /// What is added to the magnitude of the gradient. Default: `1e-8`.
    pub eps: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
    /// Not used. Default: `0`.
    pub reserved: i32,
}

options_of!(CandleAdamaxOptions, AdamaxOptions { lr, beta1, beta2, eps, weight_decay, maximize } reserved);

/// Options of `candle_nadam_new`; begin with `CANDLE_NADAM_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleNadamOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleNadamOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `2e-3`.
    pub lr: f64,
    /// How much of the average of gradients remains. Default: `0.9`.
    pub beta1: f64,
    /// How much of the average of squared gradients remains. Default: `0.999`.
    pub beta2: f64,
    /// What is added to the denominator. Default: `1e-8`.
    pub eps: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// How fast the momentum rises to `beta1`. Default: `4e-3`.
    pub momentum_decay: f64,
    /// 1 to let the weights decay on their own, as AdamW does. Default: `0`.
    pub decoupled_weight_decay: i32,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
}

options_of!(
    CandleNadamOptions,
    NadamOptions { lr, beta1, beta2, eps, weight_decay, momentum_decay, decoupled_weight_decay, maximize }
);

/// Options of `candle_radam_new`; begin with `CANDLE_RADAM_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleRadamOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleRadamOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-3`.
    pub lr: f64,
    /// How much of the average of gradients remains. Default: `0.9`.
    pub beta1: f64,
    /// How much of the average of squared gradients remains. Default: `0.999`.
    pub beta2: f64,
    /// What is added to the denominator. Default: `1e-8`.
    pub eps: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// 1 to let the weights decay on their own, as AdamW does. Default: `0`.
    pub decoupled_weight_decay: i32,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
}

options_of!(CandleRadamOptions, RadamOptions { lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay, maximize });

/// Options of `candle_rmsprop_new`; begin with `CANDLE_RMSPROP_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleRmspropOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleRmspropOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-2`.
    pub lr: f64,
    /// How much of the average of squared gradients remains. Default: `0.99`.
    pub alpha: f64,
    /// What is added to the denominator. Default: `1e-8`.
    pub eps: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// How much of the last direction remains. Default: `0.0`.
    pub momentum: f64,
    /// 1 to divide by the deviation of the gradients from their average. Default: `0`.
    pub centered: i32,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
}

options_of!(CandleRmspropOptions, RmspropOptions { lr, alpha, eps, weight_decay, momentum, centered, maximize });

/// Options of `candle_adagrad_new`; begin with `CANDLE_ADAGRAD_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleAdagradOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleAdagradOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-2`.
    pub lr: f64,
    /// How fast the learning rate falls: it is `lr / (1 + (t - 1) · lr_decay)` in step `t`. Default: `0.0`.
    pub lr_decay: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// What the sum of squared gradients starts with. Default: `0.0`.
    pub initial_accumulator_value: f64,
    /// What is added to the denominator. Default: `1e-10`.
    pub eps: f64,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
    /// Not used. Default: `0`.
    pub reserved: i32,
}

options_of!(
    CandleAdagradOptions,
    AdagradOptions { lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize } reserved);

/// Options of `candle_adadelta_new`; begin with `CANDLE_ADADELTA_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleAdadeltaOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleAdadeltaOptions)`.
    pub struct_size: usize,
    /// The factor of the step. Default: `1.0`.
    pub lr: f64,
    /// How much of the averages of squares remains. Default: `0.9`.
    pub rho: f64,
    /// What is added to the averages. Default: `1e-6`.
    pub eps: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
    /// Not used. Default: `0`.
    pub reserved: i32,
}

options_of!(CandleAdadeltaOptions, AdadeltaOptions { lr, rho, eps, weight_decay, maximize } reserved);

/// Options of `candle_asgd_new`; begin with `CANDLE_ASGD_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleAsgdOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleAsgdOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-2`.
    pub lr: f64,
    /// How fast the weights decay and the rate falls. Default: `1e-4`.
    pub lambd: f64,
    /// The power of the fall of the rate. Default: `0.75`.
    pub alpha: f64,
    /// The step from which on the parameters are averaged. Default: `1e6`.
    pub t0: f64,
    /// The factor of the L2 penalty. Default: `0.0`.
    pub weight_decay: f64,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
    /// Not used. Default: `0`.
    pub reserved: i32,
}

options_of!(CandleAsgdOptions, AsgdOptions { lr, lambd, alpha, t0, weight_decay, maximize } reserved);

/// Options of `candle_rprop_new`; begin with `CANDLE_RPROP_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleRpropOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleRpropOptions)`.
    pub struct_size: usize,
    /// The size of the first step. Default: `1e-2`.
    pub lr: f64,
    /// What a step is multiplied with where the gradient has turned. Default: `0.5`.
    pub etaminus: f64,
    /// What a step is multiplied with where it has not. Default: `1.2`.
    pub etaplus: f64,
    /// The smallest step. Default: `1e-6`.
    pub step_size_min: f64,
    /// The largest step. Default: `50.0`.
    pub step_size_max: f64,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
    /// Not used. Default: `0`.
    pub reserved: i32,
}

options_of!(CandleRpropOptions, RpropOptions { lr, etaminus, etaplus, step_size_min, step_size_max, maximize } reserved);

/// Options of `candle_lion_new`; begin with `CANDLE_LION_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleLionOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleLionOptions)`.
    pub struct_size: usize,
    /// The learning rate. Default: `1e-4`.
    pub lr: f64,
    /// How much of the average of gradients enters the step. Default: `0.9`.
    pub beta1: f64,
    /// How much of the average of gradients remains. Default: `0.99`.
    pub beta2: f64,
    /// How fast the weights decay. Default: `0.0`.
    pub weight_decay: f64,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
    /// Not used. Default: `0`.
    pub reserved: i32,
}

options_of!(CandleLionOptions, LionOptions { lr, beta1, beta2, weight_decay, maximize } reserved);

/// Options of `candle_lbfgs_new`; begin with `CANDLE_LBFGS_OPTIONS_INIT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CandleLbfgsOptions {
    /// The size of the structure that the caller knows. Default: `sizeof(CandleLbfgsOptions)`.
    pub struct_size: usize,
    /// The learning rate; the first length that a line search tries. Default: `1.0`.
    pub lr: f64,
    /// The most iterations of a step. Default: `20`.
    pub max_iter: i64,
    /// The most evaluations of the loss in a step; below 0, five quarters of `max_iter`. Default: `-1`.
    pub max_eval: i64,
    /// The step ends where no element of the gradient is larger. Default: `1e-7`.
    pub tolerance_grad: f64,
    /// The step ends where neither loss nor parameters change more. Default: `1e-9`.
    pub tolerance_change: f64,
    /// How many past iterations are remembered. Default: `100`.
    pub history_size: i64,
    /// 1 to look for a step length that meets the strong Wolfe conditions. Default: `0`.
    pub line_search_fn: i32,
    /// 1 to climb instead of descend. Default: `0`.
    pub maximize: i32,
}

options_of!(
    CandleLbfgsOptions,
    LbfgsOptions { lr, max_iter, max_eval, tolerance_grad, tolerance_change, history_size, line_search_fn, maximize }
);
