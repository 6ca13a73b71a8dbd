"""The command `chainrule`, where everything meets.

Each verb is one function: it reads what the user typed, calls the library, and prints
where the results are. What goes wrong is one line on stderr and exit status 1, never
a traceback: see `main`.
"""

from __future__ import annotations

import inspect
import math
import os
import platform
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import Field, fields
from functools import partial
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

try:
    import typer
except ModuleNotFoundError:
    sys.exit(
        "chainrule's commands need typer and rich; install them with: "
        'python -m pip install "chainrule[train]"'
    )

from autograd import Value, expression
from autograd.wording import counted, cut
from nn.arguments import meant
from nn.data import SETS
from nn.extras import needed
from nn.recipe import Settings
from viz.render import FORMATS
from viz.usage import (
    UsageError,
    Verb,
    Verbs,
    columns,
    deliver,
    ending,
    fitted,
    folder,
    into,
    said_of_table,
)

if TYPE_CHECKING:
    from viz.explain import Explanation

app = typer.Typer(
    cls=Verbs,
    help="Record a computation, differentiate it, see every gradient.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
verb = partial(app.command, cls=Verb)


def main() -> None:
    """Run the command; what goes wrong is one line on stderr, never a traceback.

    The exit status is then 1, or 2 where the line could not be read. With
    CHAINRULE_DEBUG=1 in the environment the traceback is shown as well.
    """
    warnings.showwarning = lambda message, *_: _say(str(message))
    try:
        sys.exit(app(prog_name="chainrule", standalone_mode=False))
    except Exception as error:
        if os.environ.get("CHAINRULE_DEBUG") == "1":
            raise
        misuse = isinstance(error, UsageError) or hasattr(error, "format_message")
        _say(_message(error))
        sys.exit(2 if misuse else 1)


def _say(message: str) -> None:
    print(fitted(f"chainrule: {message}", columns(sys.stderr)), file=sys.stderr)


def _message(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and "install" not in str(error):
        return needed(error.name or str(error))
    if hasattr(error, "format_message"):  # typer's own
        return " ".join(str(error.format_message()).split())
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"  # without [Errno 2]
    return str(error) or type(error).__name__


def _version(wanted: bool) -> None:
    """Print what a report of a fault has to say first, and end."""
    if not wanted:
        return
    import autograd

    engine = f"plain Python, because {autograd.__why_plain__}"
    print(f"chainrule {autograd.__version__}")
    print(f"engine: {'compiled' if autograd.__compiled__ else engine}")
    print(f"Python {platform.python_version()} on {platform.platform()}")
    raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Print the version, what the engine is and why, and end.",
        ),
    ] = False,
) -> None:
    """Options before the verb."""


def _expression(
    text: str, assignments: Iterable[str]
) -> tuple[Value, dict[str, Value]]:
    """The expression a user typed and its leaves by name, from `w=0.5`, `x=2`, ...

    The leaves come in the order in which their names appear in the text. Raises
    ValueError where an assignment is malformed, comes twice, or names nothing there.
    """
    given: dict[str, float] = {}
    assignments = _without_spaces(list(assignments))
    names = expression.names(text)
    for assignment in assignments:
        name, number = _assignment(assignment, names)
        if name in given:
            raise ValueError(f"{name} is given twice; give one value for each name")
        given[name] = number
    used = [name for name in (*names, *expression.CONSTANTS) if name in given]
    for name in given:
        if name not in used:
            has = f"; it has {', '.join(names)}" if names else ", nor any other name"
            has += _product_meant(names, given)
            raise ValueError(f"{name} is given, but the expression has no {name}{has}")
    for name in names:
        if name not in given:
            raise ValueError(_without_value(name))
    leaves = {name: Value(given[name], label=name) for name in used}
    return expression.parse(text, **leaves), leaves


def _without_spaces(assignments: list[str]) -> list[str]:
    """They themselves. Raises ValueError for x = 3, which is three of them."""
    apart = any(part[:1] == "=" or part[-1:] == "=" for part in assignments)
    glued = re.sub(r"\s*=\s*", "=", " ".join(assignments))
    if apart and all(re.fullmatch(r"[^\d\W]\w*=[^=]+", x) for x in glued.split()):
        raise ValueError(f"there is no space around =: write {glued}")
    return assignments


def _product_meant(names: Iterable[str], given: Iterable[str]) -> str:
    """What to write for xy, where x and y have values."""
    one = re.compile("|".join(map(re.escape, sorted(given, key=len, reverse=True))))
    for name in names:
        if len(factors := one.findall(name)) > 1 and "".join(factors) == name:
            return f"; for a product write {'*'.join(factors)}"
    return ""


def _without_value(name: str) -> str:
    if name in expression.functions():
        return f"{name} is a function: write {name}(...)"
    if name in SETS:
        return f"{name} is a set to train on: write chainrule train {name}"
    if name.lower() in ("inf", "infinity", "nan"):
        return f"{name} is no name of a number here: give it as a value, as in x={name}"
    return f"{name} has no value; write for instance {name}=0.5"


def _assignment(text: str, names: Sequence[str]) -> tuple[str, float]:
    """The name and the number of `w=0.5`; the number may be one like pi/2.

    names: those of the expression.
    """
    name, equals, number = (part.strip() for part in text.partition("="))
    if not equals or not name.isidentifier() or number[:1] == "=":
        told = f"{text!r} is not of the form name=value"
        raise ValueError(told + _form_of(text, names))
    try:
        return unicodedata.normalize("NFKC", name), _number(number)
    except OverflowError:
        raise ValueError(
            f"{text!r}: {number} is too large; the largest number is 1.8e308, and "
            f"infinity is written {name}=inf"
        ) from None
    except ValueError:
        several = re.search(r"[,;]\s*(\w+\s*=|$)", number)
        advice = "put a space between, as in" if several else "write for instance"
        first = re.split("[,;]", number)[0]
        such = _number_meant(number)
        such = first if several and _is_number(first) else such
        told = f"{text!r}: {number!r} is not a number; {advice} {name}={such}"
        raise ValueError(told) from None


def _form_of(text: str, names: Sequence[str]) -> str:
    """What an argument that gives no name a value was to be."""
    if re.search(r"\w\.(svg|png|pdf|dot|gv|html?|txt|md|tex|json|csv)$", text):
        return f"; a file to write is said by -o {text}"
    if _is_number(text):
        model = "a model's file comes first, as in trained/model.json 0.5 -1.2"
        return f", such as {names[0]}={text}" if names else f"; {model}"
    meant = re.fullmatch(r"([^\W\d]\w*)\s*[:=]{1,2}\s*(.+)", text)
    name = text if text in names else [*names, "w"][0]
    return f", such as {'='.join(meant.groups()) if meant else f'{name}=0.5'}"


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except (ValueError, OverflowError):
        return False
    return True


def _number_meant(text: str) -> str:
    """A number as it is written here, of 0,5, ½, ∞, 50% or x=2; else 0.5."""
    plain = unicodedata.normalize("NFKC", text).replace("⁄", "/").replace("∞", "inf")
    plain = re.sub(r"(?<=\d),(?=\d)", ".", plain)
    plain = re.sub(r"(?<=\d)\s*%$", "/100", plain)
    plain = re.sub(r"^\s*[^\d\W]\w*\s*=\s*(?=\S)", "", plain)
    return plain if plain != text and _is_number(plain) else "0.5"


def _number(text: str) -> float:
    """A number as it is typed, such as 0.5 or pi/2. Raises OverflowError for 1e999."""
    try:
        number = float(text)
    except ValueError:
        return expression.parse(text).data
    if math.isinf(number) and any(c.isdigit() for c in text):
        raise OverflowError(text)
    return number


What = Annotated[
    str,
    typer.Argument(
        metavar="EXPRESSION|MODEL",
        help='Such as "tanh(w*x + b)", or a saved model (.json).',
        show_default=False,
    ),
]
Values = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME=VALUE|INPUT",
        help="For an expression w=0.5 x=2 b=0.1, for a model its inputs.",
        show_default=False,
    ),
]
Wrt = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help="By what: names such as w,b, also repeated; by default everything.",
    ),
]
Target = Annotated[
    str,
    typer.Option(
        metavar="TARGET", help="For a model: the target, such as 1 or 0,1 or setosa."
    ),
]
LossName = Annotated[
    str, typer.Option("--loss", metavar="NAME", help="For a model: the loss.")
]
OutFile = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write a file; its ending says which kind, - prints.",
    ),
]
NoKey = Annotated[bool, typer.Option("--no-key", help="Leave out what the signs mean.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="ASCII characters alone.")]
Width = Annotated[
    int, typer.Option(min=0, help="Columns to fit; 0 means the terminal's.")
]
Open = Annotated[bool, typer.Option("--open", help="Show the file when it is written.")]


@verb(name="eval")
def evaluate(
    text: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help='Such as "tanh(w*x + b)".')
    ],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE",
            help="Such as w=0.5 x=2 b=0.1.",
            show_default=False,
        ),
    ] = None,
    wrt: Wrt = None,
    second: Annotated[
        bool, typer.Option("--second", help="Second derivatives as well.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with every digit.")
    ] = False,
    width: Width = 0,
    output: OutFile = "",
    open: Open = False,
) -> None:
    """Every node of an expression: value, gradient, local derivatives."""
    from viz.table import evaluate as evaluation_of
    from viz.table import print_table

    if _is_model(text, values):
        raise ValueError(
            f"eval takes an expression; of a model, chainrule flow {text} 0.5 -1.2 "
            "--target 1 prints every number"
        )
    form = ending(output, ("txt", "json"))
    _check_apart(wrt, values)
    room = _width(width, output) if width or output not in ("", "-") else 0
    root, leaves = _expression(text, values or [])
    found = evaluation_of(root, _chosen(wrt, leaves), second)
    with into(output, open):
        if json or form == "json":
            print(dumps({"expression": text} | found.as_json(), indent=2))
            return
        for table in found.tables():
            print_table(table, room)
            print()
        print(f"value {found.value!r}")


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every setting that `nn.recipe` declares.

    They take the place of its `**settings`, before options of its own.
    """
    signature = inspect.signature(command, eval_str=True)
    *own, _ = signature.parameters.values()
    options = [_option_of(field) for field in fields(Settings)]
    every = sorted([*options, *own], key=lambda parameter: parameter.kind)
    vars(command)["__signature__"] = signature.replace(parameters=every)
    return command


def _option_of(setting: Field[Any]) -> inspect.Parameter:
    """One setting as an option; of several types it is given in the first."""
    kind, told = get_args(get_type_hints(Settings, include_extras=True)[setting.name])
    option = typer.Option(
        setting.default,
        help=told.help,
        metavar=told.metavar,
        rich_help_panel=told.group or None,
        show_default=told.default or True,
    )
    first, *_ = get_args(kind) or [kind]
    name, place = setting.name, inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, place, default=option, annotation=first)


def _sets(begun: str) -> list[str]:
    """What a shell completes; it knows the files itself."""
    return [name for name in SETS if name.startswith(begun)]


TEXT = "A text"


@verb()
@_with_settings
def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help=f"{', '.join(SETS)}, or a file whose first line names the columns "
            "(CSV and its relatives, also packed; - for standard input).",
            show_default=False,
            autocompletion=_sets,
        ),
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Where the pictures and model.json go.",
            rich_help_panel="Files",
        ),
    ] = Path("trained"),
    context: Annotated[
        int, typer.Option(help="The longest sequence.", rich_help_panel=TEXT)
    ] = 16,
    width: Annotated[
        int, typer.Option(help="Numbers for each position.", rich_help_panel=TEXT)
    ] = 16,
    heads: Annotated[
        int, typer.Option(help="Heads of its attention.", rich_help_panel=TEXT)
    ] = 4,
    layers: Annotated[int, typer.Option(help="Blocks.", rich_help_panel=TEXT)] = 1,
    unit: Annotated[
        str, typer.Option(help="Tokens: characters or words.", rich_help_panel=TEXT)
    ] = "characters",
    **settings: Any,
) -> None:
    """Train a network on a table; write its curves, pictures and the model.

    A part of the rows is kept aside, and the last line printed says how well
    the network does on them. Ctrl-C ends the training and keeps what it learned.

    To try it: chainrule train moons

    A table of your own: chainrule train flowers.csv --target species

    Then: chainrule predict trained/model.json new.csv

    A text, of one item per line or running: chainrule train names.txt

    Then: chainrule generate trained/model.json -n 20
    """
    from viz.train import is_text, train_text
    from viz.train import train as run

    chosen, out = Settings(**settings), folder(out, "--out")
    sizes = {"context": context, "width": width, "heads": heads, "layers": layers}
    network: dict[str, Any] = {**sizes, "unit": unit}
    if not is_text(data, chosen):
        if data in SETS or os.path.isfile(data):
            _check_usual(network, data)
        run(data, chosen, out)
        return
    train_text(data, chosen, network, out)


def _check_usual(network: dict[str, Any], data: str) -> None:
    """Refuse what is said of a text's network where there is a table."""
    from nn.language import learn_text

    usual = inspect.signature(learn_text).parameters
    for name, given in network.items():
        if given != usual[name].default:
            raise ValueError(f"{name} is for a text, and {data} is a table")


@verb()
def generate(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="A model.json that chainrule train made of a text."
        ),
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many.")] = 10,
    temperature: Annotated[
        float,
        typer.Option(help="Below 1 the likely becomes likelier; 0 is the likeliest."),
    ] = 1.0,
    seed: Annotated[
        int, typer.Option(help="The same number gives the same texts.")
    ] = 0,
    prompt: Annotated[str, typer.Option(help="What each text begins with.")] = "",
    output: OutFile = "",
    open: Open = False,
) -> None:
    """Print new texts, one on a line, from a model of a text.

    For example: chainrule generate trained/model.json -n 20 --temperature 0.8
    """
    from viz.train import generate_texts

    ending(output, ("txt",))
    _check_model(model)
    with into(output, open):
        generate_texts(model, count, temperature, seed, prompt)


@verb()
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model.json from chainrule train.")
    ],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A file with the same columns.")
    ],
    delimiter: Annotated[
        str | None,
        typer.Option(
            help="What separates the file's columns: , or ; or tab.",
            show_default="looked for",
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS",
            help="What the columns are called, where the first line is a row: a,b,c; "
            "or none, as in the training.",
            show_default="in the first line",
        ),
    ] = None,
    output: OutFile = "",
    open: Open = False,
) -> None:
    """Print a trained network's prediction for every row of a file.

    The file needs the columns that the network was trained on, in any order.
    If it holds the target too, stderr says how good the predictions are.

    For example: chainrule predict trained/model.json new.csv -o predictions.csv
    """
    from viz.train import predict_file

    ending(output, ("csv",))
    if data.suffix == ".json" and model.suffix != ".json":
        raise ValueError(f"the model comes first: chainrule predict {data} {model}")
    _check_model(model)
    with into(output, open):
        predict_file(model, data, delimiter, names)


# ---- pictures and explanations: flow, explain, draw, step ----------------------------

LR = 0.1


@verb()
def flow(
    what: What = "",
    values: Values = None,
    target: Target = "",
    loss: LossName = "",
    lr: Annotated[
        float | None, typer.Option(help="The learning rate.", show_default=str(LR))
    ] = None,
    boxes: Annotated[
        bool, typer.Option("--boxes", help="Draw a diagram of boxes with arrows.")
    ] = False,
    width: Width = 0,
    ascii: Ascii = False,
    output: OutFile = "",
    open: Open = False,
) -> None:
    """Print a training step of a network with every number.

    Without arguments: the worked example of the documentation.

    With an expression: its forward and its backward pass.
    """
    from viz.explain import explain as explained
    from viz.layers import worked_example
    from viz.text import NARROWEST as LEAST
    from viz.text import flow as flow_of

    plain, form = _plain(ascii, output), ending(output, TEXTS)
    style: Literal["text", "boxes"] = "boxes" if boxes else "text"
    if what and not _is_model(what, values):
        root, leaves = _root(what, values or [], target, loss)
        for option, given in {"--boxes": boxes, "--lr": lr is not None}.items():
            if given:
                raise ValueError(
                    f"{option} is for a network, and {what!r} is an expression: leave "
                    "it out"
                )
        derivation = explained(root, leaves.values() or None)
        deliver(_written(derivation, form, plain, _width(width, output)), output, open)
        return
    model, x, y = worked_example()
    chosen: Any = loss or None
    if what:
        model, x, y, chosen = _sample(what, values or [], target, loss)
    elif target:
        y, chosen = _wanted(model, None, x, target, loss)
    found = flow_of(
        model,
        x,
        y,
        LR if lr is None else lr,
        chosen,
        style=style,
        width=_width(width, output, LEAST[style]),
        ascii=plain,
    )
    deliver(_fenced(found, form), output, open)


@verb()
def explain(
    what: What,
    values: Values = None,
    wrt: Wrt = None,
    target: Target = "",
    loss: LossName = "",
    width: Width = 0,
    ascii: Ascii = False,
    output: OutFile = "",
    open: Open = False,
) -> None:
    """Write out the chain rule; a FILE that ends in .md or .tex gets formulas."""
    from viz.explain import explain as explained

    form = ending(output, TEXTS)
    _check_apart(wrt, values)
    root, leaves = _root(what, values or [], target, loss, "explain")
    by = [*_chosen(wrt, leaves).values()] if wrt else None
    found = explained(root, by)
    plain = _plain(ascii, output)
    room = _width(width, output) if width or columns() else 0
    deliver(_written(found, form, plain, room), output, open)


@verb()
def draw(
    what: What,
    values: Values = None,
    target: Target = "",
    loss: LossName = "",
    detail: Annotated[
        str, typer.Option(help="Fold a network: op, neuron or layer.")
    ] = "",
    depth: Annotated[
        int, typer.Option(help="Show the last so many operations; 0 means all.")
    ] = 0,
    expand: Annotated[
        bool, typer.Option("--expand", help="Show each product of a dot product.")
    ] = False,
    constants: Annotated[
        bool, typer.Option("--constants", help="Show bare numbers apart.")
    ] = False,
    digits: Annotated[int, typer.Option(help="Significant digits.")] = 4,
    direction: Annotated[
        str, typer.Option(help="Where the picture leads: right or down.")
    ] = "right",
    wrap: Annotated[
        int | None,
        typer.Option(
            help="Operations in a row, before another; 0 means all.",
            show_default="as many as a slide has room for",
        ),
    ] = None,
    no_key: NoKey = False,
    blank: Annotated[
        bool, typer.Option("--blank", help="Leave gradients open, to be filled in.")
    ] = False,
    output: OutFile = "graph.svg",
    open: Open = False,
) -> None:
    """Draw an expression, or a saved model's loss, with every gradient.

    The file's ending chooses the format: .svg, .png, .pdf or .dot. Try:
    chainrule draw "tanh(w*x + b)" w=0.5 x=2 b=0.1
    """
    from viz.graph import draw as drawn

    form = ending(output, (*FORMATS, "gv"))
    root, _ = _root(what, values or [], target, loss, "draw")
    root.backward()
    picture = drawn(
        root,
        detail=detail or None,
        depth=depth or None,
        expand=expand,
        constants=constants,
        digits=digits,
        direction=direction,
        wrap=wrap,
        key=not no_key,
        blank=blank,
    )
    _deliver_picture(picture, form, output, open)


def _deliver_picture(picture: Any, form: str, output: str, open: bool) -> None:
    """Print the picture as SVG, or write it in the form of the file's ending."""
    whole = output == "-"
    data = picture.svg if whole else picture.data(form.replace("gv", "dot"))
    deliver(data, output, open)


@verb()
def network(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A saved model (.json).")
    ],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT", help="One row of inputs; without it the weights alone."
        ),
    ] = None,
    target: Target = "",
    loss: LossName = "",
    show: Annotated[
        str, typer.Option(help="What arrows show: weight or gradient.")
    ] = "weight",
    most: Annotated[int, typer.Option(help="Neurons of a layer to draw.")] = 8,
    digits: Annotated[int, typer.Option(help="Significant digits.")] = 3,
    no_key: NoKey = False,
    output: OutFile = "network.svg",
    open: Open = False,
) -> None:
    """Draw a saved network: weights, and for a row z, a and the δ of its loss.

    chainrule network model.json 0.5 -1.2 --target 1
    """
    from viz.network import network as drawn

    form = ending(output, (*FORMATS, "gv"))
    formula = any("=" in value for value in values or ()) or re.search(r"[*^(+]", model)
    if formula and not model.endswith(".json") and not os.path.exists(model):
        raise ValueError(
            f"network draws a saved model (.json), and {model!r} is an expression: "
            "write chainrule draw"
        )
    if loss and not target:
        raise ValueError(f"--loss {loss}: a loss needs a target, such as --target 1")
    if target and not values:
        raise ValueError(f"--target {target}: a target needs the row of inputs")
    if show == "gradient" and not target:
        example = _for_instance(model, "network")
        raise ValueError(f"--show gradient needs the loss of a row: {example}")
    x: list[float] | None = None
    y: Any = None
    chosen: Any = None
    if target:
        net, x, y, chosen = _sample(model, values or [], target, loss, "network")
        context = _row_of(model, [])[0].context
    else:
        saved, x = _row_of(model, values or [])
        net, context = saved.model, saved.context
    told = (f"target {target}" * bool(target), context.note * bool(x))
    picture = drawn(
        net,
        _named(x, context.features) or None,
        y,
        loss=chosen,
        show=show,
        most=most,
        digits=digits,
        caption="; ".join(filter(None, told)),
        target=target if context.labels else "",
        key=not no_key,
    )
    _deliver_picture(picture, form, output, open)


def _named(x: list[float], names: Iterable[str]) -> list[Any]:
    """Inputs by the names of their columns, where the model knows them."""
    names = list(names)
    if len(names) != len(x):
        return list(x)
    return [Value(number, name) for number, name in zip(x, names, strict=True)]


@verb()
def step(
    what: What,
    values: Values = None,
    target: Target = "",
    loss: LossName = "",
    output: OutFile = "backward.html",
    open: Open = False,
) -> None:
    """Write a page that plays the forward and the backward pass, node by node."""
    from viz.stepper import stepper

    ending(output, ("html", "htm"))
    root, _ = _root(what, values or [], target, loss, "step")
    deliver(stepper(root).html, output, open)


@verb()
def play(
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="The port; by default the first free one from this.",
            show_default="2718",
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser.")
    ] = False,
    export: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            help="Write it for a browser without a server instead: into a folder, or "
            "as one page where the name ends in .html.",
        ),
    ] = "",
    assets: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            help="The folder of npm packages that --export takes Pyodide and Graphviz "
            "from; node_modules by default.",
        ),
    ] = "",
) -> None:
    """Open the playground: expressions with sliders, and networks that train live.

    The page is served to this machine alone; or else written as files for anyone.
    """
    if assets and not export:
        raise ValueError(
            f"--assets is for --export: write --export site --assets {assets}"
        )
    if export:
        for option, given in {"--port": port, "--no-browser": no_browser}.items():
            if given:
                raise ValueError(f"{option} is for a server, and --export writes files")
        from viz.play.export import export as written

        page = export.lower().endswith((".html", ".htm"))
        where = Path(export) if page else folder(export, "--export")
        print(f"wrote {written(where, assets or None)}")
        return
    from viz.play.server import serve

    serve(port, browser=not no_browser)


def _is_model(what: str, values: list[str] | None) -> bool:
    """Whether a saved model is meant; loading tells where its path is another."""
    if what.endswith(".json"):
        return True
    if any("=" in value for value in values or ()):
        return False
    there = os.path.exists(what) or os.path.exists(f"{what}.json")
    return there and (bool(values) or not _is_number(what))


def _sample(
    path: str, values: Iterable[str], target: str, loss: str, verb: str = "flow"
) -> tuple[Any, list[float], Any, Any]:
    """A saved model, one row of inputs, its target, and the loss.

    What the file says of the training holds here too: inputs are scaled likewise, and
    a target that is the name of a class is told as the loss wants it.
    """
    values = list(values)
    if not values or not target:
        example = _for_instance(path, verb)  # which says where there is no model
        raise ValueError(f"a model needs its inputs and a target: {example}")
    saved, x = _row_of(path, values)
    y, chosen = _wanted(saved.model, saved.context.labels, x, target, loss)
    if saved.context.target_scaling is not None:
        (y,) = saved.context.targets([y])
        print("the target is scaled as it was in training", file=sys.stderr)
    return saved.model, x, y, chosen


NUMBERS = ("0.5", "-1.2", "0.8", "-0.3")


def _for_instance(path: str, verb: str) -> str:
    """A command with as many inputs as a model has, and one of its targets."""
    saved, _ = _row_of(path, [])
    first = next(iter(getattr(saved.model, "layers", ())), None)
    count = len(saved.context.features) or getattr(first, "nin", len(NUMBERS))
    row = " ".join((NUMBERS * count)[:count])
    row = f"with {counted(count, 'number')} and" if count > 8 else row
    label = saved.context.labels.classes[-1] if saved.context.labels else 1
    said = f'"{label}"' if re.search(r"\W", str(label)) else label
    return f"for instance chainrule {verb} {path} {row} --target {said}"


def _check_model(path: str | os.PathLike[str]) -> None:
    """Say what makes a model of a table or a text that was given for one."""
    name = os.fspath(path)
    kinds = (".csv", ".tsv", ".txt", ".text", ".md", ".xlsx", ".parquet")
    if name.lower().endswith(kinds) and os.path.isfile(name):
        raise ValueError(
            f"{name} is not a chainrule model; chainrule train {name}"
            f"{said_of_table(name)} makes one"
        )


def _row_of(path: str, values: Iterable[str]) -> tuple[Any, list[float]]:
    """A saved model with what its file says, and a row of inputs as it takes them."""
    from nn.checkpoint import load_checkpoint

    _check_model(path)
    saved = load_checkpoint(path)
    if saved.context.vocabulary is not None:
        raise ValueError(
            f"{path} is a model of a text, which takes no numbers; "
            f"chainrule generate {path} writes with it"
        )
    x = [_plain_number(value, "an input") for value in values]
    names = saved.context.features
    if x and names and len(x) != len(names):
        listed = cut(", ".join(names))
        raise ValueError(
            f"{path} takes {counted(len(names), 'input')}, {listed}; got {len(x)}"
        )
    if x and saved.context.scaling is not None:
        x = saved.context.scaling([x])[0].tolist()
        print("the inputs are scaled as they were in training", file=sys.stderr)
    return saved, x


def _wanted(
    model: Any, labels: Any, x: list[float], target: str, loss: str
) -> tuple[Any, Any]:
    """The target as the loss takes it, and the loss."""
    from nn.targets import choose_loss, encode

    classes = {str(label): label for label in labels.classes} if labels else {}
    outs = model(x)
    count = len(outs) if isinstance(outs, list) else 1
    if re.fullmatch(r"[-+]?\d+\.0*", target):
        target = str(int(float(target)))  # the class 1 of 1.0
    if target not in classes:
        if classes and not loss:
            told = f"--target is one of {', '.join(classes)}; got {target!r}"
            raise ValueError(told + meant(target, classes))
        numbers = [_plain_number(part, "--target") for part in target.split(",")]
        if len(numbers) not in (1, count):
            raise ValueError(
                f"--target {target}: a number for each output, and there "
                + ("is 1" if count == 1 else f"are {count}")
            )
        whole = [int(y) if y.is_integer() else y for y in numbers]
        return (whole[0] if len(whole) == 1 else whole), loss or None
    rows = labels.classes * 2  # whole numbers are classes where several rows have each
    chosen = choose_loss(loss or "auto", rows, count, labels.threshold)
    return encode([classes[target]], labels, chosen, count)[0].item(), chosen


def _plain_number(text: str, what: str) -> float:
    try:
        return _number(text.strip())
    except OverflowError:
        raise ValueError(f"{what} is too large: {text}") from None
    except ValueError:
        several = re.findall(r"[^\s,;\[\]()]+", text)
        such = _number_meant(text)
        if len(several) > 1 and all(map(_is_number, several)):
            such = f"each apart: {' '.join(several)}" if what == "an input" else such
        raise ValueError(
            f"{what} has to be a number, such as {such}; got {text!r}"
        ) from None


def _root(
    what: str, values: list[str], target: str, loss: str, verb: str = "flow"
) -> tuple[Value, dict[str, Value]]:
    """The output to explain, and the leaves by which it can be differentiated."""
    if not _is_model(what, values):
        if target or loss:
            raise ValueError(
                f"{'--target' if target else '--loss'} is for a saved model (.json), "
                f"as in chainrule {verb} trained/model.json 0.5 -1.2 --target 1; "
                f"{what!r} is an expression"
            )
        return _expression(what, values)
    from viz.layers import loss_of

    model, x, y, chosen = _sample(what, values, target, loss, verb)
    inputs = [Value(number, f"x{i}") for i, number in enumerate(x, 1)]
    root = loss_of(model, inputs, y, chosen)
    return root, {p.label: p for p in [*model.parameters(), *inputs]}


def _check_apart(wrt: list[str] | None, values: list[str] | None) -> None:
    """A name after a space is no longer one of --wrt."""
    apart = [value for value in values or [] if value.isidentifier()]
    if wrt and apart:
        names = ",".join([*wrt, *apart])
        raise ValueError(f"--wrt takes names with commas between: --wrt {names}")


def _chosen(wrt: list[str] | None, leaves: dict[str, Value]) -> dict[str, Value]:
    """The leaves whose labels a user typed, `w,b` or `W1[1,2]`; all for none."""
    typed = re.findall(r"[^,\[\]]+(?:\[[^\]]*\])?", ",".join(wrt or []))
    names = [name.strip() for name in typed]
    for name in names:
        if name not in leaves:
            known = ", ".join(list(leaves)[:20]) or "no names"
            known += f" and {len(leaves) - 20} more" if len(leaves) > 20 else ""
            begun = [leaf for leaf in leaves if leaf.lower().startswith(name.lower())]
            near = f"; did you mean {begun[0]}?" if begun else meant(name, leaves)
            told = f"--wrt: there is no {name!r}; there are: {known}{near}"
            raise ValueError(told)
    if wrt and not names:
        raise ValueError(f"--wrt names nothing; there are: {', '.join(leaves)}")
    return {name: leaves[name] for name in names or leaves}


# ---- what is written -----------------------------------------------------------------

TEXTS = ("txt", "md", "tex")
NARROWEST = 40  # columns


def _written(derivation: Explanation, form: str, plain: bool, width: int) -> str:
    """A derivation as the ending of its file says."""
    if form == "md":
        return derivation.markdown()
    if form == "tex":
        return f"\\[\n{derivation.latex()}\n\\]"
    return fitted(derivation.text(ascii=plain), width)


def _fenced(text: str, form: str) -> str:
    """A chart as the ending of its file says, kept as it is in Markdown and LaTeX."""
    if form == "md":
        return f"```text\n{text}\n```"
    if form == "tex":
        return f"\\begin{{verbatim}}\n{text}\n\\end{{verbatim}}"
    return text


def _plain(ascii: bool, output: str) -> bool:
    """Whether to keep to ASCII: asked for, or all that the terminal's encoding has."""
    try:
        "ŷ → ∂ · ╭".encode("utf-8" if output else sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return True
    return ascii


def _width(asked: int, output: str, least: int = NARROWEST) -> int:
    """The columns asked for, or the terminal's; 80 for a file or a pipe.

    least: as narrow as it can be; a narrower terminal wraps what is printed.
    """
    if 0 < asked < least:
        raise ValueError(f"--width needs {least} columns or more; got {asked}")
    found = columns() if output in ("", "-") else 0
    return asked or (min(max(found, least), 120) if found else 80)
