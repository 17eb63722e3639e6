"""The profiler: what was called, how long it took, and where the time went.

>>> import candle_ffi as cf
>>> from candle_ffi.profiler import profile, record_function
>>> with profile() as prof:
...     with record_function("product"):
...         y = cf.ones(64, 64) @ cf.ones(64, 64)
>>> [(event.key, event.count) for event in prof.key_averages() if event.key == "matmul"]
[('matmul', 1)]
>>> print(prof.key_averages().table(row_limit=3))  # doctest: +SKIP
"""

from candle_ffi.profiler.ranges import record_function
from candle_ffi.profiler.results import EventList, FunctionEvent, FunctionEventAvg, Summary
from candle_ffi.profiler.session import ProfilerActivity, profile
from candle_ffi.profiler.steps import ProfilerAction, schedule

__all__ = [
    "EventList",
    "FunctionEvent",
    "FunctionEventAvg",
    "ProfilerAction",
    "ProfilerActivity",
    "Summary",
    "profile",
    "record_function",
    "schedule",
]
