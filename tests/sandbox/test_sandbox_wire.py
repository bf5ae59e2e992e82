from __future__ import annotations

import datetime
import math
import os
from collections import Counter, OrderedDict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.sandbox.inside.wire import WireError, decode, encode, no_objects, no_references, read_frame, write_frame

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
)
HASHABLE = SCALARS | st.tuples(SCALARS, SCALARS) | st.frozensets(SCALARS)
DATA = st.recursive(
    HASHABLE | st.sets(HASHABLE),
    lambda inner: (
        st.lists(inner) | st.dictionaries(HASHABLE, inner) | st.tuples(inner, inner) | st.builds(deque, st.lists(inner))
    ),
    max_leaves=20,
)


def round_trip(value: Any) -> Any:
    return decode(encode(value, no_objects), no_references)


@settings(max_examples=40, deadline=None)
@given(DATA)
def test_data_crosses_unchanged(value: Any) -> None:
    got = round_trip(value)
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        10**6000,
        -(16**5000),
        "\ud800 lone",
        bytearray(b"x"),
        range(3, 9, 2),
        Counter("abca"),
        OrderedDict([("b", 1), ("a", 2)]),
        deque([1, 2], maxlen=2),
        Decimal("-0.10"),
        Fraction(1, 3),
        datetime.timedelta(days=-1, microseconds=7),
        int,
        (list, type(None)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_unusual_data_crosses_unchanged(value: Any) -> None:
    got = round_trip(value)
    assert got == value and type(got) is type(value)


def test_not_a_number_and_negative_zero_survive() -> None:
    assert math.isnan(round_trip(math.nan)) and math.copysign(1, round_trip(-0.0)) == -1


class AlwaysEqual(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def test_instances_of_subclasses_arrive_as_their_base() -> None:
    got = round_trip([AlwaysEqual(7)])[0]
    assert type(got) is int and got == 7 and got != 8


@given(st.binary(max_size=200))
def test_hostile_bytes_fail_or_make_data(data: bytes) -> None:
    try:
        decode(data, no_references)
    except WireError:
        return


@settings(max_examples=40, deadline=None)
@given(DATA, st.data())
def test_a_damaged_message_fails_or_makes_data(value: Any, data: st.DataObject) -> None:
    message = bytearray(encode(value, no_objects))
    message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(message), no_references)
    except WireError:
        return


def test_a_name_off_the_list_is_refused() -> None:
    message = b"X" + encode("os.system", no_objects) + encode(("true",), no_objects)
    with pytest.raises(WireError):
        decode(message, no_references)


def test_bytes_left_over_are_refused() -> None:
    with pytest.raises(WireError, match="left over"):
        decode(encode(1, no_objects) + b"N", no_references)


def test_objects_do_not_cross_where_only_data_may() -> None:
    with pytest.raises(TypeError, match="function"):
        encode(test_objects_do_not_cross_where_only_data_may, no_objects)
    with pytest.raises(WireError, match="reference"):
        decode(b"H\0\0\0\1", no_references)


def test_frames_cross_a_pipe_and_its_end_is_noticed() -> None:
    reader, writer = os.pipe()
    try:
        write_frame(writer, b"hello")
        assert read_frame(reader) == b"hello"
        os.write(writer, b"\xff\xff\xff\xff")
        with pytest.raises(WireError, match="larger"):
            read_frame(reader)
        os.close(writer)
        with pytest.raises(EOFError):
            read_frame(reader)
    finally:
        os.close(reader)
