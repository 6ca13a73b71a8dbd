"""Language models: trained on a text, saved, and what they write."""

import json
import math
import re
from collections import Counter

import pytest

import nn
from nn import generate, learn_text, load_text
from nn.choices import TEXT_BATCH
from nn.engine import recorded
from nn.language import bigram_loss
from nn.tokens import Text

NAMES = ["anna", "nina", "mia", "mina", "ana", "ina", "mani", "nia"] * 3
SMALL = {"width": 4, "heads": 1, "context": 6, "engine": "eager", "progress": False}


@pytest.mark.parametrize("data", ["", "  \n", "to be or not to be", "anna\notto"])
def test_a_text_itself_in_place_of_a_file_is_told(data):
    with pytest.raises(ValueError, match=r"name of a file, or a list .*splitlines\(\)"):
        learn_text(data)


def test_the_set_of_words_has_one_unit():
    with pytest.raises(ValueError, match="unit is characters for the set words"):
        learn_text("words", unit="words")


def learned(**options):
    return learn_text(NAMES, **{"epochs": 3, **SMALL, **options})


class Fixed(nn.Module):
    """Says the same of whatever comes next: token 1, 2, 0 with odds 8, 2, 1."""

    def __call__(self, tokens):
        return [[0.0, math.log(8), math.log(2)] for _ in tokens]


def test_what_is_drawn_has_the_odds_that_the_model_gives():
    found = Counter(t for row in generate(Fixed(), 3000, seed=0) for t in row)
    assert found[1] / found[2] == pytest.approx(4, rel=0.1)
    lengths = [len(row) for row in generate(Fixed(), 3000, seed=1)]
    assert sum(lengths) / 3000 == pytest.approx(10, rel=0.1)
    cold = Counter(t for row in generate(Fixed(), 200, 0.5, seed=0) for t in row)
    assert cold[1] / cold[2] == pytest.approx(16, rel=0.2)
    assert generate(Fixed(), 1, 0.0, longest=7) == [[1] * 7]


def test_the_same_seed_writes_the_same():
    model = nn.GPT(5, 4, 1, 1, 8, seed=0, dropout=0.5)
    assert generate(model, 5, seed=3) == generate(model, 5, seed=3)
    assert generate(model, 5, seed=3) != generate(model, 5, seed=4)
    assert all(row[:2] == [1, 2] for row in generate(model, 5, seed=3, prompt=[1, 2]))
    assert max(map(len, generate(model, 50, seed=3))) <= 8
    assert max(map(len, generate(model, 50, seed=3, longest=5))) == 5


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"prompt": [1] * 9}, ValueError, "9 tokens, more than the 8 of a sequence"),
        ({"prompt": [1] * 3, "longest": 2}, ValueError, "3 tokens, more than the 2"),
        ({"prompt": "ma"}, TypeError, r"list of tokens here, got 'ma'; one of text is"),
        ({"longest": 9}, ValueError, "at most the model's context, 8; got 9"),
        ({"longest": -1}, ValueError, "longest is a whole number from 0; got -1"),
        ({"n": 1.5}, ValueError, "n is a whole number from 0; got 1.5"),
        ({"n": True}, ValueError, "n is a whole number from 0; got True"),
        ({"temperature": -1}, ValueError, "temperature is a number from 0; got -1"),
        ({"temperature": math.inf}, ValueError, "is a number from 0; got inf"),
        ({"temperature": "hot"}, ValueError, "is a number from 0; got 'hot'"),
    ],
)
def test_what_cannot_be_drawn_is_told(options, error, words):
    with pytest.raises(error, match=words):
        generate(nn.GPT(5, 4, 1, 1, 8, seed=0), **options)


def test_a_program_writes_what_the_model_does(monkeypatch):
    model = nn.GPT(4, 2, 1, 1, 4, seed=0)
    alone = generate(model, 6, seed=3, prompt=[1])
    monkeypatch.setattr("nn.language.MANY", 0)
    assert generate(model, 6, seed=3, prompt=[1]) == alone
    assert generate(model, 3, seed=3, prompt=[1]) == alone[:3]


def test_a_program_spares_the_calls_of_the_model(monkeypatch):
    calls = []

    class Counted(nn.GPT):
        def __call__(self, tokens):
            calls.append(len(tokens))
            return super().__call__(tokens)

    monkeypatch.setattr("nn.language.MANY", 20)
    made = generate(Counted(4, 2, 1, 1, 12, seed=0), 200, seed=3, prompt=[1])
    assert len({tuple(row[: i + 1]) for row in made for i in range(len(row))}) > 150
    assert len(calls) < 40, "those while few went on, and those that made it"


class Backward(nn.Module):
    """What it says of a place depends on those after it, so that none can be padded."""

    context = 5

    def __call__(self, tokens):
        return [[0.0, 1.5 - len(tokens)] for _ in tokens]


def test_what_reads_backward_is_not_padded(monkeypatch):
    alone = generate(Backward(), 40, seed=0)
    compiled = []

    def counted(*arguments):
        compiled.append(recorded(*arguments))
        return compiled[-1]

    monkeypatch.setattr("nn.language.MANY", 0)
    monkeypatch.setattr("nn.language.recorded", counted)
    assert generate(Backward(), 40, seed=0) == alone
    assert len(compiled) == 1, "it is tried once"


def test_what_is_not_said_is_as_told(tmp_path):
    seen = []
    path = tmp_path / "names.txt"
    path.write_text("\n".join(NAMES[:8]))
    options = {"epochs": 1, "engine": "eager", "progress": False}
    trained = learn_text(
        path, callbacks=[lambda training: seen.append(training.batch_size)], **options
    )
    assert seen == [TEXT_BATCH]
    model = trained.model
    attention = model.blocks[0].self_attn
    assert (model.context, attention.width, attention.heads) == (16, 16, 4)
    assert len(model.blocks) == 1
    same = learn_text(NAMES[:8], batch_size=TEXT_BATCH, **options)
    assert same.model.state_dict() == model.state_dict()


def test_each_epoch_writes_a_text_and_the_test_is_measured_by_the_engine(monkeypatch):
    seen = []
    trained = learned(callbacks=[lambda training: seen.append(training.epoch)])
    assert seen == [1, 2, 3]
    assert len(trained.history.told) == 3
    assert re.fullmatch(
        r"TrainedText in 3 epochs: test loss \d\.\d{1,3}, perplexity \d\.\d{1,3}",
        repr(trained),
    )
    assert trained.history.told[-1:] == trained.generate(1, seed=0)
    _, outside = Text.of(NAMES).sequences(6).split(0.1, 0)
    assert trained.loss(outside) == pytest.approx(trained.scores["test"]["loss"])


def test_a_text_is_learned_saved_and_goes_on(tmp_path):
    path = tmp_path / "m.json"
    trained = learned(checkpoint=path, schedule="constant")
    assert trained.history.loss[-1] < trained.history.loss[0]
    assert trained.scores["test"]["perplexity"] == pytest.approx(
        math.exp(trained.scores["test"]["loss"])
    )
    again = load_text(path)
    assert again.vocabulary.symbols == ("a", "i", "m", "n")
    texts = again.generate(4, 0.8, seed=0, prompt="ma")
    assert texts == trained.generate(4, 0.8, seed=0, prompt="ma")
    assert all(text.startswith("ma") for text in texts)
    rest = learned(epochs=4, resume=path, schedule="constant")
    whole = learned(epochs=4, schedule="constant")
    assert rest.model.state_dict() == whole.model.state_dict()


def test_the_scores_are_losses_per_token():
    trained = learned(epochs=0)
    _, outside = Text.of(NAMES).sequences(6).split(0.1, 0)
    losses = [
        nn.cross_entropy([row], [t]).data
        for X, y in zip(*outside, strict=True)
        for row, t in zip(trained.model(X), y, strict=True)
    ]
    assert trained.scores["test"]["loss"] == pytest.approx(sum(losses) / len(losses))


def test_pairs_counted():
    inside = Text.of(["abab", "ba", "cc"]).sequences(8)
    outside = Text.of(["abc", "a"]).sequences(8)
    pairs = Counter(["^a", "ab", "ba", "ab", "b$", "^b", "ba", "a$", "^c", "cc", "c$"])
    losses = []
    for pair in ["^a", "ab", "bc", "c$", "^a", "a$"]:
        begun = sum(count for seen, count in pairs.items() if seen[0] == pair[0])
        losses.append(math.log((begun + 4) / (pairs[pair] + 1)))
    assert bigram_loss(inside, outside) == pytest.approx(sum(losses) / 6, rel=1e-15)


def test_a_model_without_a_vocabulary(tmp_path):
    nn.save(nn.MLP(2, [1]), tmp_path / "m.json")
    with pytest.raises(ValueError, match="has no vocabulary"):
        load_text(tmp_path / "m.json")


@pytest.mark.parametrize(
    "change", [{"unit": "letters"}, {"symbols": ["a", "a"]}, {"symbols": [""]}]
)
def test_a_vocabulary_that_is_damaged(change, tmp_path):
    path = tmp_path / "m.json"
    learned(epochs=0).save(path)
    content = json.loads(path.read_text())
    content["context"]["vocabulary"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="its vocabulary is not one of different"):
        load_text(path)


@pytest.mark.parametrize("symbols", [[], ["a"], [*"abcdefghijklmnopqrstuvwxyz01234"]])
def test_a_vocabulary_of_another_size_than_the_networks(symbols, tmp_path):
    path = tmp_path / "m.json"
    learned(epochs=0).save(path)
    content = json.loads(path.read_text())
    content["context"]["vocabulary"]["symbols"] = symbols
    path.write_text(json.dumps(content))
    for read in (load_text, nn.load):
        with pytest.raises(ValueError, match="its context does not fit its network"):
            read(path)
