"""Short programs: `python -m candle_ffi.examples.digits` and the others."""
