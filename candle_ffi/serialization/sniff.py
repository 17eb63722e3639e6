"""What a file seems to be, for messages about files that are something else than expected."""

from __future__ import annotations

from typing import Final

__all__ = ["is_safetensors", "what_it_is"]

_BEGINNINGS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK", "a zip archive, as torch.save and NumPy write"),
    (b"\x93NUMPY", "an array of NumPy (.npy)"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a file of torch.save"),
    (b"\x80", "a pickle"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"GGUF", "a GGUF file"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (
        b"version https://git-lfs",
        "a pointer of Git LFS in place of the file; fetch it: git lfs pull",
    ),
    (b"<", "a web page or XML, perhaps of a failed download"),
    (b"{", "a JSON text"),
)


def what_it_is(head: bytes) -> str:
    """Return what a file seems to be.

    Parameters
    ----------
    head : bytes
        Its first 512 bytes.
    """
    if not head:
        return "an empty file"
    if head[257:262] == b"ustar":
        return (
            "a tar archive, perhaps of a PyTorch before 0.2; "
            "load it there and save it again: torch.save(torch.load(path), path)"
        )
    if is_safetensors(head):
        return "a safetensors file"
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    return "something unknown"


def is_safetensors(head: bytes) -> bool:
    """Return whether a file begins like a safetensors file: a length, and then a JSON text.

    Parameters
    ----------
    head : bytes
        Its first ten bytes, or more.
    """
    return head[8:10] == b'{"'
