"""Lists of sections as people write them: "3,5-7"."""

from __future__ import annotations

import re

from napari_emseg.core.errors import EmsegError


def parse_sections(text: str, n_sections: int) -> tuple[int, ...]:
    """Numbers in ``"3,5-7"``, in order and without repeats.

    Raises
    ------
    EmsegError
        If it is not a list of sections, or names one that the stack does not have.
    """
    numbers: set[int] = set()
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not match:
            raise EmsegError("not a list of sections", repr(text), 'write it like "3,5-7"')
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last >= n_sections:
            raise EmsegError("no such section", part, f"the stack has sections 0 to {n_sections - 1}")
        numbers |= set(range(first, last + 1))
    return tuple(sorted(numbers))
