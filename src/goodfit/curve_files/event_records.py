"""The scalars in a TensorBoard event file, read without TensorBoard.

A file is a row of TFRecords (length as uint64, its checksum, the message, its checksum; little endian), each an `Event`
of protocol buffers. Few fields are needed: `Event` 2 step, 5 summary; `Summary` 1 value; `Value` 1 tag, 2 simple_value,
8 tensor; `TensorProto` 1 dtype, 2 shape, 4 tensor_content, 5 float_val, 6 double_val, 7 int_val, 10 int64_val.

Source: tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto, lib/io/record_writer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

VARINT, EIGHT_BYTES, COUNTED, FOUR_BYTES = 0, 1, 2, 5  # wire types
NUMBERS = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}  # TensorProto's dtypes that a scalar may have


class Scalar(NamedTuple):
    """A value of a series."""

    tag: str
    step: int
    value: float


def read_scalars(raw: bytes) -> list[Scalar]:
    """The scalars of an event file, in its order; a last record cut short, as by a killed training, is left out.

    Raises:
        ValueError: the bytes are no event file.
    """
    found: list[Scalar] = []
    at = 0
    while at + 12 <= len(raw):
        (size,) = struct.unpack_from("<Q", raw, at)
        start, end = at + 12, at + 12 + size
        if end + 4 > len(raw):
            if at == 0:
                raise ValueError("its first record is longer than the file")
            break
        found += _of_event(raw[start:end])
        at = end + 4
    return found


def _of_event(message: bytes) -> list[Scalar]:
    step, values = 0, []
    for number, got in _fields(message):
        if number == 2 and isinstance(got, int):
            step = got - (1 << 64) if got >> 63 else got
        elif number == 5 and isinstance(got, bytes):
            values += [_value(part) for field, part in _fields(got) if field == 1 and isinstance(part, bytes)]
    return [Scalar(tag, step, value) for tag, value in values if value is not None]


def _value(message: bytes) -> tuple[str, float | None]:
    """Tag and value of a summary; None where it is no scalar (a histogram, an image, a text)."""
    tag, value = "", None
    for number, got in _fields(message):
        if number == 1 and isinstance(got, bytes):
            tag = got.decode("utf-8", "replace")
        elif number == 2 and isinstance(got, bytes):
            value = float(np.frombuffer(got, "<f4")[0])
        elif number == 8 and isinstance(got, bytes):
            value = _tensor(got)
    return tag, value


def _tensor(message: bytes) -> float | None:
    """The value of a tensor of one number; None for any other."""
    dtype, numbers = 0, b""
    counted: list[int] = []
    for number, got in _fields(message):
        if number == 1 and isinstance(got, int):
            dtype = got
        elif number in (4, 5, 6) and isinstance(got, bytes):
            numbers += got
        elif number in (7, 10):
            counted += [got] if isinstance(got, int) else _varints(got)
    if dtype not in NUMBERS:
        return None
    if len(counted) == 1:
        return float(counted[0] - (1 << 64) if counted[0] >> 63 else counted[0])
    kind = np.dtype(NUMBERS[dtype])
    return float(np.frombuffer(numbers, kind)[0]) if len(numbers) == kind.itemsize else None


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field: an integer for a varint, else its bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            got, at = _varint(message, at)
            yield number, got
            continue
        if wire == COUNTED:
            size, at = _varint(message, at)
        elif wire in (EIGHT_BYTES, FOUR_BYTES):
            size = 8 if wire == EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of wire type {wire}")
        if at + size > len(message):
            raise ValueError("a field that is longer than its message")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number written in groups of seven bits, the lowest first; and where it ends."""
    number = shift = 0
    while at < len(message) and shift < 64 + 7:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return number, at
    raise ValueError("a number without an end")


def _varints(packed: bytes) -> list[int]:
    at, numbers = 0, []
    while at < len(packed):
        number, at = _varint(packed, at)
        numbers.append(number)
    return numbers
