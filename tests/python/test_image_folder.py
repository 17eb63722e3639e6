"""Folders of pictures, as people have them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import candle_ffi as cf
from candle_ffi.data import DataLoader, ImageFolder
from candle_ffi.transforms import Compose, Resize, ToTensor

Image = pytest.importorskip("PIL.Image")
# Libraries with threads of their own, and Python since 3.12, warn of every fork.
pytestmark = [
    pytest.mark.filterwarnings("ignore:os.fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three classes; the pixels of a picture tell its class and number."""
    for number, name in enumerate(("ape", "bee", "cow")):
        for picture in range(4):
            pixels = np.full((6, 8, 3), (40 * number, 10 * picture, 255), np.uint8)
            path = tmp_path / name / ("more" if picture == 3 else "") / f"{picture}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        (tmp_path / name / "notes.txt").write_text("no picture")
    (tmp_path / "readme.md").write_text("no class")
    return tmp_path


def test_classes_and_pictures(root: Path) -> None:
    pictures = ImageFolder(root, transform=ToTensor(), target_transform=lambda number: number * 10)
    assert pictures.classes == ["ape", "bee", "cow"]
    assert pictures.class_to_idx == {"ape": 0, "bee": 1, "cow": 2}
    assert len(pictures) == 12 and pictures.targets == [0] * 4 + [1] * 4 + [2] * 4
    assert pictures.imgs[7] == (os.path.join(root, "bee", "more", "3.png"), 1)
    image, label = pictures[7]
    assert label == 10 and image.shape == (3, 6, 8)
    np.testing.assert_allclose(image[:, 0, 0].numpy() * 255, [40, 30, 255], atol=1e-4)
    picture, label = ImageFolder(root)[-1]
    assert (picture.mode, picture.size, label) == ("RGB", (8, 6), 2)


@pytest.mark.parametrize("workers", [0, 2])
def test_through_a_loader(root: Path, workers: int) -> None:
    pictures = ImageFolder(root, transform=Compose([ToTensor(), Resize((4, 4))]))
    loader = DataLoader(pictures, 5, shuffle=True, generator=3, num_workers=workers)
    images, labels = (cf.cat(part) for part in zip(*loader, strict=True))
    assert images.shape == (12, 3, 4, 4)
    np.testing.assert_allclose(images[:, 0, 0, 0].numpy() * 255, labels.numpy() * 40, atol=1e-3)


def test_gray_and_transparent_pictures_become_rgb(root: Path) -> None:
    Image.new("L", (3, 3), 7).save(root / "ape" / "gray.png")
    Image.new("LA", (3, 3), (9, 0)).save(root / "ape" / "clear.PNG")
    pictures = ImageFolder(root, transform=ToTensor())
    assert len(pictures) == 14
    assert all(image.shape[0] == 3 for image, _ in pictures)


def test_what_is_no_picture(root: Path) -> None:
    (root / "bee" / "broken.png").write_bytes((root / "bee" / "0.png").read_bytes()[:40])
    (root / "bee" / "text.jpg").write_text("hello")
    pictures = ImageFolder(root)
    for path, _ in pictures.samples:
        if path.endswith(("broken.png", "text.jpg")):
            with pytest.raises(cf.FileFormatError, match=os.path.basename(path)):
                pictures[[name for name, _ in pictures.samples].index(path)]
    os.unlink(root / "bee" / "text.jpg")
    with pytest.raises(cf.MissingFileError, match=r"text\.jpg"):
        pictures[pictures.samples.index((os.path.join(root, "bee", "text.jpg"), 1))]


def test_folders_that_do_not_fit(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(cf.MissingFileError, match="no folder"):
        ImageFolder(root / "nowhere")
    with pytest.raises(cf.MissingFileError, match="has no folders"):
        ImageFolder(tmp_path_factory.mktemp("empty"))
    (root / "dodo").mkdir()
    with pytest.raises(cf.MissingFileError, match=r"no pictures.*dodo"):
        ImageFolder(root)
    assert ImageFolder(root, allow_empty=True).class_to_idx["dodo"] == 3
    only = ImageFolder(root, is_valid_file=lambda path: path.endswith(".txt"), allow_empty=True)
    assert len(only) == 3
