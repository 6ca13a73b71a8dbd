"""Plain C, written for the transformer: `arrays/transformer.c`."""

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from engines.interface import Engine, Refused
from workloads.models import SPEED

SOURCE = Path(__file__).parents[1] / "arrays" / "transformer.c"
FLAGS = ["-O3", "-march=native", "-shared", "-fPIC"]


class PlainC(Engine):
    """Compiled by `cc`, or what CC names, when it is asked for a step."""

    modules = ("numpy",)

    def checked(self, folder):
        """What compiles it."""
        compiler = shlex.split(os.environ.get("CC", "cc"))
        try:
            asked = [*compiler, "--version"]
            told = subprocess.run(asked, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Refused(f"there is no compiler of C ({error})") from None
        identity = super().checked(folder)
        version = told.stdout.splitlines()[0]
        file = shutil.which(compiler[0])
        identity["packages"]["cc"] = {"version": version, "file": file}
        return identity

    def model(self, workload):
        """The transformer alone."""
        if workload.kind != "transformer":
            return None
        import numpy as np

        weights = np.concatenate([a.ravel() for a in workload.arrays().values()])
        table = np.ascontiguousarray(workload.data())
        run, places = compiled().step, table.shape[1] - 1
        run.restype = ctypes.c_double
        given = weights.ctypes.data_as(ctypes.c_void_p)
        rows = table.ctypes.data_as(ctypes.c_void_p)
        sizes = ctypes.c_long(len(table)), ctypes.c_int(places)

        def step(kept=(weights, table)):
            return run(given, rows, *sizes, ctypes.c_double(SPEED))

        return step


def compiled():
    """The library of the source."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    with tempfile.TemporaryDirectory() as folder:
        made = str(Path(folder) / "transformer.so")
        command = [*compiler, *FLAGS, "-o", made, str(SOURCE), "-lm"]
        subprocess.run(command, check=True)
        return ctypes.CDLL(made)


ENGINES = {"c": PlainC}
