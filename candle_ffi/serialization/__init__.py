"""What files are made of: trees of states, digests, replaced files, and the formats of others.

The functions for everyday use are `candle_ffi.save`, `candle_ffi.load` and `candle_ffi.checkpoint`.
"""

from __future__ import annotations

__all__: list[str] = []
