"""Losses: what bad arguments say, modules against functions, gradients that rows do not reach."""

# ruff: noqa: E501 (one case is one line)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import backend
import gradcheck
import numpy as np
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("exception classes are candle_ffi's", allow_module_level=True)

nn = cf.nn
F = cf.nn.functional

X = [[0.3, -1.0, 2.0], [1.5, 0.2, -0.4]]


def ctc(**changed: Any) -> Any:
    """`ctc_loss` of two sequences of five steps and four classes, with some arguments replaced."""
    arguments: dict[str, Any] = {
        "log_probs": F.log_softmax(cf.zeros(5, 2, 4), -1),
        "targets": cf.tensor([[1, 2], [1, 3]]),
        "input_lengths": (5, 5),
        "target_lengths": (2, 1),
    }
    return F.ctc_loss(**{**arguments, **changed})


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda x: F.mse_loss(x, cf.zeros(4)), "ShapeError", ["[2, 3]", "[4]"]),
        (lambda x: F.mse_loss(x, x, weight=cf.ones(3)), "ShapeError", ["weight", "[3]", "[2, 3]"]),
        (lambda x: F.l1_loss(x, x, weight=cf.ones(2)), "ShapeError", ["weight", "[2]", "[2, 3]"]),
        (lambda x: F.huber_loss(x, x, weight=cf.ones(2)), "ShapeError", ["weight", "[2]"]),
        (lambda x: F.huber_loss(x, x, delta=0.0), "InvalidArgumentError", ["delta", "0"]),
        (lambda x: F.smooth_l1_loss(x, x, beta=-1.0), "InvalidArgumentError", ["beta", "-1"]),
        (lambda x: F.smooth_l1_loss(x, cf.zeros(2)), "ShapeError", ["[2, 3]", "[2]"]),
        (lambda x: F.mse_loss(x, x, reduction="batchmean"), "InvalidArgumentError", ["reduction"]),
        (lambda x: F.kl_div(x, x, reduction="all"), "InvalidArgumentError", ["reduction"]),
        (lambda x: F.kl_div(x.long(), x), "DTypeError", ["int64"]),
        (lambda x: F.binary_cross_entropy(x, x), "InvalidArgumentError", ["between 0 and 1"]),
        (lambda x: F.binary_cross_entropy(x * float("nan"), x), "InvalidArgumentError", ["0 and 1"]),
        (lambda x: F.binary_cross_entropy(x, cf.zeros(3)), "ShapeError", ["[3]", "[2, 3]"]),
        (lambda x: F.gaussian_nll_loss(x, x, cf.tensor([-1.0])), "InvalidArgumentError", ["negative"]),
        (lambda x: F.gaussian_nll_loss(x, x, cf.ones(3)), "ShapeError", ["[3]", "[2, 3]"]),
        (lambda x: F.gaussian_nll_loss(x, x, -1.0), "InvalidArgumentError", ["negative"]),
        (lambda x: F.cross_entropy(x, cf.tensor([0, 3])), "CandleIndexError", ["3"]),
        (lambda x: F.cross_entropy(x, cf.tensor([0, -1])), "CandleIndexError", ["-1"]),
        (lambda x: F.cross_entropy(x, cf.tensor([0])), "ShapeError", ["[2, 3]", "[1]"]),
        (lambda x: F.cross_entropy(x, cf.tensor([0, 1]), cf.ones(2)), "ShapeError", ["[3]", "[2]"]),
        (lambda x: F.cross_entropy(cf.tensor(1.0), cf.tensor(0)), "ShapeError", ["scalar"]),
        (lambda x: F.cross_entropy(x, cf.tensor([0, 1]), label_smoothing=2.0), "InvalidArgumentError", ["2"]),
        (lambda x: F.nll_loss(x, cf.tensor([0.0, 1.0])), "DTypeError", ["float32"]),
        (lambda x: F.multi_margin_loss(x, cf.tensor([0, 3])), "CandleIndexError", ["3"]),
        (lambda x: F.multi_margin_loss(x, cf.tensor([0, 1]), p=3), "InvalidArgumentError", ["3"]),
        (lambda x: F.multi_margin_loss(x, cf.tensor([0, 1, 2])), "ShapeError", ["[3]", "[2, 3]"]),
        (lambda x: F.multi_margin_loss(x, cf.tensor([0, 1]), weight=cf.ones(2)), "ShapeError", ["[3]", "[2]"]),
        (lambda x: F.multi_margin_loss(x[None], cf.tensor([0, 1])), "ShapeError", ["[1, 2, 3]"]),
        (lambda x: F.multilabel_margin_loss(x, cf.tensor([0, 1, 2])), "ShapeError", ["[3]", "[2, 3]"]),
        (lambda x: F.multilabel_margin_loss(x, cf.full((2, 3), 7)), "CandleIndexError", ["7"]),
        (lambda x: F.multilabel_soft_margin_loss(cf.tensor(1.0), cf.tensor(1.0)), "ShapeError", ["scalar"]),
        (lambda x: F.margin_ranking_loss(x, x, cf.ones(3)), "ShapeError", ["[2, 3]", "[3]"]),
        (lambda x: F.triplet_margin_loss(x, x, cf.ones(3)), "ShapeError", ["[2, 3]", "[3]"]),
        (lambda x: F.triplet_margin_loss(x, x, x, margin=0.0), "InvalidArgumentError", ["margin"]),
        (lambda x: F.cosine_embedding_loss(x, x, cf.ones(2, 3)), "ShapeError", ["[2, 3]"]),
        (lambda x: F.cosine_embedding_loss(x, x, cf.tensor(1.0)), "ShapeError", ["[2, 3]", "[]"]),
        (lambda x: F.cosine_similarity(x, x, dim=2), "CandleIndexError", ["dimension 2"]),
        (lambda x: F.pdist(x[0]), "ShapeError", ["[3]"]),
        (lambda x: cf.cdist(x, cf.ones(2, 4)), "ShapeError", ["[2, 3]", "[2, 4]"]),
        (lambda x: cf.cdist(x, x, p=-1.0), "InvalidArgumentError", ["-1"]),
        (lambda x: ctc(input_lengths=(6, 5)), "InvalidArgumentError", ["5 steps", "6"]),
        (lambda x: ctc(target_lengths=(-1, 1)), "InvalidArgumentError", ["-1"]),
        (lambda x: ctc(input_lengths=(5,)), "ShapeError", ["input_lengths", "2 sequences"]),
        (lambda x: ctc(target_lengths=(3, 1)), "ShapeError", ["[2, 2]", "3"]),
        (lambda x: ctc(targets=cf.tensor([1, 2])), "ShapeError", ["[2]", "[2, 1]"]),
        (lambda x: ctc(targets=cf.tensor([[[1]]])), "ShapeError", ["[1, 1, 1]"]),
        (lambda x: ctc(targets=cf.tensor([[1, 4], [1, 1]])), "CandleIndexError", ["4"]),
        (lambda x: ctc(targets=cf.ones(2, 2)), "DTypeError", ["float32"]),
        (lambda x: ctc(blank=4), "CandleIndexError", ["blank 4"]),
        (lambda x: ctc(log_probs=cf.zeros(0, 2, 4)), "ShapeError", ["[0, 2, 4]"]),
        (lambda x: ctc(log_probs=cf.zeros(4)), "ShapeError", ["[4]"]),
        (lambda x: ctc(input_lengths=cf.tensor([5.0, 5.0])), "DTypeError", ["input_lengths"]),
        (lambda x: nn.MultiMarginLoss(p=3), "InvalidArgumentError", ["3"]),
        (lambda x: nn.TripletMarginLoss(margin=0.0), "InvalidArgumentError", ["margin"]),
        (lambda x: nn.TripletMarginWithDistanceLoss(margin=-1.0), "InvalidArgumentError", ["-1"]),
        (lambda x: nn.MSELoss(reduction="x")(x, x), "InvalidArgumentError", ["'x'"]),
    ],
)  # fmt: skip
def test_bad_arguments(call: Callable[[Any], Any], error: str, words: list[str]) -> None:
    with pytest.raises(backend.error(error)) as caught:
        call(cf.tensor(X))
    for word in words:
        assert word in str(caught.value)


def test_labels_beyond_a_targets_length_do_not_matter() -> None:
    assert ctc(targets=cf.tensor([[1, 2], [1, 99]])).item() == ctc().item()


def test_the_gradient_of_ctc_is_taken_once() -> None:
    logits = cf.zeros(5, 2, 4, requires_grad=True)
    loss = ctc(log_probs=F.log_softmax(logits, -1))
    (gradient,) = cf.autograd.grad(loss, [logits], create_graph=True)
    with pytest.raises(backend.error("NoGradientError"), match="ctc_loss"):
        cf.autograd.grad(gradient.sum(), [logits])


def test_ctc_learns_to_spell() -> None:
    cf.manual_seed(0)
    logits = cf.zeros(12, 2, 5, requires_grad=True)
    targets, loss = cf.tensor([[1, 2, 2, 4], [3, 1, 0, 0]]), nn.CTCLoss()
    for _ in range(200):
        value = loss(F.log_softmax(logits, -1), targets, (12, 9), (4, 2))
        logits.grad = None
        value.backward()
        with cf.no_grad():
            logits -= logits.grad * 5.0
    assert value.item() < 0.05
    best = logits.detach().numpy().argmax(-1)

    def spelled(path: np.ndarray) -> list[int]:
        kept = path[np.insert(np.diff(path) != 0, 0, True)]
        return [int(label) for label in kept if label != 0]

    assert spelled(best[:, 0]) == [1, 2, 2, 4] and spelled(best[:9, 1]) == [3, 1]


def test_the_weight_of_classes_has_a_gradient() -> None:
    """PyTorch has none; here it is what the formula says."""
    x = cf.tensor(X, dtype=cf.float64)
    for smoothing in (0.0, 0.2):
        weight = cf.tensor([0.5, 1.0, 2.0], dtype=cf.float64, requires_grad=True)

        def loss(inputs: list[Any], smoothing: float = smoothing) -> list[Any]:
            target = cf.tensor([2, 0])
            return [F.cross_entropy(x, target, weight=inputs[0], label_smoothing=smoothing)]

        gradcheck.check(loss, [weight])


def test_one_pass_gives_what_several_give() -> None:
    """Rows of classes have a kernel of their own; images of classes go through log_softmax."""
    generator = np.random.default_rng(0)
    scores, classes = generator.normal(size=(50, 7)), generator.integers(0, 7, 50)
    classes[::9] = 3
    weight = cf.tensor(generator.uniform(0.5, 2, 7))
    for options in (
        {},
        {"ignore_index": 3},
        {"weight": weight},
        {"label_smoothing": 0.3},
        {"weight": weight, "ignore_index": 3, "label_smoothing": 0.1},
    ):
        for reduction in ("mean", "sum", "none"):
            results = []
            for image in (False, True):
                x = cf.tensor(scores, requires_grad=True)
                target = cf.tensor(classes)
                pair = (x[:, :, None], target[:, None]) if image else (x, target)
                loss = F.cross_entropy(*pair, reduction=reduction, **options)
                (loss.reshape(-1) * cf.arange(1, loss.numel() + 1)).sum().backward()
                results.append((loss.detach().numpy().ravel(), x.grad.numpy()))
            for one, other in zip(*results, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_cross_entropy_does_not_read_a_changed_target() -> None:
    x, target = cf.tensor(X, requires_grad=True), cf.tensor([0, 1])
    loss = F.cross_entropy(x, target)
    target.fill_(2)
    with pytest.raises(backend.error("InPlaceError")):
        loss.backward()


MODULES: list[tuple[Any, Callable[..., Any], tuple[Any, ...]]] = [
    (nn.MSELoss(reduction="sum"), lambda x, y: F.mse_loss(x, y, reduction="sum"), ()),
    (nn.SmoothL1Loss(beta=0.3), lambda x, y: F.smooth_l1_loss(x, y, beta=0.3), ()),
    (nn.HuberLoss("sum", 0.3), lambda x, y: F.huber_loss(x, y, "sum", 0.3), ()),
    (nn.KLDivLoss("batchmean", True), lambda x, y: F.kl_div(x, y, "batchmean", True), ()),
    (nn.PoissonNLLLoss(full=True), lambda x, y: F.poisson_nll_loss(x, y, full=True), ()),
    (nn.SoftMarginLoss(), F.soft_margin_loss, ()),
    (nn.HingeEmbeddingLoss(0.4), lambda x, y: F.hinge_embedding_loss(x, y, 0.4), ()),
    (nn.CosineSimilarity(0), lambda x, y: F.cosine_similarity(x, y, 0), ()),
    (nn.PairwiseDistance(1.0, keepdim=True), lambda x, y: F.pairwise_distance(x, y, 1.0, keepdim=True), ()),
]  # fmt: skip


@pytest.mark.parametrize("module, function, _", MODULES, ids=lambda item: type(item).__name__)
def test_modules_pass_their_options_on(module: Any, function: Callable[..., Any], _: Any) -> None:
    x, y = cf.tensor(X), cf.tensor([[0.2, 0.4, 1.7], [-0.3, 0.9, 0.8]])
    np.testing.assert_array_equal(module(x, y).numpy(), function(x, y).numpy())


def test_weights_of_losses_are_buffers() -> None:
    weight = cf.tensor([1.0, 2.0, 0.5])
    losses = [
        nn.CrossEntropyLoss(weight),
        nn.NLLLoss(weight),
        nn.MultiMarginLoss(weight=weight),
        nn.BCELoss(weight),
        nn.MultiLabelSoftMarginLoss(weight),
    ]
    for loss in losses:
        assert list(loss.state_dict()) == ["weight"] and not list(loss.parameters())
        assert loss.double().weight.dtype == cf.float64
    assert list(nn.BCEWithLogitsLoss(pos_weight=weight).state_dict()) == ["pos_weight"]
    assert not nn.CrossEntropyLoss().state_dict()


def test_a_distance_of_ones_own() -> None:
    anchor, near, far = cf.zeros(2, 2), cf.ones(2, 2) * 0.5, cf.ones(2, 2)
    loss = nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: (a - b).abs().sum(-1), margin=2.0, swap=True
    )
    assert loss(anchor, near, far).item() == 2.0
    own = nn.TripletMarginWithDistanceLoss(
        distance_function=nn.PairwiseDistance(1.0), reduction="sum"
    )
    expected = F.triplet_margin_loss(anchor, near, far, p=1.0, reduction="sum")
    assert own(anchor, near, far).item() == pytest.approx(expected.item())
    assert repr(nn.TripletMarginWithDistanceLoss()) == (
        "TripletMarginWithDistanceLoss(\n  (distance_function): PairwiseDistance()\n)"
    )


def test_ctc_of_halves_has_the_gradient_of_whole_losses() -> None:
    """A loss of a hundred has no digits behind the point in bfloat16; its gradient needs them."""
    cf.manual_seed(0)
    x = cf.randn(120, 1, 5)
    targets, lengths = cf.randint(1, 5, (1, 10)), ([120], [10])
    grads = []
    for dtype in (cf.float32, cf.bfloat16):
        leaf = x.to(dtype).float().log_softmax(2).to(dtype).detach().requires_grad_()
        F.ctc_loss(leaf, targets, *lengths, reduction="sum").backward()
        grads.append(leaf.grad.float())
    scale = grads[0].abs().max().item()
    assert (grads[0] - grads[1]).abs().max().item() < 0.05 * scale
