# /// script
# [tool.marimo.display]
# theme = "system"
# ///
# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""The playground's page: a marimo notebook, served by `chainrule play`.

Cells connect controls with the plain objects of `viz.play`, which hold the state.
A `mo.state` counter says that something changed. A slider and a number box for one name
follow each other: each is made anew when the other moved, never by its own move.
A change of the expression runs one cell, which draws the graph; when that is on its way
to the screen, the cells for all else run.
"""
# What a cell assigns is there for the other cells, which take it by its name.
# ruff: noqa: F401, F841, N803, RUF059

import marimo

app = marimo.App(
    width="full",
    app_title="chainrule playground",
    css_file="page/looks.css",
    html_head_file="page/head.html",
)


@app.cell
def _():
    from functools import partial
    from time import sleep

    import marimo as mo

    from viz.play import link as link
    from viz.play import pieces as page
    from viz.play import view as view
    from viz.play.expression import EXAMPLES
    from viz.play.training import CHOICES, PACES, ROWS

    return


@app.cell
def _(link, mo):
    opened = link.read(mo.query_params().to_dict())
    desk, lab = opened.desk, opened.lab

    def changed(*signals):
        for signal in signals:
            signal(lambda count: count + 1)

    return


@app.cell
def _(link, mo, opened, page):
    tab = mo.ui.tabs(dict.fromkeys(link.TABS, ""), value=opened.tab)
    mo.Html(page.header(tab))
    return


# ---- an expression -------------------------------------------------------------------


@app.cell
def _(mo):
    get_picked, set_picked = mo.state(0, allow_self_loops=True)  # an example, picked
    get_names, set_names = mo.state(0)  # there are other names, or another reach
    get_slid, set_slid = mo.state(0)  # a slider moved
    get_typed, set_typed = mo.state(0)  # a number was typed
    get_walked, set_walked = mo.state(0)  # a button moved the walk
    get_shown, set_shown = mo.state(0, allow_self_loops=True)  # another picture
    get_drawn, set_drawn = mo.state(0)  # it is drawn, and the rest follows
    return


@app.cell
def _(
    changed,
    desk,
    set_drawn,
    set_names,
    set_picked,
    set_shown,
    set_slid,
    set_typed,
    set_walked,
):
    waiting = []  # signals for the cells that run when the picture is drawn

    def took(*signals):
        waiting.extend([set_drawn, *signals])
        changed(set_shown)

    def took_text(text):
        before = desk.names
        desk.type(text)
        took(set_walked, *([set_names] if desk.names != before else []))

    def took_example(name):
        if name is not None:
            desk.pick(name)
            took(set_picked, set_names, set_walked)

    def took_slider(name, number):
        desk.move(name, number)
        took(set_slid)

    def took_box(name, number):
        desk.move(name, number)
        took(set_typed)

    def took_reach(reach):
        desk.reach = float(reach.removeprefix("±"))
        took(set_names)

    def took_name(name):
        desk.chosen = name or ""
        took()

    def took_step(step):
        desk.step = step
        took()

    def took_button(move, _):
        desk.step = move
        took(set_walked)

    return


@app.cell
def _(changed, desk, get_shown, link, mo, sleep, tab, view, waiting):
    get_shown()
    if tab.value == link.TABS[0]:
        mo.output.replace(mo.Html(view.news(desk)))
        # The thread that sends it would wait for what this one computes, and the screen
        # for what it brings: without the pause it took 140 ms until 54 nodes were
        # painted, with it 85.
        sleep(0.04)
    changed(*waiting)
    waiting.clear()
    return


@app.cell
def _(EXAMPLES, desk, get_picked, mo, page, tab, link, took_example, took_text):
    get_picked()
    text_box = mo.ui.text(
        value=desk.text, full_width=True, debounce=250, on_change=took_text
    )
    example = mo.ui.dropdown(list(EXAMPLES), on_change=took_example)
    (
        mo.Html(
            page.row(
                page.labeled("Expression", text_box, "cr-wide"),
                page.labeled("or pick", example),
            )
        )
        if tab.value == link.TABS[0]
        else None
    )
    return


@app.cell
def _(desk, get_names, get_typed, mo, partial, took_slider):
    get_names(), get_typed()
    sliders = {
        name: mo.ui.slider(
            *desk.span(name),
            desk.span(name)[1] / 500,
            value=desk.number(name),
            full_width=True,
            on_change=partial(took_slider, name),
        )
        for name in desk.names
    }
    return


@app.cell
def _(desk, get_names, get_slid, mo, partial, took_box):
    get_names(), get_slid()
    boxes = {
        name: mo.ui.number(
            value=desk.number(name),
            full_width=True,
            on_change=partial(took_box, name),
        )
        for name in desk.names
    }
    return


@app.cell
def _(desk, get_names, mo, page, took_name, took_reach):
    get_names()
    _choices = {f"±{reach:g}" for reach in (1, 2, 5, 10, 100, 1000, desk.reach)}
    reach_choice = mo.ui.dropdown(
        sorted(_choices, key=lambda c: float(c[1:])),
        value=f"±{desk.reach:g}",
        on_change=took_reach,
        allow_select_none=False,
    )
    name_choice = mo.ui.dropdown(
        desk.names, value=desk.wrt or None, on_change=took_name
    )
    return


@app.cell
def _(desk, get_walked, mo, partial, took_button, took_step, view):
    get_walked()
    _last = view.last_step(desk)
    scrubber = mo.ui.slider(
        0,
        max(_last, 1),
        1,
        value=_last if desk.step is None else min(desk.step, _last),
        on_change=took_step,
        full_width=True,
    )
    return


@app.cell
def _(desk, get_drawn, mo, partial, took_button, view):
    get_drawn()
    walk_buttons = [
        mo.ui.button(label=label, tooltip=tip, on_click=partial(took_button, move))
        for label, tip, move in view.moves(desk)
    ]
    return


@app.cell
def _(
    boxes,
    desk,
    get_drawn,
    link,
    mo,
    name_choice,
    page,
    reach_choice,
    scrubber,
    sliders,
    tab,
    view,
    walk_buttons,
):
    get_drawn()
    (
        mo.Html(
            view.expression(
                desk, sliders, boxes, reach_choice, name_choice, walk_buttons, scrubber
            )
        )
        if tab.value == link.TABS[0]
        else None
    )
    return


# ---- a training ----------------------------------------------------------------------


@app.cell
def _(mo):
    get_trained, set_trained = mo.state(0)  # its pictures are others
    get_playing, set_playing = mo.state(0, allow_self_loops=True)  # runs, or pauses
    return


@app.cell
def _(changed, lab, set_playing, set_trained):
    def took_setting(name, setting):
        lab.change(**{name: setting})
        changed(set_trained, set_playing)

    def took_play(_):
        lab.play()
        changed(set_playing, set_trained)

    def took_one_step(_):
        lab.step()
        changed(set_playing, set_trained)

    def took_reset(_):
        lab.change()
        changed(set_trained, set_playing)

    def took_row(row):
        lab.row = row
        changed(set_trained)

    def took_pace(pace):
        lab.pace = pace

    def took_tick(_):
        if lab.tick():
            changed(set_trained, *([] if lab.playing else [set_playing]))

    return


@app.cell
def _(CHOICES, PACES, ROWS, lab, mo, partial, took_pace, took_row, took_setting):
    _setup = lab.session.setup
    settings = {
        "data": mo.ui.dropdown(
            CHOICES["data"], value=_setup.data, on_change=partial(took_setting, "data")
        ),
        "layers": mo.ui.text(
            value=" ".join(map(str, _setup.layers)),
            on_change=partial(took_setting, "layers"),
        ),
        "activation": mo.ui.dropdown(
            CHOICES["activation"],
            value=_setup.activation,
            on_change=partial(took_setting, "activation"),
        ),
        "optimizer": mo.ui.dropdown(
            CHOICES["optimizer"],
            value=_setup.optimizer,
            on_change=partial(took_setting, "optimizer"),
        ),
        "learning rate": mo.ui.number(
            value=_setup.lr, on_change=partial(took_setting, "lr")
        ),
        "seed": mo.ui.number(
            0, 999_999, 1, value=_setup.seed, on_change=partial(took_setting, "seed")
        ),
    }
    pace_choice = mo.ui.dropdown(
        PACES, value=lab.pace, on_change=took_pace, allow_select_none=False
    )
    row_slider = mo.ui.slider(
        0, ROWS - 1, 1, value=lab.row, on_change=took_row, show_value=True
    )
    return


@app.cell
def _(get_playing, lab, mo, took_one_step, took_play, took_reset, took_tick):
    get_playing()
    training_buttons = [
        mo.ui.button(label="Pause" if lab.playing else "Play", on_click=took_play),
        mo.ui.button(label="One step", on_click=took_one_step),
        mo.ui.button(label="Start over", on_click=took_reset),
    ]
    clock = (
        mo.ui.refresh(default_interval="0.4s", on_change=took_tick)
        if lab.playing
        else ""
    )
    return


@app.cell
def _(clock, link, mo, pace_choice, settings, tab, training_buttons, view):
    (
        mo.Html(view.training_controls(settings, training_buttons, pace_choice, clock))
        if tab.value == link.TABS[1]
        else None
    )
    return


@app.cell
def _(get_trained, lab, link, mo, row_slider, tab, view):
    get_trained()
    training_view = view.training(lab, row_slider) if tab.value == link.TABS[1] else ""
    lab.rest()
    mo.Html(training_view) if training_view else None
    return


# ---- keeping and sharing -------------------------------------------------------------


@app.cell
def _(desk, lab, link, mo, page, tab, view):
    _files = view.files(desk) if tab.value == link.TABS[0] else view.training_files(lab)
    downloads = [
        mo.download(data=data, filename=name, mimetype=kind, label=label)
        for label, name, kind, data in _files
    ]
    mo.Html(
        page.row(
            page.labeled("Keep what you see as", ""),
            page.buttons(downloads),
            page.SHARE,
        )
    )
    return


@app.cell
def _(desk, get_drawn, get_trained, lab, link, mo, tab):
    get_drawn(), get_trained()
    _query, _now = mo.query_params(), link.write(tab.value, desk, lab)
    for _key in [*_query.to_dict()]:
        if _key not in _now:
            _query.remove(_key)
    for _key, _text in _now.items():
        if _query.get(_key) != _text:
            _query[_key] = _text
    return


if __name__ == "__main__":
    app.run()
