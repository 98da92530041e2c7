"""Which codecs a zarr array may name: some of numcodecs' run code that the file brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAFE = {
    "adler32", "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "delta", "fixedscaleoffset",
    "fletcher32", "gzip", "jenkins_lookup3", "lz4", "lzma", "packbits", "pcodec", "quantize", "sharding_indexed",
    "shuffle", "transpose", "zfpy", "zlib", "zstd",
}  # fmt: skip


def refuse_unsafe_codecs(array: Any, where: str) -> None:
    """Refuse codecs that are not known to be plain compression: ``pickle`` runs code of the file's author.

    Raises
    ------
    EmsegError
        Naming the codec.
    """
    for name in _codecs(array.metadata.to_dict()):
        if name.removeprefix("numcodecs.").removeprefix("imagecodecs_") == name and name not in _SAFE:
            raise EmsegError(
                f"its voxels are encoded with {name!r}", where, "save it with gzip, zstd or blosc"
            )
        if name.startswith("numcodecs.") and name.removeprefix("numcodecs.") not in _SAFE:
            raise EmsegError(
                f"its voxels are encoded with {name!r}", where, "save it with gzip, zstd or blosc"
            )


def _codecs(metadata: dict[str, Any]) -> Iterator[str]:
    """Names of all codecs, also of those inside shards."""
    for part in (metadata.get("compressor"), *(metadata.get("filters") or ())):  # zarr 2
        if part is not None:
            yield str(part["id"] if isinstance(part, dict) else getattr(part, "codec_id", part))
    for codec in metadata.get("codecs") or ():  # zarr 3
        described = codec if isinstance(codec, dict) else codec.to_dict()
        yield str(described.get("name"))
        inside = described.get("configuration") or {}
        for key in ("codecs", "index_codecs"):
            yield from _codecs({"codecs": inside.get(key)})
