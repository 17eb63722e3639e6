"""Pictures in folders, one folder for each class, as a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from candle_ffi.data.dataset import Dataset
from candle_ffi.errors import FileFormatError, MissingFileError

__all__ = ["ImageFolder"]

#: Endings of the files that are taken for pictures.
EXTENSIONS: Final = (
    ".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"
)  # fmt: skip


def load_image(path: str | os.PathLike[str]) -> Any:
    """Return the picture in a file, in red, green and blue.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    PIL.Image.Image
        Of mode ``"RGB"``.

    Raises
    ------
    FileFormatError
        The file is no picture, or is cut off.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise MissingFileError(f"ImageFolder: there is no file {os.fspath(path)}") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise FileFormatError(
            f"ImageFolder: the file {os.fspath(path)} is no picture that can be read: {error}",
            operation="ImageFolder",
        ) from None


class ImageFolder(Dataset[tuple[Any, Any]]):
    """Pictures by their classes: ``root/cat/1.png``, ``root/dog/a/2.jpg``.

    The classes are the names of the folders in alphabetic order. Pictures are read when they are
    asked for, so that workers of a loader share the reading.

    Parameters
    ----------
    root : str or path
        The folder of the folders.
    transform : callable, optional
        Makes of a picture (Pillow's, of mode ``"RGB"``) what the item holds; `transforms.ToTensor`
        for one.
    target_transform : callable, optional
        The same for the number of the class.
    loader : callable, optional
        Reads a file; Pillow does when not given.
    is_valid_file : callable, optional
        Says of a path whether it is one of the pictures; by its ending when not given.
    allow_empty : bool, default False
        Whether a class without a picture is allowed.

    Attributes
    ----------
    classes : list of str
        The names of the classes.
    class_to_idx : dict of str to int
        Their numbers.
    samples : list of tuple of str and int
        The files, sorted, and the numbers of their classes; also as `imgs`.
    targets : list of int
        The numbers of the classes alone.

    Raises
    ------
    MissingFileError
        There is no such folder, it has no folders, or one of them has no picture.
    FileFormatError
        When an item is asked for: its file is no picture.

    Notes
    -----
    `torchvision.datasets.ImageFolder`. Needs Pillow.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> from candle_ffi.data import ImageFolder
    >>> from candle_ffi.transforms import ToTensor
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("cat", "dog"):
    ...     (root / name).mkdir()
    ...     Image.new("RGB", (4, 3)).save(root / name / "1.png")
    >>> pictures = ImageFolder(root, transform=ToTensor())
    >>> image, label = pictures[0]
    >>> image.shape, pictures.classes[label]
    ((3, 3, 4), 'cat')
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        loader: Callable[[str], Any] = load_image,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        self.root = Path(root)
        self.transform = transform
        self.target_transform = target_transform
        self.loader = loader
        if not self.root.is_dir():
            raise MissingFileError(f"ImageFolder: there is no folder {self.root}")
        self.classes = sorted(entry.name for entry in self.root.iterdir() if entry.is_dir())
        if not self.classes:
            raise MissingFileError(
                f"ImageFolder: {self.root} has no folders; each class has one, with its pictures"
            )
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        wanted = _has_ending if is_valid_file is None else is_valid_file
        self.samples = [
            (path, number)
            for name, number in self.class_to_idx.items()
            for path in _files(self.root / name)
            if wanted(path)
        ]
        self.targets = [number for _, number in self.samples]
        found = set(self.targets)
        empty = [name for name, number in self.class_to_idx.items() if number not in found]
        if empty and not allow_empty:
            kinds = f" with one of the endings {', '.join(EXTENSIONS)}" if not is_valid_file else ""
            raise MissingFileError(
                f"ImageFolder: no pictures{kinds} in the folders {', '.join(empty)} of {self.root}"
            )

    @property
    def imgs(self) -> list[tuple[str, int]]:
        """The same as `samples`."""
        return self.samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        image = self.loader(path)
        return (
            image if self.transform is None else self.transform(image),
            target if self.target_transform is None else self.target_transform(target),
        )


def _has_ending(path: str) -> bool:
    return path.lower().endswith(EXTENSIONS)


def _files(folder: Path) -> list[str]:
    """Return the files below a folder, in an order that depends on their names alone."""
    return sorted(
        os.path.join(place, name)
        for place, _, names in os.walk(folder, followlinks=True)
        for name in names
    )
