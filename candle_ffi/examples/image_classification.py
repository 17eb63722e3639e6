"""Train a convolutional network on Fashion-MNIST, go on with it, and ask it what a picture shows.

Run it with ``python -m candle_ffi.examples.image_classification``: it reads the files of Debian's
package dataset-fashion-mnist, or of the folder given by ``--data``; without them it trains on
scikit-learn's digits. It writes into the folder given by ``--output``:

- ``checkpoint.safetensors`` after each epoch; ``--resume`` goes on from it, to the same weights
- ``history.png``, ``confusion.png`` and ``predictions.png`` at the end

``--predict picture.png`` then tells what a picture shows. Photographs do as well as pictures of the
data set: see `prepare` for what is done with them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import candle_ffi as cf
from candle_ffi import nn
from candle_ffi.data import DataLoader, TensorDataset
from candle_ffi.examples.image_classification_data import Images, find_images, prepare
from candle_ffi.examples.image_classification_model import Classifier
from candle_ffi.optim.lr_scheduler import OneCycleLR
from candle_ffi.training import Accuracy, Callback, ProgressLines, Trainer

KEPT = "Keep"


class Keep(Callback):
    """Write the checkpoint after each epoch, with what the weights are worth nothing without.

    Parameters
    ----------
    path : Path
        The file.
    about : dict
        The data, its classes, the size of its images, and the settings of the training.
    """

    order = 100  # the others come first: what they change belongs into the file

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path = path
        self.about = about

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """Write it."""
        trainer.save_checkpoint(self.path)

    def state_dict(self) -> dict[str, Any]:
        """Return what belongs to the weights."""
        return self.about

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse a training on other data, or with other settings.

        Parameters
        ----------
        state_dict : dict
            What was kept.
        """
        for name, value in self.about.items():
            if state_dict.get(name) != value:
                raise cf.StateDictError(
                    f"the training in {self.path} is another one: "
                    f"{name} {state_dict.get(name)}, not {value}"
                )


def make_trainer(data: Images, options: argparse.Namespace) -> tuple[Trainer, DataLoader[Any]]:
    """Return what trains, and the batches.

    Parameters
    ----------
    data : Images
        The images.
    options : Namespace
        The settings.

    Returns
    -------
    Trainer
        With the model, the optimizer and the schedule.
    DataLoader
        Of the images for training, in an order that the seed decides.
    """
    images, labels = data.train
    height, width = images.shape[2:]
    batch = min(options.batch_size, len(images))
    loader: DataLoader[Any] = DataLoader(
        TensorDataset(images, labels),
        batch_size=batch,
        shuffle=True,
        drop_last=True,  # the statistics of a few images would be poor
        generator=options.seed,
    )
    cf.manual_seed(options.seed)
    pixels = images[:10_000] / 255.0  # enough to know their mean and their spread
    model = Classifier(
        height,
        width,
        len(data.classes),
        float(pixels.mean()),
        float(pixels.std()),
        flip=data.name != "digits",
    )
    optimizer = cf.optim.SGD(
        model.parameters(), lr=options.lr, momentum=0.9, weight_decay=3e-4, nesterov=True
    )
    schedule = OneCycleLR(optimizer, options.lr, epochs=options.epochs, steps_per_epoch=len(loader))
    about = {
        "data": data.name,
        "classes": list(data.classes),
        "size": [height, width],
        "images": len(images),
        "epochs": options.epochs,
        "batch size": batch,
        "learning rate": options.lr,
    }
    trainer = Trainer(
        model,
        optimizer,
        nn.CrossEntropyLoss(),
        metrics=[Accuracy()],
        scheduler=schedule,
        callbacks=[ProgressLines(sys.stdout), Keep(options.checkpoint, about)],
        progress=False,
    )
    return trainer, loader


def train(options: argparse.Namespace) -> None:
    """Train, measure, draw.

    Parameters
    ----------
    options : Namespace
        The settings.
    """
    from candle_ffi.examples.image_classification_pictures import draw_confusion, draw_predictions

    data = find_images(options.data)
    if options.train_size:
        images, labels = data.train
        data = data._replace(train=(images[: options.train_size], labels[: options.train_size]))
    counts = len(data.train[0]), len(data.test[0])
    print(f"{data.name}: {counts[0]} images for training, {counts[1]} for the test")
    for folder in (options.output, options.checkpoint.parent):
        folder.mkdir(parents=True, exist_ok=True)
    trainer, loader = make_trainer(data, options)
    resume = options.checkpoint if options.resume else None
    trainer.fit(loader, options.epochs, validation=data.test, batch_size=500, resume=resume)

    images, labels = data.test
    scores = trainer.predict(images, batch_size=500)
    probabilities = nn.functional.softmax(scores, 1).numpy()
    seen = probabilities.argmax(1)
    accuracy = (seen == labels).mean()
    print(f"test accuracy: {accuracy:.2%} of {len(labels)} images")
    title = f"{data.name}: {accuracy:.2%} of {len(labels)} test images are right"
    pictures = [options.output / f"{name}.png" for name in ("confusion", "predictions", "history")]
    draw_confusion(labels, seen, data.classes, pictures[0], title)
    draw_predictions(images, labels, probabilities, data.classes, pictures[1])
    trainer.history.plot(pictures[2])
    print("wrote", options.checkpoint, *pictures)


def predict(paths: list[Path], checkpoint: Path) -> None:
    """Tell what pictures show: the three likeliest classes.

    Parameters
    ----------
    paths : list of Path
        The pictures.
    checkpoint : Path
        What a training wrote.
    """
    found = cf.checkpoint.read(checkpoint)
    about = found.states.get("trainer", {}).get("callbacks", {}).get(KEPT)
    if about is None or "model" not in found.states:
        raise cf.StateDictError(f"{checkpoint} is a checkpoint, but of another program")
    height, width = about["size"]
    classes = about["classes"]
    model = Classifier(height, width, len(classes))
    model.load_state_dict(found.states["model"])
    model.eval()
    for path in paths:
        image = cf.tensor(prepare(path, height, width)[None])
        with cf.no_grad():
            probabilities = nn.functional.softmax(model(image), 1)[0]
        best = probabilities.topk(3)
        told = ", ".join(
            f"{classes[index]} {share:.1%}"
            for share, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )
        print(f"{path}: {told}")


def positive(text: str) -> int:
    """Return a whole number above 0.

    Parameters
    ----------
    text : str
        What was typed.
    """
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the settings.

    Parameters
    ----------
    arguments : list of str or None
        The command line without the program; None for the one of the process.
    """
    parser = argparse.ArgumentParser(
        prog="image_classification", description="Train a network on images, and ask it."
    )
    parser.add_argument("--data", type=Path, help="the folder with Fashion-MNIST's four files")
    parser.add_argument(
        "--output", type=Path, default=Path("image_classification"), help="where the files go"
    )
    parser.add_argument("--checkpoint", type=Path, help="OUTPUT/checkpoint.safetensors")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument(
        "--predict", type=Path, nargs="+", metavar="PICTURE", help="tell what it is"
    )
    parser.add_argument("--epochs", type=positive, default=8)
    parser.add_argument("--batch-size", type=positive, default=128)
    parser.add_argument("--lr", type=float, default=0.05, help="the highest of the cycle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train-size", type=positive, help="the first images alone")
    options = parser.parse_args(arguments)
    options.checkpoint = options.checkpoint or options.output / "checkpoint.safetensors"
    return options


def main(arguments: list[str] | None = None) -> None:
    """Train, or tell what pictures show.

    Parameters
    ----------
    arguments : list of str, optional
        The command line without the program; the one of the process when not given.
    """
    options = parse(arguments)
    try:
        if options.predict:
            predict(options.predict, options.checkpoint)
        else:
            train(options)
    except (cf.CandleError, OSError, ImportError) as error:
        raise SystemExit(f"image_classification: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("image_classification: interrupted; --resume goes on") from None


if __name__ == "__main__":
    main()
