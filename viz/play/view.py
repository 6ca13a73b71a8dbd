"""What the playground's tabs show, made from their state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from viz.digits import short
from viz.explain import explain
from viz.graph import draw
from viz.play import export as export
from viz.play import pieces as page
from viz.play.chart import Line, Panel, chart
from viz.play.expression import Desk, Recorded, curve
from viz.play.training import Lab
from viz.play.walk import dressed
from viz.style import NEGATIVE

File = tuple[str, str, str, Callable[[], bytes]]
"""A label, a file name, a media type, and what makes the content."""


# ---- an expression -------------------------------------------------------------------


def expression(
    desk: Desk,
    sliders: Mapping[str, Any],
    boxes: Mapping[str, Any],
    reach: object,
    chosen: object,
    buttons: Sequence[object],
    scrubber: object,
) -> str:
    """The first tab: numbers, the picture, the step, the derivation and the plot."""
    shown, stale = desk.shown, desk.stale
    numbers = page.numbers(desk.names, sliders, boxes, _gradients(desk))
    left = [page.labeled("Sliders reach", reach), numbers, _plot(desk, chosen)]
    right = [
        page.result(page.slot("out")),
        page.figure(page.slot("graph"), "cr-graph", stale),
    ]
    texts = [_derivation(desk)] if shown.defined else []
    if shown.walk and shown.defined:
        stop = shown.walk.stop(desk.step)
        walk = page.labeled("Step", scrubber, "cr-wide")
        right.append(page.row(page.buttons(buttons), walk))
        texts.insert(0, page.text(stop.lines, "cr-step", stop.title))
    right.append(page.side_by_side(texts, stale))
    return page.notice(desk.error) + page.columns(left, right)


def news(desk: Desk) -> str:
    """What fills the first tab's slots: the output's number, and the picture."""
    number = "–" if desk.error else repr(desk.shown.output.data)
    walk = desk.shown.walk if desk.shown.defined else None
    about = walk.about(desk.step) if walk else ""
    svg = page.fitted(graph_svg(desk))
    return page.fill("out", number) + page.fill("graph", svg, about)


def graph_svg(desk: Desk) -> str:
    """The picture of the graph, as it looks at the step of the walk."""
    shown = desk.shown
    if not shown.walk:
        return draw(shown.output, shown.names).svg
    svg = draw(shown.output, shown.names, detail="op").svg
    return dressed(svg, shown.walk.stop(desk.step).css) if shown.defined else svg


def last_step(desk: Desk) -> int:
    """The number of the walk's last step."""
    return len(desk.shown.walk) - 1 if desk.shown.walk else 0


def moves(desk: Desk) -> list[tuple[str, str, int | None]]:
    """The walk's buttons: what each shows, what it does, the step it leads to."""
    last = last_step(desk)
    now = last if desk.step is None else min(desk.step, last)
    following = 0 if desk.step is None else min(now + 1, last)
    before = last if desk.step is None else max(now - 1, 0)
    return [
        ("|◀", "To the start", 0),
        ("◀", "One step back", before),
        ("▶", "One step on", following),
        ("Whole", "Everything at once", None),
    ]


def _gradients(desk: Desk) -> dict[str, str]:
    """Each name's gradient as text; outside the domain there is none."""
    leaves = desk.shown.leaves.items()
    return {name: "–" if desk.error else short(leaf.grad, 6) for name, leaf in leaves}


def _derivation(desk: Desk) -> str:
    wrt = desk.shown.leaves.get(desk.wrt)
    told = explain(desk.shown.output, wrt).text()
    return page.text([told], "cr-derivation", f"The derivation of ∂out/∂{desk.wrt}")


def _plot(desk: Desk, chosen: object) -> str:
    if not desk.wrt:
        return ""
    drawn = page.picture(plot_svg(desk), "cr-plot cr-late", desk.stale)
    return page.labeled("Derive by", chosen, "cr-late") + drawn


def plot_svg(desk: Desk) -> str:
    """The output and its slope along the chosen name, with the tangent."""
    leaf = desk.shown.leaves[desk.wrt]
    x, y, slope = leaf.data, desk.shown.output.data, leaf.grad
    low, high = desk.span(desk.wrt)
    along = curve(desk.shown, desk.wrt, low, high)
    ends = [(end, y + slope * (end - x)) for end in (low, high)]
    tangent, there = "", ""
    if desk.shown.defined:
        tangent = f", and its tangent at {desk.wrt} = {short(x)}"
        there = f": {short(slope, 6)} there"
    return chart(
        Panel(
            f"out{tangent}",
            [
                Line(list(zip(along.xs, along.ys, strict=True))),
                Line(ends, NEGATIVE, dashed=True),
            ],
            [(x, y)],
        ),
        Panel(
            f"∂out/∂{desk.wrt}, the slope{there}",
            [Line(list(zip(along.xs, along.slopes, strict=True)))],
            [(x, slope)],
            desk.wrt,
        ),
    )


# ---- a training ----------------------------------------------------------------------


def training_controls(
    settings: Mapping[str, object],
    buttons: Sequence[object],
    pace: object,
    clock: object,
) -> str:
    """The second tab's controls; its clock ticks unseen."""
    fields = [page.labeled(label, control) for label, control in settings.items()]
    paced = page.labeled("epochs per picture", pace)
    return (
        page.row(*fields, kind="cr-settings")
        + page.row(page.buttons(buttons), paced, kind="cr-settings")
        + f'<div class="cr-clock">{clock}</div>'
    )


def training(lab: Lab, row: object) -> str:
    """The second tab: boundary, loss, network."""
    session = lab.session
    left = [
        page.image(session.boundary(), "The decision boundary", "cr-boundary"),
        page.picture(session.curve(), "cr-curve"),
    ]
    right = [
        page.text([session.summary()], "cr-summary"),
        page.row(page.labeled("The network, for row", row)),
        page.picture(session.network(lab.row).svg, "cr-network"),
    ]
    return page.notice(lab.error or session.error) + page.columns(left, right)


# ---- files ---------------------------------------------------------------------------


def files(desk: Desk) -> Iterator[File]:
    """The first tab's downloads, each made when it is asked for."""

    def whole() -> str:
        walk = desk.shown.walk
        stop = walk.stop(desk.step) if walk and desk.step is not None else None
        step = "\n".join([stop.title, *stop.lines]) if stop else ""
        texts = [
            _numbers(desk.shown),
            step,
            str(explain(desk.shown.output, _wrt(desk))),
        ]
        svgs = [graph_svg(desk), *([plot_svg(desk)] if desk.wrt else [])]
        return export.page(desk.shown.text, texts, svgs)

    yield _file("SVG", "graph.svg", "image/svg+xml", lambda: graph_svg(desk))
    yield _file("HTML", "expression.html", "text/html", whole)
    yield _file(
        "LaTeX",
        "derivation.tex",
        "application/x-tex",
        lambda: export.expression_latex(desk.shown, desk.wrt),
    )
    yield _file(
        "Python",
        "expression.py",
        "text/x-python",
        lambda: export.expression_python(desk.shown, desk.wrt),
    )


def _wrt(desk: Desk) -> Any:
    return desk.shown.leaves.get(desk.wrt)


def _numbers(shown: Recorded) -> str:
    lines = [f"out = {shown.output.data!r}"]
    lines += [f"{n} = {v.data!r}, grad {v.grad!r}" for n, v in shown.leaves.items()]
    return "\n".join(lines)


def training_files(lab: Lab) -> Iterator[File]:
    """The second tab's downloads."""

    def pictures() -> list[str]:
        session = lab.session
        return [session.boundary(), session.curve(), session.network(lab.row).svg]

    def whole() -> str:
        title = f"{lab.session.setup.data}: {lab.session.model!r}"
        return export.page(title, [lab.session.summary()], [export.stacked(pictures())])

    yield _file(
        "SVG", "training.svg", "image/svg+xml", lambda: export.stacked(pictures())
    )
    yield _file("HTML", "training.html", "text/html", whole)
    yield _file(
        "LaTeX",
        "weights.tex",
        "application/x-tex",
        lambda: export.training_latex(lab.session),
    )
    yield _file(
        "Python",
        "training.py",
        "text/x-python",
        lambda: export.training_python(lab.session, lab.row),
    )


def _file(label: str, name: str, kind: str, make: Callable[[], str]) -> File:
    return label, name, kind, lambda: make().encode()
