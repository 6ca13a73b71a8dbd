"""Run a benchmark by name: `python benchmarks/run.py eager [options]`.

Each benchmark is a module beside this file with a function `main(argv)`. It measures
ours and the peers in one run on one core, prints a table of medians and ratios, and
writes the same as JSON and as a plot.
"""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Dispatch to the benchmark that the first argument names."""
    names = sorted(path.stem for path in HERE.glob("*.py"))
    known = {
        "accuracy",
        "defaults",
        "eager",
        "epochs",
        "likelihood",
        "microgpt",
        "names",
        "nist",
        "page",
        "programs",
        "tables",
    }
    benchmarks = [name for name in names if name in known]
    if len(sys.argv) < 2 or sys.argv[1] not in benchmarks:
        sys.exit(
            f"usage: python benchmarks/run.py {{{','.join(benchmarks)}}} [options]"
        )
    importlib.import_module(sys.argv[1]).main(sys.argv[2:])


if __name__ == "__main__":
    main()
