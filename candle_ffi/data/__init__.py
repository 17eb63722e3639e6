"""Data: datasets, samplers, and the loader that makes batches of them."""

from __future__ import annotations

from candle_ffi.data.batch_sampler import BatchSampler
from candle_ffi.data.collate import default_collate, default_convert
from candle_ffi.data.concat import ChainDataset, ConcatDataset
from candle_ffi.data.dataset import Dataset, IterableDataset
from candle_ffi.data.idx import read_idx
from candle_ffi.data.image_folder import ImageFolder
from candle_ffi.data.loader import DataLoader
from candle_ffi.data.sampler import (
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
)
from candle_ffi.data.subset import Subset, random_split
from candle_ffi.data.tensor_dataset import TensorDataset
from candle_ffi.data.weighted_sampler import WeightedRandomSampler
from candle_ffi.data.worker_info import WorkerInfo, get_worker_info

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "ImageFolder",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "WorkerInfo",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
    "read_idx",
]
