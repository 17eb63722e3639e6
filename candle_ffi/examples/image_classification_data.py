"""Small grey images with labels: Fashion-MNIST, or the digits of scikit-learn without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from candle_ffi.data.idx import read_idx
from candle_ffi.errors import FileFormatError, MissingFileError

__all__ = ["DEBIAN", "Images", "find_images", "prepare", "read_digits", "read_folder"]

#: Where Debian's package dataset-fashion-mnist puts the files.
DEBIAN: Final = Path("/usr/share/datasets/fashion-mnist")
FASHION: Final = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Images(NamedTuple):
    """Images for training and for the test: bright things on black."""

    name: str
    classes: tuple[str, ...]
    train: tuple[Bytes, Labels]
    test: tuple[Bytes, Labels]


def find_images(folder: Path | None) -> Images:
    """Return the images of a folder, or those that are at hand.

    Parameters
    ----------
    folder : Path or None
        Where the four files of Fashion-MNIST are; None to look where Debian has them, and to take
        scikit-learn's digits where they are not.

    Returns
    -------
    Images
        Pixels ``[n, 1, h, w]`` from 0 to 255, labels ``[n]`` from 0 to 9.
    """
    if folder is not None:
        return read_folder(folder)
    if DEBIAN.is_dir():
        return read_folder(DEBIAN)
    print(
        "There is no Fashion-MNIST here: it is in Debian's package dataset-fashion-mnist, or in "
        "the folder given by --data.\nThese are scikit-learn's handwritten digits instead."
    )
    return read_digits()


def read_folder(folder: Path) -> Images:
    """Return the images in the four IDX files of a folder, compressed or not.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Images
        Training and test as the files have them.

    Raises
    ------
    MissingFileError
        The folder or a file is not there.
    FileFormatError
        A file is damaged, or images and labels do not belong together.
    """
    if not folder.is_dir():
        raise MissingFileError(
            f"{folder} is no folder; --data is the one with Fashion-MNIST's files"
        )
    return Images("Fashion-MNIST", FASHION, _pair(folder, "train"), _pair(folder, "t10k"))


def _pair(folder: Path, part: str) -> tuple[Bytes, Labels]:
    images = read_idx(_file(folder, f"{part}-images-idx3-ubyte"), 3)
    labels = read_idx(_file(folder, f"{part}-labels-idx1-ubyte"), 1)
    if len(images) != len(labels):
        raise FileFormatError(f"{folder}: {len(images)} images, but {len(labels)} labels ({part})")
    if min(images.shape) < 1 or min(images.shape[1:]) < 8:
        raise FileFormatError(f"{folder}: images of at least 8 x 8, not {images.shape} ({part})")
    if labels.max() >= len(FASHION):
        raise FileFormatError(f"{folder}: labels from 0 to 9, not {labels.max()} ({part})")
    return images[:, None], labels.astype(np.int64)


def _file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise MissingFileError(f"{folder} has neither {name} nor {name}.gz")


def read_digits() -> Images:
    """Return scikit-learn's digits, every fifth of them for the test.

    Returns
    -------
    Images
        Images of 8 x 8.
    """
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    pixels = (digits.images[:, None] * (255 / 16)).round().astype(np.uint8)
    labels = digits.target.astype(np.int64)
    test = np.arange(len(labels)) % 5 == 0
    names = tuple(str(digit) for digit in range(10))
    return Images("digits", names, (pixels[~test], labels[~test]), (pixels[test], labels[test]))


def prepare(path: Path, height: int, width: int) -> Bytes:
    """Return a picture as the images of the data set were made: a bright thing fills black.

    It becomes grey; a bright background is inverted; what is as dark as the background is cut off;
    the rest is scaled to the size, in its proportions, and put into the middle. A picture that
    has the size already and a black border is taken as it is.

    Parameters
    ----------
    path : Path
        A file of any format that Pillow reads.
    height, width : int
        The size of the network's images.

    Returns
    -------
    ndarray
        ``[1, h, w]``.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        The file is no picture, or one with nothing in it.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError
    from PIL.Image import Resampling

    if not path.is_file():
        raise MissingFileError(f"there is no picture {path}")
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file).convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise FileFormatError(f"{path} is not a picture that can be read: {error}") from None
    page = Image.new("RGBA", picture.size, "white")  # what is transparent becomes white
    grey = np.asarray(Image.alpha_composite(page, picture).convert("L"))
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(border))
    if background > 127:
        grey, background = 255 - grey, 255 - background
    elif grey.shape == (height, width):
        return grey[None]
    inside = grey > background + 0.05 * 255
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        raise FileFormatError(f"{path} shows nothing but its background")
    thing = Image.fromarray(grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = min(height / thing.height, width / thing.width)
    size = (max(1, round(thing.width * scale)), max(1, round(thing.height * scale)))
    small = np.asarray(thing.resize(size, Resampling.BILINEAR))
    prepared = np.zeros((1, height, width), np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    prepared[0, top : top + size[1], left : left + size[0]] = small
    return prepared
