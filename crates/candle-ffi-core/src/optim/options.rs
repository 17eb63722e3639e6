//! The options of an optimizer: a structure of numbers and switches, with their names, defaults and domains.

use crate::{Error, Result};

/// What an option may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// Every number.
    Any,
    /// 0 or more.
    NonNegative,
    /// At least 0 and less than 1.
    BelowOne,
    /// From 0 to 1.
    UpToOne,
    /// More than 0 and less than 1.
    Fraction,
    /// More than 1.
    AboveOne,
    /// Off or on.
    Switch,
}

impl Domain {
    /// Fails for a number outside the domain, with the name of the option. NaN is in no domain but `Any`.
    pub(super) fn check(self, name: &str, value: f64) -> Result<()> {
        let (inside, must) = match self {
            Self::Any | Self::Switch => (true, ""),
            Self::NonNegative => (value >= 0.0, "not be negative"),
            Self::BelowOne => ((0.0..1.0).contains(&value), "be at least 0 and less than 1"),
            Self::UpToOne => ((0.0..=1.0).contains(&value), "be at least 0 and at most 1"),
            Self::Fraction => (value > 0.0 && value < 1.0, "be more than 0 and less than 1"),
            Self::AboveOne => (value > 1.0, "be more than 1"),
        };
        if inside { Ok(()) } else { Err(Error::argument(format!("{name} must {must}, and is {value}"))) }
    }
}

/// The options of an optimizer, reached by their names too. Switches are 0 and 1 there.
pub trait Options: Copy + Default + Send + 'static {
    /// The names, in PyTorch's order.
    const NAMES: &'static [&'static str];

    /// The option of a name.
    fn get(&self, name: &str) -> Option<f64>;

    /// Sets the option of a name, and says whether there is one.
    fn set(&mut self, name: &str, value: f64) -> bool;

    /// Fails for an option outside its domain.
    fn check(&self) -> Result<()>;
}

/// An option as a number.
pub(super) trait Value: Copy {
    fn to_number(self) -> f64;
    fn from_number(number: f64) -> Self;
}

impl Value for f64 {
    fn to_number(self) -> f64 {
        self
    }
    fn from_number(number: f64) -> Self {
        number
    }
}

impl Value for bool {
    fn to_number(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn from_number(number: f64) -> Self {
        number != 0.0
    }
}

/// Declares a structure of options: `name: Domain = default`.
macro_rules! options {
    (@type Switch) => { bool };
    (@type $domain:ident) => { f64 };
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $domain:ident = $default:expr,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            $($(#[$doc])* pub $field: $crate::optim::options::options!(@type $domain),)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::optim::Options for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            fn get(&self, name: &str) -> Option<f64> {
                use $crate::optim::options::Value;
                match name {
                    $(stringify!($field) => Some(self.$field.to_number()),)*
                    _ => None,
                }
            }

            fn set(&mut self, name: &str, value: f64) -> bool {
                use $crate::optim::options::Value;
                match name {
                    $(stringify!($field) => self.$field = Value::from_number(value),)*
                    _ => return false,
                }
                true
            }

            fn check(&self) -> $crate::Result<()> {
                use $crate::optim::options::{Domain, Value};
                $(Domain::$domain.check(stringify!($field), self.$field.to_number())?;)*
                Ok(())
            }
        }
    };
}

pub(super) use options;
