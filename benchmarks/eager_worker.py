"""One engine in one process: reads workloads as lines of JSON, answers with seconds.

    python benchmarks/eager_worker.py chainrule|micrograd|torch|mygrad|plain-value

Every workload is written once, with operators alone, so that each engine runs the same
code. Building inputs is not timed; recording, going backward and freeing are.
"""

import importlib
import itertools
import json
import random
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.setrecursionlimit(10**8)  # micrograd sorts its graph recursively


class Engine:
    """What the workloads need of an engine: a Value and a network."""

    def __init__(self, name):
        self.name = name
        if name == "torch":
            torch = importlib.import_module("torch")
            torch.set_num_threads(1)
            self.Value = lambda x: torch.tensor(
                float(x), dtype=torch.float64, requires_grad=True
            )
            return
        if name == "mygrad":
            tensor = importlib.import_module("mygrad").tensor
            self.Value = lambda x: tensor(float(x))
            return
        modules = {
            "chainrule": ("autograd", "nn"),
            "micrograd": ("micrograd.engine", "micrograd.nn"),
            "plain-value": ("plain_value", None),
        }
        engine, network = modules[name]
        self.Value = importlib.import_module(engine).Value
        if network:
            self.MLP = importlib.import_module(network).MLP


def timed(*phases):
    """Seconds of each phase, run one after the other."""
    seconds = []
    for phase in phases:
        start = time.perf_counter()
        phase()
        seconds.append(time.perf_counter() - start)
    return seconds


def measure(record):
    """Seconds to record a graph, to go backward, and to free it."""
    held = []
    return timed(lambda: held.append(record()), lambda: held[0].backward(), held.clear)


def chain(engine, n):
    """x = x*a; x = x+b, n nodes in a row."""
    a, b, start = engine.Value(1.0000001), engine.Value(1e-7), engine.Value(1.0)

    def record():
        x = start
        for _ in range(n // 2):
            x = x * a
            x = x + b
        return x

    return measure(record)


def wide(engine, n):
    """The sum of n leaves, by Python's own sum."""
    leaves = [engine.Value(1.0 / (i + 1)) for i in range(n)]
    return measure(lambda: sum(leaves))


def random_graph(engine, n):
    """n operations on nodes picked at random among all before."""
    rng = random.Random(0)
    plan = [(rng.randrange(4), rng.random(), rng.random()) for _ in range(n)]
    leaves = [engine.Value(rng.uniform(-1, 1)) for _ in range(10)]

    def record():
        nodes = list(leaves)
        for kind, i, j in plan:
            x, y = nodes[int(i * len(nodes))], nodes[int(j * len(nodes))]
            if kind == 0:
                nodes.append((x + y) * 0.5)
            elif kind == 1:
                nodes.append(x * y)
            elif kind == 2:
                nodes.append(x - y)
            else:
                nodes.append(x.relu() * 0.5)
        return sum(nodes[-100:])

    return measure(record)


def network(engine, n):
    """The squared loss of an 8-32-32-1 network over n samples, written with lists."""
    rng = random.Random(0)
    sizes = [8, 32, 32, 1]
    layers = [
        [[engine.Value(rng.uniform(-0.5, 0.5)) for _ in range(a + 1)] for _ in range(b)]
        for a, b in itertools.pairwise(sizes)
    ]
    rows = [[rng.uniform(-1, 1) for _ in range(8)] for _ in range(n)]

    def predict(x):
        for weights in layers:
            x = [
                sum((w * xi for w, xi in zip(row, x, strict=False)), row[-1]).relu()
                for row in weights
            ]
        return x[0]

    return measure(lambda: sum((predict(x) - 1.0) ** 2 for x in rows))


def moons(engine, n):
    """One step of micrograd's moons demo: its network, data, loss and update."""
    from sklearn.datasets import make_moons

    X, y = make_moons(n_samples=n, noise=0.1, random_state=1)
    y = y * 2 - 1
    Value, model = engine.Value, engine.MLP(2, [16, 16, 1])
    rng = random.Random(1337)
    for p in model.parameters():
        p.data = rng.uniform(-1, 1)

    def step():
        inputs = [list(map(Value, row)) for row in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * s).relu() for yi, s in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in model.parameters())
        total = data_loss + reg_loss
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad

    return timed(step)


def transformer(engine, n):
    """n training steps of the character-level transformer."""
    module = importlib.import_module("transformer")
    model = module.new_model(engine.Value)
    return timed(*[lambda: module.step(model)] * n)


def memory(engine, n):
    """Bytes a node takes, from the growth of the process; not seconds."""
    start = engine.Value(1.0)
    before = resident()
    x = start
    for _ in range(n):
        x = x * start
    return [(resident() - before) / n]


def resident():
    """Bytes of memory that the process holds now, or where unknown held at most."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


WORKLOADS = {
    f.__name__: f
    for f in (chain, wide, random_graph, network, moons, transformer, memory)
}


def main():
    """Answer one line of JSON with another until the input ends."""
    engine = Engine(sys.argv[1])
    compiled = None
    if engine.name == "chainrule":
        compiled = importlib.import_module("autograd").__compiled__
    print(json.dumps({"compiled": compiled}), flush=True)
    for line in sys.stdin:
        name, n = json.loads(line)
        print(json.dumps(WORKLOADS[name](engine, n)), flush=True)


if __name__ == "__main__":
    main()
