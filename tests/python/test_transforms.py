"""Images made ready for a network: what Pillow does, what a reader expects, what chance may do."""

from __future__ import annotations

from typing import Any

import backend
import numpy as np
import pytest

if backend.IS_TORCH:
    pytest.skip("transforms are torchvision's, not PyTorch's", allow_module_level=True)

import candle_ffi as cf
from candle_ffi import transforms

RANDOM = {
    "RandomCrop": lambda **g: transforms.RandomCrop(8, padding=2, **g),
    "RandomHorizontalFlip": lambda **g: transforms.RandomHorizontalFlip(**g),
    "RandomErasing": lambda **g: transforms.RandomErasing(p=0.7, **g),
    "RandomErasing, noise": lambda **g: transforms.RandomErasing(value="random", **g),
}


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, np.float32)


def picture(mode: str, width: int, height: int) -> Any:
    """Smooth waves and noise, as a photograph has them."""
    image = pytest.importorskip("PIL.Image")
    y, x = np.mgrid[:height, :width]
    waves = 120 + 80 * np.sin(x / 7.0) * np.cos(y / 5.0)
    noise = np.random.default_rng(1).normal(0, 15, (height, width, 3))
    pixels = np.clip(waves[:, :, None] + noise, 0, 255)
    if mode == "F":
        return image.fromarray(pixels[:, :, 0].astype(np.float32))
    if mode == "L":
        return image.fromarray(pixels[:, :, 0].astype(np.uint8))
    return image.fromarray(pixels.astype(np.uint8)).convert(mode)


def test_compose_applies_in_order_and_shows_its_parts() -> None:
    both = transforms.Compose([lambda x: x + 1, lambda x: x * 10])
    assert both(1) == 20
    shown = repr(transforms.Compose([transforms.Resize(8), transforms.ToTensor()]))
    assert shown == "Compose(\n    Resize(size=8)\n    ToTensor()\n)"
    with pytest.raises(TypeError, match="3 cannot be called"):
        transforms.Compose([3])  # type: ignore[list-item]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_to_tensor_of_pictures(mode: str) -> None:
    made = picture("RGB", 7, 5).convert(mode)
    tensor = transforms.ToTensor()(made)
    pixels = np.asarray(made).reshape(5, 7, -1).transpose(2, 0, 1)
    assert tensor.dtype is cf.float32 and tensor.shape == (len(mode), 5, 7)
    np.testing.assert_array_equal(tensor.numpy(), pixels.astype(np.float32) / np.float32(255))


def test_to_tensor_of_arrays() -> None:
    assert transforms.ToTensor()(np.zeros((4, 6), np.uint8)).shape == (1, 4, 6)
    values = numbers(4, 6, 2)
    np.testing.assert_array_equal(
        transforms.ToTensor()(values[::-1]).numpy(), values[::-1].transpose(2, 0, 1)
    )


def test_to_tensor_refuses_what_is_no_picture() -> None:
    with pytest.raises(TypeError, match="expected a picture of Pillow or an array, not str"):
        transforms.ToTensor()("cat.png")
    with pytest.raises(cf.ShapeError, match=r"\[h, w\] or \[h, w, c\], not shape \[3\]"):
        transforms.ToTensor()(np.zeros(3))
    with pytest.raises(cf.InvalidArgumentError, match=r"mode 'P'; call convert\('RGB'\)"):
        transforms.ToTensor()(picture("RGB", 4, 4).convert("P"))


def test_bytes_to_floats_and_back() -> None:
    every = cf.arange(256).to(cf.uint8)
    floats = transforms.ConvertImageDtype(cf.float64)(every)
    np.testing.assert_allclose(floats.numpy(), np.arange(256) / 255)
    assert (transforms.ConvertImageDtype(cf.uint8)(floats) == every).all()
    assert transforms.ConvertImageDtype(cf.uint8)(cf.tensor([0.999, 1.0])).tolist() == [255, 255]
    assert transforms.ConvertImageDtype(cf.float16)(floats).dtype is cf.float16
    for wrong in (lambda: transforms.ConvertImageDtype(cf.int64),
                  lambda: transforms.ConvertImageDtype()(cf.arange(3))):  # fmt: skip
        with pytest.raises(cf.DTypeError, match="uint8 or floating-point dtypes, not"):
            wrong()


def test_normalize() -> None:
    batch = numbers(2, 3, 4, 5)
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 2.0]
    expected = (batch - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    got = transforms.Normalize(mean, std)(cf.tensor(batch))
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-6, atol=1e-6)
    one = transforms.Normalize(0.5, 0.5)(cf.tensor(batch[0]))
    np.testing.assert_allclose(one.numpy(), batch[0] * 2 - 1, rtol=1e-6, atol=1e-6)


def test_normalize_refuses_what_does_not_fit() -> None:
    with pytest.raises(cf.DTypeError, match="ToTensor comes first"):
        transforms.Normalize([0.5], [0.5])(cf.zeros(1, 2, 2, dtype=cf.uint8))
    with pytest.raises(cf.ShapeError, match="3 means for images of 1 channels"):
        transforms.Normalize([0.5] * 3, [0.5] * 3)(cf.zeros(1, 2, 2))
    for mean, std in (([0.5], [0.0]), ([0.5], [1.0, 1.0]), ([], [])):
        with pytest.raises(cf.InvalidArgumentError, match="standard deviations other than 0"):
            transforms.Normalize(mean, std)


SIZES = [(40, 60, 20), (60, 41, (13, 57)), (15, 20, 48), (33, 33, (33, 10)), (64, 48, (7, 100))]


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_resize_gives_pillows_numbers(height: int, width: int, size: Any) -> None:
    resize = transforms.Resize(size)
    exact = picture("F", width, height)
    expected = np.asarray(resize(exact))
    got = resize(cf.tensor(np.asarray(exact)[None]))[0]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-3)
    # Bytes: Pillow rounds after each direction, so a number may be off by one.
    rounded = picture("RGB", width, height)
    pixels = cf.tensor(np.ascontiguousarray(np.asarray(rounded).transpose(2, 0, 1)))
    got = resize(cf.stack([pixels, pixels]))
    assert got.dtype is cf.uint8
    difference = got[1].numpy().astype(int) - np.asarray(resize(rounded)).transpose(2, 0, 1)
    assert abs(difference).max() <= 1 and (difference != 0).mean() < 0.3


def test_resize_keeps_proportions_for_one_number() -> None:
    resize = transforms.Resize(256)
    assert resize(cf.zeros(1, 451, 300)).shape == (1, 384, 256)
    assert resize(picture("L", 451, 300)).size == (384, 256)
    assert transforms.Resize([30])(cf.zeros(1, 40, 80)).shape == (1, 30, 60)
    same = cf.tensor(numbers(1, 8, 8))
    assert (transforms.Resize(8)(same) == same).all()


@pytest.mark.parametrize("size", [(4, 6), (5, 5), (20, 20), (4, 21), 11])
def test_center_crop_of_tensors_and_pictures(size: Any) -> None:
    crop = transforms.CenterCrop(size)
    made = picture("L", 13, 10)
    expected = np.asarray(crop(made))
    got = crop(cf.tensor(np.asarray(made)[None]))
    assert got.shape == (1, *crop.size)
    np.testing.assert_array_equal(got[0].numpy(), expected)


@pytest.mark.parametrize("kind", [transforms.Resize, transforms.CenterCrop, transforms.RandomCrop])
@pytest.mark.parametrize("size", [0, (3, -1), (1, 2, 3), (), 2.5, (2.0, 3), None])
def test_sizes_are_checked(kind: Any, size: Any) -> None:
    with pytest.raises(cf.InvalidArgumentError, match="a positive number, or height and width"):
        kind(size)


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("dtype", [cf.uint8, cf.float32, cf.float64])
def test_random_numbers_come_from_the_generator(name: str, dtype: Any) -> None:
    batch = (cf.rand(32, 3, 8, 8) * 255).to(dtype)
    generator = cf.Generator().manual_seed(3)
    transform = RANDOM[name](generator=generator)
    state = cf.get_rng_state()
    first = transform(batch)
    assert first.dtype is dtype and first.shape == batch.shape
    assert (cf.get_rng_state() == state).all(), "the default generator is left alone"
    assert not (transform(batch) == first).all(), "the next batch is changed in another way"
    generator.manual_seed(3)
    assert (transform(batch) == first).all()
    cf.manual_seed(5)
    second = RANDOM[name]()(batch)
    cf.manual_seed(5)
    assert (RANDOM[name]()(batch) == second).all(), "without one, the default generator decides"


@pytest.mark.parametrize("name", RANDOM)
def test_single_images_and_empty_batches(name: str) -> None:
    assert RANDOM[name]()(cf.ones(3, 8, 8)).shape == (3, 8, 8)
    assert RANDOM[name]()(cf.ones(0, 3, 8, 8)).shape == (0, 3, 8, 8)
    with pytest.raises(cf.ShapeError, match=r"\[c, h, w\] or images \[n, c, h, w\]"):
        RANDOM[name]()(cf.ones(8, 8))
    with pytest.raises(TypeError, match="not ndarray; ToTensor makes one"):
        RANDOM[name]()(np.ones((3, 8, 8), np.float32))  # type: ignore[arg-type]


def test_an_empty_batch_is_cropped_too() -> None:
    assert transforms.RandomCrop((5, 4), padding=1)(cf.ones(0, 3, 8, 8)).shape == (0, 3, 5, 4)


def test_flips_turn_each_image_or_leave_it() -> None:
    batch = numbers(400, 2, 3, 5)
    cf.manual_seed(0)
    got = transforms.RandomHorizontalFlip(0.25)(cf.tensor(batch)).numpy()
    turned = (got == batch[..., ::-1]).all((1, 2, 3))
    kept = (got == batch).all((1, 2, 3))
    assert (turned ^ kept).all()
    assert 60 <= turned.sum() <= 140, "a quarter of 400"
    assert (transforms.RandomHorizontalFlip(0)(cf.tensor(batch)).numpy() == batch).all()


def test_crops_are_parts_at_places_of_their_own() -> None:
    images, size, padding = 200, (5, 4), 2
    # Each pixel tells where it is, so that a crop tells where it was.
    y, x = np.mgrid[:7, :6]
    places = np.stack([y, x]).astype(np.float32) + 1
    cf.manual_seed(0)
    crop = transforms.RandomCrop(size, padding=padding, fill=-1.0)
    got = crop(cf.tensor(np.broadcast_to(places, (images, 2, 7, 6)).copy())).numpy()
    padded = np.pad(places, ((0, 0), (2, 2), (2, 2)), constant_values=-1)
    found = set()
    for image in got:
        at = [
            (top, left)
            for top in range(7 + 4 - 5 + 1)
            for left in range(6 + 4 - 4 + 1)
            if (padded[:, top : top + 5, left : left + 4] == image).all()
        ]
        assert at, "a part of the padded image"
        found.update(at)
    assert {top for top, _ in found} == set(range(7)), "every place can be drawn, the last too"
    assert {left for _, left in found} == set(range(7))
    with pytest.raises(cf.ShapeError, match="no part of 9 x 9 in images of 8 x 8"):
        transforms.RandomCrop(9)(cf.ones(1, 8, 8))
    with pytest.raises(cf.InvalidArgumentError, match="padding is a number of pixels, not -1"):
        transforms.RandomCrop(9, padding=-1)


def test_erasing_paints_one_rectangle_of_the_right_size() -> None:
    cf.manual_seed(0)
    erase = transforms.RandomErasing(p=0.5, scale=(0.1, 0.2), ratio=(0.5, 2.0))
    got = erase(cf.ones(400, 2, 40, 30)).numpy()
    assert (got[:, 0] == got[:, 1]).all(), "the same part of all channels"
    erased = [image[0] == 0 for image in got if (image == 0).any()]
    assert 150 <= len(erased) <= 250, "half of 400"
    for mask in erased:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert mask.sum() == tall * wide, "a rectangle"
        assert 0.08 < mask.mean() < 0.22
        assert 0.45 < tall / wide < 2.2
    lows = [np.flatnonzero(mask.any(1))[0] for mask in erased]
    assert len(set(lows)) > 15, "at many places"
    noise = transforms.RandomErasing(p=1, value="random")(cf.full((1, 40, 30), 9.0))
    painted = noise[noise != 9.0]
    assert painted.numel() > 10 and 0.5 < painted.std().item() < 1.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 1.5}, "a probability is between 0 and 1, not 1.5"),
        ({"scale": (0.5, 0.1)}, "shares between 0 and 1"),
        ({"ratio": (0, 1)}, "positive proportions"),
        ({"value": "red"}, "a number or 'random', not 'red'"),
    ],
)
def test_erasing_checks_its_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(cf.InvalidArgumentError, match=message):
        transforms.RandomErasing(**options)
