"""Losses as modules: PyTorch's class, arguments, options, inputs."""

from __future__ import annotations

from typing import Any

from case import Input, index, integers, positive, probability, t, values


def cases() -> list[tuple[str, tuple[Any, ...], dict[str, Any], list[Input]]]:
    """Each loss with its default options and others."""
    pair, signs = [t(2, 3), t(2, 3)], values([1.0, -1.0, 1.0], grad=False)
    classes = [t(4, 5), index(4, below=5)]
    chances = [probability(2, 3), probability(2, 3)]
    log_probs, labels = values([[[-0.5, -1.2]], [[-0.9, -0.6]]]), integers([[1]])
    return [
        ("MSELoss", (), {}, pair),
        ("MSELoss", (), {"reduction": "sum"}, pair),
        ("L1Loss", (), {}, pair),
        ("SmoothL1Loss", (), {"beta": 0.5, "reduction": "none"}, pair),
        ("HuberLoss", ("sum", 0.5), {}, pair),
        ("CrossEntropyLoss", (), {}, classes),
        ("CrossEntropyLoss", (), {"ignore_index": 2, "label_smoothing": 0.1}, classes),
        ("NLLLoss", (), {"reduction": "none"}, classes),
        ("BCELoss", (), {}, chances),
        ("BCEWithLogitsLoss", (), {}, [t(2, 3), probability(2, 3)]),
        ("KLDivLoss", (), {"reduction": "batchmean"}, [t(2, 3), probability(2, 3)]),
        ("KLDivLoss", (), {"reduction": "sum", "log_target": True}, pair),
        ("CTCLoss", (), {}, [log_probs, labels, integers([2]), integers([1])]),
        ("CTCLoss", (), {"reduction": "sum", "zero_infinity": True},
         [log_probs, labels, integers([0]), integers([1])]),
        ("HingeEmbeddingLoss", (), {"margin": 0.5}, [t(3), signs]),
        ("MarginRankingLoss", (), {"margin": 0.5}, [t(3), t(3), signs]),
        ("MultiMarginLoss", (), {"p": 2, "margin": 0.5}, classes),
        ("TripletMarginLoss", (), {"swap": True, "p": 1.0}, [t(2, 3), t(2, 3), t(2, 3)]),
        ("TripletMarginWithDistanceLoss", (), {"margin": 2.0}, [t(2, 3), t(2, 3), t(2, 3)]),
        ("CosineEmbeddingLoss", (), {"margin": 0.1}, [t(3, 4), t(3, 4), signs]),
        ("PoissonNLLLoss", (), {"full": True}, [t(2, 3), positive(2, 3)]),
        ("GaussianNLLLoss", (), {"full": True}, [t(2, 3), t(2, 3), positive(2, 3)]),
        ("MultiLabelMarginLoss", (), {}, [t(1, 3), integers([[2, -1, 0]])]),
        ("MultiLabelSoftMarginLoss", (), {"reduction": "sum"}, [t(2, 3), probability(2, 3)]),
        ("SoftMarginLoss", (), {}, [t(3), signs]),
        ("CosineSimilarity", (), {}, pair),
        ("CosineSimilarity", (0, 0.1), {}, pair),
        ("PairwiseDistance", (), {}, pair),
        ("PairwiseDistance", (1.0,), {"keepdim": True}, pair),
    ]  # fmt: skip
