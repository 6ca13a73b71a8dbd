// Run by node: what the page's Python imports as it starts, as bytecode, with which it
// starts in half the time.
//   node compile.mjs PYODIDE SOURCES.zip FOLDER
import { readFileSync, writeFileSync } from "node:fs";

const [, , folder, sources, target] = process.argv;
const { loadPyodide } = await import(`${folder}/pyodide.mjs`);
const env = { HOME: "/home/pyodide", PYTHONNODEBUGRANGES: "1" };  // no columns in errors
const python = await loadPyodide({ indexURL: folder, env });
python.FS.writeFile("/library.zip", readFileSync(`${folder}/python_stdlib.zip`));
python.FS.writeFile("/sources.zip", readFileSync(sources));
python.runPython(`
import py_compile, sys, zipfile
from pathlib import Path

sys.path.insert(0, "/sources.zip")
import viz.play.calls

MODE = py_compile.PycInvalidationMode.UNCHECKED_HASH


def compiled(name, data):
    module = name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    if not name.endswith(".py") or module not in sys.modules:
        return name, data
    Path("/one.py").write_bytes(data)
    py_compile.compile("/one.py", "/one.pyc", name, True, 2, MODE)
    return name + "c", Path("/one.pyc").read_bytes()


for path in ("/library.zip", "/sources.zip"):
    with zipfile.ZipFile(path) as archive:
        files = {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in sorted(files.items()):
            name, data = compiled(name, data)
            archive.writestr(zipfile.ZipInfo(name), data)
`);
for (const name of ["library.zip", "sources.zip"]) {
  writeFileSync(`${target}/${name}`, python.FS.readFile(`/${name}`));
}
