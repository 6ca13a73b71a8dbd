"""What is on the playground's screen as files: SVG, HTML, LaTeX, and Python."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from string import Template
from typing import Final

from viz.explain import explain
from viz.play.expression import Recorded
from viz.render import FONT
from viz.style import PAPER

# ---- pictures and pages --------------------------------------------------------------

SIZE: Final = re.compile(
    r'<svg [^>]*?width="([\d.]+)(pt|px|)" height="([\d.]+)(?:pt|px|)"'
)


def stacked(svgs: Iterable[str]) -> str:
    """Pictures one under another as one SVG.

    >>> one = '<svg width="10" height="4" xmlns="http://www.w3.org/2000/svg"></svg>'
    >>> stacked([one, one])[:60]
    '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="8'
    """
    parts, top, widest = [], 0.0, 0.0
    for svg in svgs:
        svg = svg[svg.index("<svg") :]
        width, unit, height = _size(svg)
        parts.append(svg.replace("<svg ", f'<svg y="{top:g}" ', 1))
        scale = 4 / 3 if unit == "pt" else 1.0
        top, widest = top + scale * height, max(widest, scale * width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{widest:g}" '
        f'height="{top:g}">\n<rect width="100%" height="100%" fill="{PAPER}"/>\n'
        f"{''.join(parts)}</svg>\n"
    )


def _size(svg: str) -> tuple[float, str, float]:
    found = SIZE.search(svg)
    if found is None:
        raise ValueError("this picture does not say how large it is")
    return float(found[1]), found[2], float(found[3])


PAGE: Final = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>$title</title>
<style>
body { max-width: 80rem; margin: 0 auto; padding: 1rem; color: #1d2733;
  background: #ffffff; font: 1rem/1.5 $font; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; }
figure { margin: 1rem 0; overflow-x: auto; }
pre { overflow-x: auto; padding: 1rem; background: #f4f6f9; font-size: .9rem; }
</style>
</head>
<body>
<h1>$title</h1>
$body
</body>
</html>
"""
)


def page(title: str, texts: Sequence[str], svgs: Sequence[str]) -> str:
    """A page that needs nothing else: pictures, then texts as they are.

    >>> "1 &lt; 2" in page("x", ["1 < 2"], [])
    True
    """
    figures = [f"<figure>{svg[svg.index('<svg') :]}</figure>" for svg in svgs]
    lines = [f"<pre>{html.escape(text)}</pre>" for text in texts if text]
    return PAGE.substitute(
        title=html.escape(title), font=FONT, body="\n".join([*figures, *lines])
    )


def document(body: str) -> str:
    """A LaTeX document around displayed formulas."""
    return (
        "\\documentclass{article}\n\\usepackage{amsmath}\n"
        "\\usepackage[a3paper,landscape,margin=2cm]{geometry}\n"
        f"\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )


# ---- an expression -------------------------------------------------------------------


def expression_latex(shown: Recorded, name: str) -> str:
    """The derivation by one name; by every leaf for ""."""
    wrt = shown.leaves[name] if name else None
    return document(f"\\[\n{explain(shown.output, wrt).latex()}\n\\]")


def expression_python(shown: Recorded, name: str) -> str:
    """A program that records the same expression and draws the same picture."""
    numbers = "".join(
        f"    {leaf!r}: Value({number!r}, label={leaf!r}),\n"
        for leaf, number in shown.values.items()
    )
    leaves = f"{{\n{numbers}}}" if numbers else "{}"
    wrt = f", leaves[{name!r}]" if name else ""
    return f"""from autograd import Value, parse
from viz.explain import explain
from viz.graph import draw

leaves = {leaves}
out = parse({shown.text!r}, **leaves)
out.backward()
print(out.data)
for name, leaf in leaves.items():
    print(name, leaf.grad)
print(explain(out{wrt}))
draw(out, {{"out": out}}).save("graph.svg")
"""
