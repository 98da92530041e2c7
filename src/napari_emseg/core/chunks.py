"""Label chunks on disk: one zarr 3 array whose chunk files are replaced atomically.

The store is an OME-Zarr 0.5 group with the array ``0``; any zarr 3 reader opens it. Chunk files are read
and written here and not through zarr because a torn file must be impossible (write beside, fsync, rename),
because a page must arrive within a millisecond, and because importing zarr would hold up the window.

Behind its ids each chunk file carries a *stamp*: the generation of its ids in the equivalence table, and the position
in the journal up to which it is complete. It is a skippable frame, which every Zstandard decoder passes over.
File and stamp are replaced together, so after a crash each page knows by itself which edits it lacks.
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numcodecs import Zstd  # type: ignore[import-untyped]

from napari_emseg.core.atomic import patiently, sync_folder, write_atomic
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.grid import CHUNK
from napari_emseg.core.leftovers import clear_small
from napari_emseg.core.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from napari_emseg.core.grid import ChunkKey
    from napari_emseg.core.stack import Spacing

_LEVEL = "0"
_ZSTD = {"name": "zstd", "configuration": {"level": 1, "checksum": True}}
_BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
_STAMP = struct.Struct("<II4sQQI")  # frame number, length, name, generation, position, checksum
_FRAME, _NAME = 0x184D2A5E, b"emsg"
_UNTOUCHED = "put the folder back from a backup, or start a new project"


class ChunkStore:
    """Chunk files of one label array.

    Parameters
    ----------
    path : Path
        The ``.zarr`` folder.
    shape : tuple of int
        (z, y, x) in voxels.
    dtype : numpy dtype
        uint32 or uint64.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
        self.path = path
        self.shape = shape
        self.dtype = dtype
        self._stored = dtype.newbyteorder("<")
        self._codec = Zstd(level=1, checksum=True)
        self._stamped = bool(self.attributes().get("stamped"))
        self._is_part = False
        self._tidy: set[Path] = set()

    @classmethod
    def create(
        cls, path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], spacing_nm: Spacing | None
    ) -> ChunkStore:
        """Make an empty store; nothing but metadata is written.

        Raises
        ------
        EmsegError
            If something already lies there, or the place cannot be written.
        """
        if path.exists():
            raise EmsegError("there is already something here", str(path), "choose another name")
        array = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(shape),
            "data_type": dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(CHUNK)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [_BYTES, _ZSTD],
            "dimension_names": ["z", "y", "x"],
            "attributes": {},
        }
        group = {"zarr_format": 3, "node_type": "group", "attributes": _attributes(spacing_nm)}
        try:
            (path / _LEVEL).mkdir(parents=True)
            write_atomic(path / _LEVEL / "zarr.json", json.dumps(array, indent=2).encode())
            write_atomic(path / "zarr.json", json.dumps(group, indent=2).encode())
        except OSError as error:
            raise EmsegError(
                f"the labels cannot be created ({error.strerror})", str(path), "choose a writable folder"
            ) from error
        return cls(path, shape, dtype)

    @classmethod
    def open(cls, path: Path) -> ChunkStore:
        """Open a store that this program wrote; costs the same for every size.

        Raises
        ------
        EmsegError
            If there is none, or it has another layout.
        """
        meta = _read_json(path / _LEVEL / "zarr.json")
        try:
            z, y, x = (int(n) for n in meta["shape"])
            dtype = np.dtype(str(meta["data_type"]))
            grid = tuple(meta["chunk_grid"]["configuration"]["chunk_shape"])
            codecs = [codec["name"] for codec in meta["codecs"]]
        except (KeyError, TypeError, ValueError) as error:
            raise EmsegError("the label store cannot be understood", str(path), _UNTOUCHED) from error
        if grid != CHUNK or codecs != ["bytes", "zstd"] or dtype not in (np.uint32, np.uint64):
            raise EmsegError(
                f"these labels are stored in another way (chunks {grid}, {dtype}, {'+'.join(codecs)})",
                str(path),
                "convert them with `napari-emseg convert`",
            )
        return cls(path, (z, y, x), dtype)

    @classmethod
    def part(cls, path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> ChunkStore:
        """Chunk files of our own that are no array for others: no metadata, every file stamped."""
        store = cls.__new__(cls)
        store.path, store.shape, store.dtype = path, shape, dtype
        store._stored, store._codec = dtype.newbyteorder("<"), Zstd(level=1, checksum=True)
        store._stamped, store._is_part, store._tidy = True, True, set()
        return store

    def remove(self, key: ChunkKey) -> None:
        """Delete one chunk, durably; nothing happens if there is none."""
        path = self.file(key)
        try:
            patiently(path.unlink)
        except FileNotFoundError:
            return
        sync_folder(path.parent)

    def exists(self) -> bool:
        """Whether the store is still where it was."""
        if self._is_part:
            return self.path.parent.parent.is_dir()
        return (self.path / _LEVEL / "zarr.json").is_file()

    def file(self, key: ChunkKey) -> Path:
        """Path of one chunk, which exists only if the chunk was ever written."""
        z, y, x = key
        return self.path / _LEVEL / "c" / str(z) / str(y) / str(x)

    def read(self, key: ChunkKey) -> Page | None:
        """One chunk, or None if it was never written.

        Raises
        ------
        EmsegError
            If the file is torn or cannot be read.
        """
        path = self.file(key)
        try:
            raw = patiently(path.read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EmsegError(
                f"labels cannot be read ({error.strerror})", str(path), "check the disk and its permissions"
            ) from error
        try:
            ids, generation, position = _unstamped(raw, self._stamped)
            flat = np.frombuffer(self._codec.decode(ids), dtype=self._stored)
            data = flat.reshape(CHUNK[1:]).astype(self.dtype)  # a copy: decoded buffers are read-only
        except (RuntimeError, ValueError) as error:
            raise EmsegError("a piece of the labels is damaged", str(path), _UNTOUCHED) from error
        return Page(data, generation, position, stored=generation)

    def write(self, key: ChunkKey, page: Page) -> None:
        """Replace one chunk; readers see the old or the new file, never a part of one."""
        if not self.exists():
            raise EmsegError("the labels folder has disappeared", str(self.path), _UNTOUCHED)
        path = self.file(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        if (
            path.parent not in self._tidy
        ):  # what a killed program was writing there is written again after a crash
            clear_small(path.parent)
            self._tidy.add(path.parent)
        ids = self._codec.encode(np.ascontiguousarray(page.data, dtype=self._stored))
        write_atomic(path, bytes(ids) + _stamp(page.generation, page.position), sync_parent=False)

    def sync(self, keys: Iterable[ChunkKey]) -> None:
        """Make the names of freshly written chunks survive a power cut."""
        folders: set[Path] = set()
        for key in keys:
            folders.update(self.file(key).parents[:3])
        for folder in sorted(folders):
            sync_folder(folder)

    def stored(self, sections: Iterable[int] | None = None) -> Iterator[ChunkKey]:
        """Keys of all chunks that were ever written, in order."""
        root = self.path / _LEVEL / "c"
        if sections is None:
            sections = sorted(_numbers(root))
        for z in sections:
            for y in sorted(_numbers(root / str(z))):
                for x in sorted(_numbers(root / str(z) / str(y))):
                    yield z, y, x

    def attributes(self) -> dict[str, Any]:
        """What this program remembers with the labels: ``spacing_nm`` and ``max_id``."""
        attributes = _read_json(self.path / "zarr.json").get("attributes", {})
        return dict(attributes.get("napari_emseg", {}))

    def set_max_id(self, value: int) -> None:
        """Remember the highest id that was ever used."""
        self._change(lambda attributes: attributes["napari_emseg"].update(max_id=value))

    def set_spacing(self, spacing_nm: Spacing) -> None:
        """Change the voxel size, for this program and for other readers."""
        fresh = _attributes(spacing_nm)
        self._change(
            lambda attributes: (
                attributes.update(ome=fresh["ome"]),
                attributes["napari_emseg"].update(spacing_nm=list(spacing_nm)),
            )
        )

    def _change(self, change: Callable[[dict[str, Any]], object]) -> None:
        path = self.path / "zarr.json"
        meta = _read_json(path)
        attributes = meta.setdefault("attributes", {})
        attributes.setdefault("napari_emseg", {})
        change(attributes)
        try:
            write_atomic(path, json.dumps(meta, indent=2).encode())
        except OSError as error:
            raise EmsegError(
                f"the label store cannot be written ({error.strerror})",
                str(path),
                "free space or mend the permissions",
            ) from error


def _stamp(generation: int, position: int) -> bytes:
    head = _STAMP.pack(_FRAME, _STAMP.size - 8, _NAME, generation, position, 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(head))


def _unstamped(raw: bytes, wanted: bool) -> tuple[bytes, int, int]:
    """The ids of a chunk file, its generation and its position; files of early versions have no stamp."""
    if len(raw) > _STAMP.size:
        frame, _, name, generation, position, checksum = _STAMP.unpack(raw[-_STAMP.size :])
        if (frame, name) == (_FRAME, _NAME) and zlib.crc32(raw[-_STAMP.size : -4]) == checksum:
            return raw[: -_STAMP.size], generation, position
    if wanted:
        raise ValueError("the stamp is missing")
    return raw, 0, 0


def _numbers(folder: Path) -> list[int]:
    try:
        return [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
    except FileNotFoundError:
        return []


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(patiently(path.read_text, "utf-8")))
    except FileNotFoundError as error:
        raise EmsegError("there are no labels here", str(path.parent), _UNTOUCHED) from error
    except (OSError, ValueError, TypeError) as error:
        raise EmsegError("the label store cannot be read", str(path), _UNTOUCHED) from error


def _attributes(spacing_nm: Spacing | None) -> dict[str, Any]:
    """OME-Zarr 0.5 metadata of a one-level label image."""
    unit = {"unit": "nanometer"} if spacing_nm else {}
    axes = [{"name": name, "type": "space", **unit} for name in "zyx"]
    scale = {"type": "scale", "scale": list(spacing_nm or (1.0, 1.0, 1.0))}
    level = {"path": _LEVEL, "coordinateTransformations": [scale]}
    return {
        "ome": {
            "version": "0.5",
            "multiscales": [{"name": "labels", "axes": axes, "datasets": [level]}],
            "image-label": {},
        },
        "napari_emseg": {
            "spacing_nm": list(spacing_nm) if spacing_nm else None,
            "max_id": 0,
            "stamped": True,
        },
    }
