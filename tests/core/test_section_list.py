"""Lists of sections as people write them."""

from __future__ import annotations

import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.section_list import parse_sections


def test_section_lists():
    assert parse_sections("3,5-7", 10) == (3, 5, 6, 7)
    assert parse_sections("", 10) == ()
    assert parse_sections("2-3, 3,1", 10) == (1, 2, 3)


@pytest.mark.parametrize("text", ["a", "1-", "3-2", "10"])
def test_wrong_section_lists_are_refused(text):
    with pytest.raises(EmsegError):
        parse_sections(text, 10)
