"""Learn to add in words, one letter at a time.

An LSTM reads sentences such as "two and five is seven." letter by letter and learns what the next
letter is. Which numbers come is chance; what they add up to is not, and that it must find out.

Run it with `python -m candle_ffi.examples.char_lstm`.
"""

from __future__ import annotations

import candle_ffi as cf

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
STEPS = 200
BATCH = 32


def sentence(a: int, b: int) -> str:
    """Return the sum of two numbers in words."""
    return f"{WORDS[a]} and {WORDS[b]} is {WORDS[a + b]}."


SENTENCES = [sentence(a, b) for a in range(6) for b in range(6)]
LETTERS = sorted(set("".join(SENTENCES)))


class Speller(cf.nn.Module):
    """Letters in, the likelihood of each next letter out."""

    def __init__(self, hidden: int = 96) -> None:
        super().__init__()
        self.embedding = cf.nn.Embedding(len(LETTERS), 24)
        self.lstm = cf.nn.LSTM(24, hidden, batch_first=True)
        self.head = cf.nn.Linear(hidden, len(LETTERS))

    def forward(
        self, letters: cf.Tensor, state: tuple[cf.Tensor, cf.Tensor] | None = None
    ) -> tuple[cf.Tensor, tuple[cf.Tensor, cf.Tensor]]:
        """Return scores of the next letter after each letter, and the state after the last."""
        output, state = self.lstm(self.embedding(letters), state)
        return self.head(output), state


def encode(text: str) -> cf.Tensor:
    """Return the numbers of a text's letters."""
    return cf.tensor([LETTERS.index(letter) for letter in text])


def complete(model: Speller, text: str) -> str:
    """Return a text with the most likely letters behind it, up to the full stop."""
    with cf.no_grad():
        scores, state = model(encode(text).unsqueeze(0))
        while not text.endswith(".") and len(text) < 60:
            letter = scores[:, -1:].argmax(-1)
            text += LETTERS[int(letter.item())]
            scores, state = model(letter, state)
    return text


def main() -> None:
    """Train on sentences of unequal lengths, then ask for every sum."""
    cf.manual_seed(0)
    model = Speller()
    optimizer = cf.optim.Adam(model.parameters(), lr=0.01)
    # What stands behind the end of a short sentence is ignored by the loss.
    rows = [encode(text) for text in SENTENCES]
    inputs = cf.nn.utils.rnn.pad_sequence([row[:-1] for row in rows], batch_first=True)
    targets = cf.nn.utils.rnn.pad_sequence(
        [row[1:] for row in rows], batch_first=True, padding_value=-100
    )
    for step in range(1, STEPS + 1):
        chosen = cf.randperm(len(rows))[:BATCH]
        scores, _ = model(inputs[chosen])
        loss = cf.nn.functional.cross_entropy(scores.flatten(0, 1), targets[chosen].flatten())
        optimizer.zero_grad()
        loss.backward()
        cf.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0:
            print(f"step {step:3d}  loss {loss.item():.4f}")

    model.eval()
    right = 0
    for text in SENTENCES:
        question = text[: text.index(" is ") + 4]
        right += complete(model, question) == text
    print(complete(model, "two and three is "))
    print(f"{right} of {len(SENTENCES)} sums are right")


if __name__ == "__main__":
    main()
