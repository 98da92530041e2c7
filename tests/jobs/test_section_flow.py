"""Stacks that are computed while they are read: whatever is asked for in whatever order is right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from napari_emseg.core.progress import Silent
from napari_emseg.jobs.section_flow import ChannelMap, SectionFlow, SectionMap

SHAPE = (4, 3, 5)
STACK = np.arange(60, dtype=np.int16).reshape(SHAPE)


class Stream:
    """Counts how often it began, and how many sections it has given."""

    def __init__(self) -> None:
        self.begun = self.given = 0

    def __call__(self) -> Iterator[np.ndarray]:
        self.begun += 1
        for section in STACK:
            self.given += 1
            yield section


def test_a_stream_is_gone_through_once_in_order_and_begins_anew_for_an_earlier_section() -> None:
    stream = Stream()
    flow = SectionFlow(stream, SHAPE, np.int16, Silent(), "toy")
    for z in (0, 0, 1, 3, 3):
        np.testing.assert_array_equal(flow[z], STACK[z])
    assert (stream.begun, stream.given, len(flow)) == (1, 4, 4)
    for z in (2, 3, 0):
        np.testing.assert_array_equal(flow[z], STACK[z])
    assert stream.begun == 3


@pytest.mark.parametrize("key", [2, np.s_[1:3], np.s_[:], np.s_[1, 1:, ::2], np.s_[1:, 2]])
def test_keys_are_those_of_numpy(key: object) -> None:
    flow = SectionFlow(Stream(), SHAPE, np.int16, Silent(), "toy")
    maps = [SectionMap(lambda z, n=n: STACK[z] + n, SHAPE, np.int16, Silent(), "toy") for n in (0, 100)]
    both = ChannelMap(maps)
    assert (both.shape, both.dtype) == ((2, *SHAPE), np.int16)
    parts = key if isinstance(key, tuple) else (key,)
    for found, expected in (
        (flow[key], STACK[key]), (maps[1][key], STACK[key] + 100), (both[(1, *parts)], STACK[key] + 100)
    ):  # fmt: skip
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(both[(1,)], STACK + 100)
