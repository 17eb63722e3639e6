//! What every exported function has around it: a panic becomes an error, and the call can be printed.

use std::fmt::Arguments;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::settings::settings;

/// Prints a call with `CUDA_EMULATOR_TRACE=1`.
pub(crate) fn traced(name: &str, arguments: Arguments<'_>, outcome: i32) {
    eprintln!("cuda-emulator: {name}({arguments}) = {outcome}");
}

/// Says something that the caller did wrong, once for each occurrence.
pub(crate) fn report(text: Arguments<'_>) {
    eprintln!("cuda-emulator: {text}");
}

/// Runs the body of an exported function: its code, `0` when it succeeds, `on_panic` when it panics.
pub(crate) fn call<E: Into<i32>>(
    name: &str,
    on_panic: i32,
    body: impl FnOnce() -> Result<(), E>,
    arguments: Option<Arguments<'_>>,
) -> i32 {
    let outcome = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => error.into(),
        Err(_) => {
            report(format_args!("{name} panicked; this is a fault of the emulator"));
            on_panic
        }
    };
    if let Some(arguments) = arguments {
        traced(name, arguments, outcome);
    }
    outcome
}

/// Whether calls are printed.
pub(crate) fn tracing() -> bool {
    settings().trace
}

/// Defines exported functions: each body is a `Result<(), E>` whose error becomes the code that C sees.
macro_rules! exports {
    (panic = $on_panic:expr, error = $error:ty; $($(#[$attribute:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        $(#[$attribute])*
        #[doc = concat!("`", stringify!($name), "`.")]
        ///
        /// # Safety
        ///
        /// Pointers are null or what the CUDA documentation asks for.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> i32 {
            let body = || -> Result<(), $error> { $body };
            if $crate::driver::export_tracing() {
                let arguments: Vec<String> = vec![$(format!(concat!(stringify!($argument), " {:?}"), $argument)),*];
                $crate::driver::export_call(stringify!($name), $on_panic, body, Some(format_args!("{}", arguments.join(", "))))
            } else {
                $crate::driver::export_call(stringify!($name), $on_panic, body, None)
            }
        }
    )*};
    ($($rest:tt)*) => {
        $crate::driver::exports! { panic = 999, error = $crate::driver::Status; $($rest)* }
    };
}

pub(crate) use exports;
