"""Whatever a library raises on a damaged file, said in one sentence."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_CHARS = 200


@contextmanager
def refusing(where: object) -> Iterator[None]:
    """Turn any exception of the body into an `EmsegError` about a file.

    Parameters
    ----------
    where : object
        The file, as it is shown.
    """
    try:
        yield
    except EmsegError:
        raise
    except OSError as error:
        reason = " ".join((error.strerror or str(error)).split())[:_MOST_CHARS]
        raise EmsegError(f"it cannot be read ({reason})", str(where), "check the file") from error
    except MemoryError as error:
        raise EmsegError(
            "there is not enough memory to open it", str(where), "close other programs"
        ) from error
    except Exception as error:  # the libraries raise anything at all on a damaged file
        reason = " ".join(str(error).split())[:_MOST_CHARS] or type(error).__name__
        raise EmsegError(
            f"the file is damaged or not what it seems ({reason})", str(where), "copy or export it again"
        ) from error
