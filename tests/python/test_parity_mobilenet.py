"""MobileNetV2 and the preparation of photographs against torchvision, where it is installed."""

from __future__ import annotations

from typing import Any

import backend
import numpy as np
import pytest
from test_mobilenet import REFERENCE, needs_weights, photograph

import candle_ffi as cf
from candle_ffi import models, transforms
from candle_ffi.examples import imagenet_photo

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
if backend.IS_TORCH:
    pytest.skip("PyTorch would be compared with itself", allow_module_level=True)

functional = torchvision.transforms.functional
WEIGHTS = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1
PHOTOGRAPHS = [*REFERENCE, "rocket.jpg", "astronaut.png"]


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    """The trained network in either library."""
    weights = imagenet_photo.find_weights()
    theirs = torchvision.models.mobilenet_v2()
    theirs.load_state_dict(torch.load(weights, weights_only=True))
    return imagenet_photo.make_model(weights), theirs.eval()


@needs_weights
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_scores_of_photographs(name: str, pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    image = imagenet_photo.read_photograph(photograph(name))
    prepared = imagenet_photo.preprocess(image).unsqueeze(0)
    expected_image = WEIGHTS.transforms()(image)[None]
    np.testing.assert_allclose(prepared.numpy(), expected_image.numpy(), atol=1e-6)
    with torch.no_grad(), cf.no_grad():
        scores, expected = ours(prepared).numpy()[0], theirs(expected_image).numpy()[0]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-4)
    if name in REFERENCE:
        classes, best, projection = REFERENCE[name]
        assert np.argsort(-expected)[:5].tolist() == classes
        np.testing.assert_allclose(expected[classes], best, atol=1e-5)
        assert abs(expected.astype(np.float64) @ np.sin(np.arange(1000.0)) - projection) < 1e-4


@pytest.mark.parametrize(
    "options", [{}, {"num_classes": 5, "width_mult": 0.35}, {"width_mult": 1.4}]
)
def test_an_untrained_network_has_their_weights(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    theirs, ours = torchvision.models.mobilenet_v2(**options), models.mobilenet_v2(**options)
    given = theirs.state_dict()
    assert list(ours.state_dict()) == list(given)
    ours.load_state_dict(given)
    images = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    expected = theirs.eval()(torch.from_numpy(images)).detach().numpy()
    with cf.no_grad():
        got = ours.eval()(cf.tensor(images)).numpy()
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_a_training_step_gives_their_gradients() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v2(num_classes=5, width_mult=0.25, dropout=0.0).double()
    ours = models.mobilenet_v2(num_classes=5, width_mult=0.25, dropout=0.0).double()
    ours.load_state_dict(theirs.state_dict())
    images = np.random.default_rng(0).standard_normal((4, 3, 64, 64))
    torch.nn.functional.cross_entropy(theirs(torch.from_numpy(images)), torch.arange(4)).backward()
    cf.cross_entropy(ours(cf.tensor(images)), cf.arange(4)).backward()
    expected = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        np.testing.assert_allclose(
            parameter.grad.numpy(), expected[name].grad.numpy(), rtol=1e-6, atol=1e-9
        )


def test_names_are_theirs() -> None:
    assert list(models.IMAGENET_CATEGORIES) == WEIGHTS.meta["categories"]


@pytest.mark.parametrize("size", [20, (13, 57), 90])
def test_transforms_give_their_numbers(size: Any) -> None:
    batch = np.random.default_rng(0).integers(0, 256, (2, 3, 40, 61)).astype(np.uint8)
    ours, theirs = cf.tensor(batch), torch.from_numpy(batch)
    crop = (size, size) if isinstance(size, int) else size
    floats = transforms.ConvertImageDtype(cf.float32)(ours)
    expected = functional.convert_image_dtype(theirs, torch.float32)
    np.testing.assert_array_equal(floats.numpy(), expected.numpy())
    np.testing.assert_allclose(
        transforms.Resize(size)(floats).numpy(),
        functional.resize(expected, size, antialias=True).numpy(),
        atol=1e-5,
    )
    np.testing.assert_array_equal(
        transforms.CenterCrop(crop)(ours).numpy(), functional.center_crop(theirs, crop).numpy()
    )
    np.testing.assert_allclose(
        transforms.Normalize([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])(floats).numpy(),
        functional.normalize(expected, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]).numpy(),
        atol=1e-6,
    )
