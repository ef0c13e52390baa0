"""In which partition keys live, as the hub's producers and every JVM client place them: by murmur2. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from aiokafka.partitioner import murmur2 as murmur2_of_one  # type: ignore[import-untyped]

_SEED, _FACTOR = np.uint32(0x9747B28C), np.uint32(0x5BD1E995)
_POSITIVE = 0x7FFFFFFF
_WORD = 4
HashWords = npt.NDArray[np.uint32]


def partition_of(key: str | bytes, partitions: int) -> int:
    """The partition of a record with this key in a topic of so many. The key is not empty: those without go anywhere."""
    raw = key.encode() if isinstance(key, str) else key
    return int(murmur2_of_one(raw) & _POSITIVE) % partitions


def partitions_of(keys: pa.Array, partitions: int) -> npt.NDArray[np.int64]:
    """The same of a column of text or binary without nulls: int64, shape (n,)."""
    return (murmur2(keys) & np.uint32(_POSITIVE)).astype(np.int64) % partitions


def murmur2(keys: pa.Array) -> HashWords:
    """uint32, shape (n,). Word by word of all keys at a time."""
    binary = keys.cast(pa.large_binary())
    lengths = pc.binary_length(binary).to_numpy().astype(np.int64)
    words, whole = _words(binary, lengths), lengths // _WORD
    hashed: HashWords = _SEED ^ lengths.astype(np.uint32)
    in_all = int(whole.min()) if len(keys) else 0
    for at in range(int(whole.max(initial=0))):
        mixed = words[at] * _FACTOR
        mixed ^= mixed >> np.uint32(24)
        mixed *= _FACTOR
        mixed ^= hashed * _FACTOR
        hashed = mixed if at < in_all else np.where(at < whole, mixed, hashed)
    tail = words[whole, np.arange(len(keys))]
    hashed = np.where(lengths % _WORD > 0, (hashed ^ tail) * _FACTOR, hashed)
    hashed ^= hashed >> np.uint32(13)
    hashed *= _FACTOR
    hashed ^= hashed >> np.uint32(15)
    return hashed


def _words(keys: Any, lengths: npt.NDArray[np.int64]) -> HashWords:
    """Shape (words, n): each key as little-endian words with zeros behind its end, one more than the longest has whole."""
    width = (int(lengths.max(initial=0)) // _WORD + 1) * _WORD
    # a kernel for text that counts bytes is what pads binary fastest
    padded = pc.ascii_rpad(keys.view(pa.large_string()), width, "\0")
    raw = np.frombuffer(padded.buffers()[2] or b"", np.uint8, count=width * len(keys))
    return np.ascontiguousarray(raw.reshape(len(keys), width).view("<u4").T)
