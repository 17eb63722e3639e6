"""Installing the C library and packing it: `python -m tools.install`, `python -m tools.dist`."""
