"""How well a GPT foretells words it never saw, beside torch's same model and counting.

    python benchmarks/run.py likelihood [--seeds 3] [--epochs 10] [--out DIR]

The set is `nn.tokens.words()`, a tenth of it kept aside. `nn.GPT` of width 16, with 4
heads, one layer and a context of 16, is trained by `nn.fit` with Adam, batches of 32
and a cosine schedule; torch's own modules begin at the same weights, and have the same
optimizer, batches and rates. The figure is the mean log-likelihood of a token of the
words kept aside. A bigram that was counted, one added to each count, stands beside.
"""

import argparse
import math
import time
from pathlib import Path

import report
from worker import one_core
from workers import ONE_THREAD

HERE = Path(__file__).resolve().parent
WIDTH, HEADS, CONTEXT = 16, 4, 16
RATE, BATCH, ASIDE = 0.01, 32, 0.1
WITHIN = 1  # percent of torch's


def main(argv):
    """Train both, print, and write the results."""
    parser = argparse.ArgumentParser(prog="run.py likelihood")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args(argv)
    one_core()
    columns = ("chainrule", "torch", "bigram", "chainrule, s", "torch, s")
    table = report.table("mean log-likelihood of a token kept aside", "seed", *columns)
    results = {}
    for seed in range(options.seeds):
        found = results[seed] = trained(seed, options.epochs)
        likely = [f"{-found[name]:.4f}" for name in ("ours", "torch", "bigram")]
        taken = [f"{found[name]:.1f}" for name in ("ours_s", "torch_s")]
        table.add_row(str(seed), *likely, *taken)
    report.console(100).print(table)
    for line in report.lines(targets(results)):
        print(line)
    report.write(results, plotted(results), options.out, "likelihood")


def targets(results):
    """The figures to reach, and what this run reached."""
    for seed, found in results.items():
        worse = 100 * abs(found["ours"] / found["torch"] - 1)
        name = f"seed {seed}, from torch's log-likelihood"
        yield report.Target(name, WITHIN, worse, "%")


def trained(seed, epochs):
    """The losses of one start, and the seconds of training."""
    import nn
    from nn.language import Speaker, bigram_loss

    text = nn.tokens.words()
    inside, outside = text.sequences(CONTEXT).split(ASIDE, seed)
    tokens = len(text.vocabulary)
    model = nn.GPT(tokens, WIDTH, HEADS, 1, CONTEXT, seed)
    theirs = in_torch(tokens, model.state_dict())
    begin = time.process_time()
    nn.fit(
        model, inside, optimizer=nn.Adam(lr=RATE), epochs=epochs, batch_size=BATCH,
        schedule="cosine", seed=seed, progress=False,
    )  # fmt: skip
    ours_s, begin = time.process_time() - begin, time.process_time()
    descend(theirs, inside, epochs, seed)
    return {
        "ours_s": ours_s,
        "torch_s": time.process_time() - begin,
        "ours": Speaker(model, text.vocabulary).loss(outside),
        "torch": loss_of(theirs, *padded(outside)).item(),
        "bigram": bigram_loss(inside, outside),
    }


def in_torch(tokens, start):
    """The same model of torch's own modules, at the same weights."""
    import os

    os.environ.update(ONE_THREAD)
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    block = torch.nn.TransformerEncoderLayer(
        WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
    )
    made = torch.nn.ModuleDict(
        {
            "token": torch.nn.Embedding(tokens, WIDTH),
            "position": torch.nn.Embedding(CONTEXT, WIDTH),
            "block": block,
            "norm": torch.nn.LayerNorm(WIDTH),
            "head": torch.nn.Linear(WIDTH, tokens),
        }
    )
    arrays = {name: torch.tensor(numbers) for name, numbers in start.items()}
    made.load_state_dict({n.replace("blocks.0", "block"): a for n, a in arrays.items()})
    return made


def padded(words):
    """Tokens and what follows them, each to the longest; -100 is no token."""
    import torch

    longest = max(map(len, words.X))
    x = torch.zeros(len(words), longest, dtype=torch.long)
    y = torch.full((len(words), longest), -100)
    for n, (a, b) in enumerate(zip(words.X, words.y, strict=True)):
        x[n, : len(a)], y[n, : len(b)] = torch.tensor(a), torch.tensor(b)
    return x, y


def loss_of(model, x, y):
    """The mean cross-entropy over all tokens."""
    import torch

    places = x.shape[1]
    rows = model["token"](x) + model["position"](torch.arange(places))
    ahead = torch.triu(torch.full((places, places), -torch.inf), 1)
    logits = model["head"](model["norm"](model["block"](rows, src_mask=ahead)))
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())


def descend(model, words, epochs, seed):
    """Adam in the batches that `fit` draws, and its rates."""
    import numpy as np
    import torch

    x, y = padded(words)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
        counter = np.random.Philox(key=(seed, epoch))
        order = np.random.RandomState(counter).permutation(len(x))
        for start in range(0, len(x), BATCH):
            rows = torch.from_numpy(order[start : start + BATCH])
            optimizer.zero_grad()
            loss_of(model, x[rows], y[rows]).backward()
            optimizer.step()


def plotted(results):
    """A group of bars for each seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.add_subplot()
    for n, name in enumerate(("ours", "torch", "bigram")):
        places = [seed + 0.25 * n for seed in results]
        heights = [found[name] for found in results.values()]
        axes.bar(places, heights, 0.25, label="chainrule" if name == "ours" else name)
    axes.set_ylabel("surprise per token, aside")
    axes.legend(fontsize=8)
    return figure
