"""How a command line is read, and what is said of one that can't be.

A complaint is one line that names the option or the verb it is about, and says what to
write instead.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from autograd import wording

EXAMPLES: Mapping[str, str] = {
    "eval": 'chainrule eval "tanh(w*x + b)" w=0.5 x=2 b=0.1',
    "explain": 'chainrule explain "x*y" x=2 y=3',
    "draw": 'chainrule draw "x*y" x=2 y=3 -o graph.svg',
    "step": 'chainrule step "x*y" x=2 y=3 -o step.html',
    "flow": "chainrule flow",
    "train": "chainrule train moons",
    "generate": "chainrule generate trained/model.json -n 20",
    "network": "chainrule network trained/model.json 0.5 -1.2 --target 1",
    "predict": "chainrule predict trained/model.json new.csv",
    "play": "chainrule play",
}
OTHER_VERBS: Mapping[str, str] = {
    **dict.fromkeys(("derive", "diff", "differentiate", "grad", "gradient"), "explain"),
    **dict.fromkeys(("backward", "backprop", "steps"), "step"),
    **dict.fromkeys(("plot", "picture", "graph", "show", "render"), "draw"),
    **dict.fromkeys(("compute", "calc", "calculate", "forward", "value"), "eval"),
    **dict.fromkeys(("fit", "learn", "run"), "train"),
    **dict.fromkeys(("test", "classify", "score"), "predict"),
    **dict.fromkeys(("sample", "write"), "generate"),
    **dict.fromkeys(("net", "model", "layers"), "network"),
    **dict.fromkeys(("serve", "ui", "demo", "playground"), "play"),
    **dict.fromkeys(("hessian", "curvature"), 'eval "x*y" x=2 y=3 --second'),
    **dict.fromkeys(("jacobian", "chain"), "explain"),
    **dict.fromkeys(("diagnose", "recipe"), "train"),
    "find-lr": "train moons --find-lr",
    "export": "play --export site",
    "resume": "train moons --resume trained/model.json",
}
"""What a verb that there is not would be here."""
OTHER_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(("learning-rate", "rate", "eta", "alpha", "step-size"), "lr"),
    **dict.fromkeys(("iterations", "max-iter", "steps"), "epochs"),
    **dict.fromkeys(("test-size", "split", "holdout"), "test"),
    **dict.fromkeys(("samples", "n-samples", "n", "points", "size"), "rows"),
    **dict.fromkeys(("folds", "cv", "repeats", "runs", "trials"), "repeat"),
    **dict.fromkeys(("exclude", "drop", "skip"), "ignore"),
    **dict.fromkeys(("na", "na-values"), "missing"),
    **dict.fromkeys(("start", "prefix", "begin"), "prompt"),
    **dict.fromkeys(("quiet", "silent"), "no-progress"),
    **dict.fromkeys(("verbose", "bar"), "progress"),
    **dict.fromkeys(("legend", "no-legend", "key"), "no-key"),
    **dict.fromkeys(("level", "fold"), "detail"),
    "early-stopping": "patience",
    "no-open": "no-browser",
    **dict.fromkeys(("layers", "neurons", "units", "width"), "hidden"),
    **dict.fromkeys(("batch", "minibatch"), "batch-size"),
    **dict.fromkeys(("solver", "optim"), "optimizer"),
    **dict.fromkeys(("label", "y", "class", "column"), "target"),
    **dict.fromkeys(("l2", "decay", "regularization"), "weight-decay"),
    **dict.fromkeys(("random-state", "random-seed"), "seed"),
    **dict.fromkeys(("precision", "decimals", "round"), "digits"),
    **dict.fromkeys(("file", "save", "to"), "output"),
    **dict.fromkeys(("rankdir", "layout", "orientation"), "direction"),
    **dict.fromkeys(("gradient", "by", "respect-to", "var"), "wrt"),
    **dict.fromkeys(("sep", "separator"), "delimiter"),
    **dict.fromkeys(("header", "no-header", "columns", "column-names"), "names"),
    **dict.fromkeys(("hessian", "second-derivatives"), "second"),
    **dict.fromkeys(("criterion", "cost", "error"), "loss"),
}
"""What an option that there is not would be here, where the verb has that one."""
NOT_NEEDED: Mapping[str, str] = {
    **dict.fromkeys(
        ("shuffle", "no-shuffle"), "rows are shuffled before every epoch: leave it out"
    ),
    **dict.fromkeys(
        ("normalize", "standardize", "scale", "scaler", "scaling"),
        "inputs are scaled anyway: leave it out",
    ),
    **dict.fromkeys(
        ("device", "gpu", "cuda", "workers", "threads"),
        "it runs on this machine's processor: leave it out",
    ),
    **dict.fromkeys(
        ("momentum", "nesterov"), "sgd has a momentum of 0.9: --optimizer sgd"
    ),
    **dict.fromkeys(
        ("plot", "plots", "no-plots", "pictures"),
        "its pictures are written in any case: leave it out",
    ),
    **dict.fromkeys(
        ("features", "predictors"),
        "all columns but the target are taken: --ignore COLUMNS leaves some out",
    ),
    **dict.fromkeys(
        ("model", "arch", "network"), "its layers are said by --hidden 16,16"
    ),
    "dropout": "--weight-decay is against learning by heart; nn.Dropout is for Python",
}
"""What `train` has no option for, and why."""
ENDINGS: Mapping[str, str] = {
    **{name: name for name in ("svg", "png", "pdf", "dot", "html", "md", "tex", "csv")},
    **{"latex": "tex", "markdown": "md", "text": "txt", "txt": "txt"},
}
"""What is asked for as an option, and said by the ending of a file's name."""
DATA = ("data", "dataset", "file", "input", "csv", "table")
"""What others call the first argument of `train` and the second of `predict`."""
FORMAT = ("format", "f", "F", "T", "type", "filetype", "extension")
"""Options of other tools whose value is such an ending."""
TELL_AS_THEY_GO = ("train", "play")
"""Verbs that take long; what others say on the side is left out where they fail."""
LISTED = 20
"""So many options are listed where none is near."""
SWITCHED = ("yes", "no", "true", "false", "on", "off")
MAY_BE_EMPTY = ("prompt", "hidden", "missing")
"""Options that "" says something by: begin with nothing, no hidden layer, no text."""
NUMBERS: Mapping[str, tuple[str, str]] = {
    "int": ("a whole number", "10"),
    "float": ("a number", "0.1"),
}
"""By the name of a type: what it is called here, and one of that kind."""


class UsageError(ValueError):
    """A command line that can't be read: exit status 2."""


class Verb(TyperCommand):
    """A verb: what looks like an option is one, or is told; all else is in its place.

    So -0.5 is a number and -x*y an expression, while --digit is no name and no value.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, options first."""
        _name_values(self.get_params(ctx))
        if not ctx.resilient_parsing:
            args = self._in_order(ctx, args)
        try:
            rest: list[str] = super().parse_args(ctx, [*args])
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            raise UsageError(self._told(error, args)) from error
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run; where the library complains of an argument, name the option."""
        try:
            if self.name in TELL_AS_THEY_GO:
                return super().invoke(ctx)
            with _told_at_the_end():
                return super().invoke(ctx)
        except (ValueError, TypeError) as error:
            text = str(error)
            options = {p.name: p.opts[0] for p in self.params if p.opts[0][:1] == "-"}
            named = by_value(by_option(text, options), ctx.params)
            if named == text:
                raise
            raise ValueError(named) from error

    def _in_order(self, ctx: Any, args: Iterable[str]) -> list[str]:
        valued = self._options()
        named: list[str] = []
        plain: list[str] = []
        left = iter(args)
        switch = ""
        for arg in left:
            name, equals, value = arg.partition("=")
            if switch and arg.lower() in SWITCHED:
                raise UsageError(f"{switch} stands alone, without {arg}")
            switch = ""
            if arg == "--":
                plain += left
            elif name in valued:
                named.append(name)
                if valued[name]:
                    given = value if equals else next(left, None)
                    named.append(self._value(named, given, valued))
                elif equals:
                    raise UsageError(f"{name} stands alone, without a value")
                else:
                    switch = name
            elif plain and arg[1:2] != "-" and valued.get(arg[:2]):
                named.append(arg)  # -ograph.svg
            elif self._is_option(arg, first=not plain):
                value = value or next(left, "")
                text, others = "".join(plain[:1]), _verbs_with(name, ctx.parent)
                raise UsageError(self._unknown(name, valued, text, value, others))
            else:
                plain.append(arg)
        return [*named, "--", *plain]

    def _options(self) -> dict[str, bool]:
        """Every spelling of an option, and whether a value follows."""
        found = {"-h": False, "--help": False}
        for param in self.params:
            for name in (*param.opts, *param.secondary_opts):
                if name.startswith("-"):
                    found[name] = not getattr(param, "is_flag", False)
        return found

    def _param(self, name: str) -> Any:
        return next(param for param in self.params if param.name == name)

    def _names(self) -> set[str | None]:
        return {param.name for param in self.params}

    def _is_option(self, arg: str, first: bool) -> bool:
        if re.match(r"--[A-Za-z]", arg):
            return True
        formula = self._names() & {"what", "text"}
        if (formula and first) or re.fullmatch(r"-(inf|infinity|nan)", arg, re.I):
            return False
        return bool(re.fullmatch(r"-[A-Za-z]\w*", arg))

    def _value(
        self, named: Sequence[str], value: str | None, options: Mapping[str, bool]
    ) -> str:
        """The value of the option that was named last."""
        *before, name = named
        param: Any = next(p for p in self.params if name in p.opts)
        empty = value == "" and param.name in MAY_BE_EMPTY
        if value is None or value in options or not (value or empty):
            raise UsageError(f"{name} needs a value: {name} {_one_of(param)}")
        if not param.multiple and {*before} & {*param.opts}:
            raise UsageError(f"{name} is given twice; give it once")
        return value

    def _unknown(
        self,
        name: str,
        options: Mapping[str, bool],
        text: str,
        value: str = "",
        others: Sequence[str] = (),
    ) -> str:
        """What is said of an option that there is not, after an expression or none.

        value: what stands after it. others: the verbs that have such an option.
        """
        words = f"{self.name} has no option {name}"
        known = [option for option in options if option.startswith("--")]
        bare = {option.lstrip("-"): option for option in known}
        typed = name.lstrip("-")
        if typed in FORMAT and "-o" in options:
            form = ENDINGS.get(value.lower(), value) or "svg"
            return f"{words}; the file's name says it: -o {self.name}.{form}"
        if typed in re.findall(r"[^\W\d]\w*", text) and "values" in self._names():
            number = value if re.fullmatch(r"-?[\d.]+", value) else "0.5"
            return f"{words}; a value is written {typed}={number}"
        if typed in ENDINGS and "-o" in options:
            return f"{words}; the file's name says it: -o {self.name}.{ENDINGS[typed]}"
        other = OTHER_OPTIONS.get(typed.replace("_", "-"))
        other = "out" if other == "output" and "out" in bare else other
        if other in bare:
            return f"{words}; did you mean {bare[other]}?"
        if self.name == "train" and typed in NOT_NEEDED:
            return f"{words}; {NOT_NEEDED[typed]}"
        if f"-{typed}" in options:
            return f"{words}; did you mean -{typed}?"
        begun = [option for option in bare if option.startswith(typed)]
        if len(typed) == 1 and 1 < len(begun) < 4:
            meant = " or ".join(bare[option] for option in begun)
            return f"{words}; did you mean {meant}?"
        begun = begun if len(typed) > 1 or len(begun) == 1 else []
        if typed in DATA and "data" in self._names():
            return f"{words}; the data stand without: {EXAMPLES[self.name or '']}"
        near = begun or ([] if others else get_close_matches(typed, bare, 1, 0.64))
        if near:
            return f"{words}; did you mean {bare[near[0]]}?"
        if len(known) > LISTED:
            return f"{words}; chainrule {self.name} -h lists those that it has"
        verbs = f"; {_and(others)} {name}" if others else ""
        return f"{words}; it has {', '.join(known)}{verbs}"

    def _told(self, error: Any, args: Sequence[str]) -> str:
        """What typer found wrong, in the words of this command."""
        example = f"for instance: {EXAMPLES.get(self.name or '', 'chainrule -h')}"
        param: Any = getattr(error, "param", None)
        message = " ".join(error.format_message().split())
        if type(error).__name__ == "MissingParameter" and param is not None:
            return f"{self.name} needs {param.metavar or param.name}; {example}"
        if extra := re.search(r"unexpected extra .*? \((.*)\)", message):
            words = f"{self.name} has no use for {extra[1]!r}"
            data = args[args.index("--") + 1]
            if "--hidden" in args and extra[1].replace(" ", "").isdecimal():
                sizes = [_given(self._param("hidden"), args), *extra[1].split()]
                return (
                    f"{words}; sizes of layers are written --hidden {','.join(sizes)}"
                )
            if "--target" in {*self._options()} - {*args} and os.path.isfile(data):
                column = extra[1].removeprefix("target=")
                return f"{words}; the column to predict is written --target {column}"
            return f"{words}; {example}"
        if param is None:
            return message
        option, reason = param.opts[0], message.partition(": ")[2].rstrip(".")
        words, _ = NUMBERS.get(_kind(param), ("", ""))
        given = _given(param, args)
        if bound := re.search(r"(less|greater) than or equal to (\S+)", reason):
            what = "at most" if bound[1] == "less" else "at least"
            return f"{option} is {words}, {what} {bound[2]}; got {given}"
        if not words or _is_number(given, _kind(param)):
            return f"{option} {given}: {reason[:1].lower()}{reason[1:]}"
        such = _number_in(given, _kind(param)) or _one_of(param)
        return f"{option} is {words}, such as {option} {such}; got {given!r}"


def _name_values(params: Iterable[Any]) -> None:
    """Have the help say what to write, and no type of Python's."""
    for param in params:
        if param.opts[0][:1] != "-":
            param.display_type_rich = lambda ctx: ""
        elif param.metavar is None:
            param.metavar = _metavar(param)


def _metavar(param: Any) -> str:
    """What a value is called in the help: nothing for a switch."""
    if getattr(param, "is_flag", False):
        return ""
    return "NUMBER" if _kind(param) in NUMBERS else "TEXT"


def _kind(param: Any) -> str:
    """The name of an option's type, in each version of typer."""
    told = getattr(getattr(param, "type_descriptor", None), "annotation", None)
    old = {"integer": "int", "integer range": "int", "float range": "float"}
    name = str(getattr(getattr(param, "type", None), "name", ""))
    found = [kind for kind in NUMBERS if re.search(rf"\b{kind}\b", str(told))]
    return found[0] if found else old.get(name, name)


def _one_of(param: Any) -> str:
    """A value for an option: its default, or another of its kind."""
    default = param.default
    if isinstance(param.show_default, str) and param.show_default.isdecimal():
        default = param.show_default
    if isinstance(default, str | int | float) and default:
        return str(default)
    if param.name == "width":
        return "80"
    return NUMBERS.get(_kind(param), ("", str(param.metavar)))[1]


def _given(param: Any, args: Sequence[str]) -> str:
    """The value that an option was given."""
    for arg, after in zip(args, [*args[1:], ""], strict=True):
        name, equals, value = arg.partition("=")
        if name in param.opts:
            return value if equals else after
    return ""


def _number_in(text: str, kind: str) -> str:
    """The number that was meant by 0,01 or 20% or 1e3, or nothing.

    >>> [_number_in(text, "float") for text in ("0,01", "20%", "fast")]
    ['0.01', '0.2', '']
    >>> [_number_in(text, "int") for text in ("1e3", "2.5")]
    ['1000', '']
    """
    plain = re.sub(r"(?<=\d),(?=\d)", ".", text.removesuffix("%"))
    if not _is_number(plain, "float"):
        return ""
    number = float(plain) / (100 if text.endswith("%") else 1)
    if kind == "int":
        return str(int(number)) if number.is_integer() else ""
    return f"{number:g}"


def _verbs_with(option: str, group: Any) -> list[str]:
    """The verbs that have an option."""
    verbs: Mapping[str, Verb] = group.command.commands if group else {}
    return [name for name, found in verbs.items() if option in found._options()]


def _and(verbs: Sequence[str]) -> str:
    """`eval has`, or `eval and train have`."""
    *first, last = verbs
    return f"{', '.join(first)} and {last} have" if first else f"{last} has"


def _is_number(text: str, kind: str) -> bool:
    try:
        {"int": int, "float": float}[kind](text)
    except (ValueError, KeyError):
        return False
    return True


class Verbs(TyperGroup):
    """The command itself: a verb that there is not is told with the nearest one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; the first is an option of the command, or a verb."""
        _name_values(self.get_params(ctx))
        if args and not ctx.resilient_parsing:
            self._check(*args)
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def _check(self, word: str, *rest: str) -> None:
        options = [option for param in self.params for option in param.opts]
        known = [*self.commands, *options, "-h", "--help"]
        if word.partition("=")[0] in known:
            if word.endswith("-completion") and rest:
                told = "takes no name; call it from the shell that is to complete"
                raise UsageError(f"{word} {told}")
            return
        what = "option" if word.startswith("-") else "verb"
        every = [*options, "--help"] if what == "option" else self.commands
        near = get_close_matches(word.lower(), known, n=1)
        advice = f"the {what}s are {', '.join(every)}"
        advice = f"did you mean {near[0]}?" if near else advice
        verb = next((arg for arg in rest if arg in self.commands), "")
        if what == "option" and verb and not near:
            advice = f"those of a verb stand after it: chainrule {verb} ... {word}"
        if what == "verb" and re.search(r"[-+*/^(]", word):
            advice = f'write chainrule eval "{word}", or draw or explain in its place'
        if what == "verb" and word in _sets():
            advice = f"write chainrule train {word}"
        if what == "verb" and os.path.isfile(word):
            use = "network" if word.endswith(".json") else "train"
            advice = f"write chainrule {use} {word}{said_of_table(word)}"
        if meant := OTHER_VERBS.get(word.lower()):
            advice = f"did you mean {meant}?"
        if word in ("help", self.name, "chainrule"):
            line = [*rest[:1], "--help"] if word == "help" else rest[:2]
            advice = " ".join(["write chainrule", *line])
        raise UsageError(f"there is no {what} {word}; {advice}")


def said_of_table(name: str) -> str:
    """The option that `train` needs of a file, unless it is a text or a model."""
    text = name.lower().endswith((".txt", ".text", ".md", ".json"))
    return "" if text else " --target COLUMN"


def _sets() -> Iterable[str]:
    from nn.data import SETS

    return SETS


# ---- what is said --------------------------------------------------------------------


def by_option(message: str, options: Mapping[str, str]) -> str:
    """A complaint of the library about an argument, by the option that gave it.

    >>> by_option("batch_size is a whole number", {"batch_size": "--batch-size"})
    '--batch-size is a whole number'
    """
    for name, option in options.items():
        first = rf"^((?:unknown )?){name}(?= (?:is|takes|has|needs)\b| '|:)"
        message = re.sub(first, rf"\1{option}", message)
        message = re.sub(rf"\({name}\)$", f"({option})", message)
    message = re.sub(r"^(unknown --.*), or pass [^;]*", r"\1", message)
    return message.replace(" or None;", " (or leave it out);")


def by_value(message: str, given: Mapping[str, Any]) -> str:
    """A complaint about a target or a loss, with the option that gave it.

    >>> by_value("mse needs numbers", {"loss": "mse"})
    '--loss mse: mse needs numbers'
    """
    target, loss = given.get("target"), given.get("loss")
    if loss and re.match(rf"{re.escape(loss)}\b", message):
        return f"--loss {loss}: {message}"
    if (
        target
        and "data" not in given
        and re.search(r"\btargets?\b|^a class is", message)
    ):
        return message if "--" in message else f"--target {target}: {message}"
    return message


@contextmanager
def _told_at_the_end() -> Iterator[None]:
    """What is said on the side meanwhile is printed where all goes well."""
    held = StringIO()
    vars(held)["isatty"] = sys.stderr.isatty
    with redirect_stderr(held):
        yield
    print(held.getvalue(), end="", file=sys.stderr)


def columns(stream: Any = None) -> int:
    """The width of the terminal that a stream leads to, or 0 where it leads to none."""
    stream = sys.stdout if stream is None else stream
    return shutil.get_terminal_size().columns if stream.isatty() else 0


def fitted(text: str, width: int) -> str:
    """Lines no longer than a width, broken between words; 0 leaves them as they are.

    A product that is longer is broken between its factors; any other word that is
    stays whole, as do numbers.

    >>> print(fitted("a = 1.25 + 2.5 + 3.75", 12))
    a = 1.25
        + 2.5
        + 3.75
    """
    if not width:
        return text
    return "\n".join(part for line in text.split("\n") for part in _parts(line, width))


def _parts(line: str, width: int) -> Sequence[str]:
    if wording.width(line) <= width:
        return [line]
    start = len(line) - len(line.lstrip())
    left, equals, _ = line.partition(" = ")
    after = wording.width(left) + 3 if equals else width
    indent = min(after if after <= width // 3 + 3 else start + 4, width // 2)

    def loosened(word: re.Match[str]) -> str:
        fits = len(word[0]) <= width - indent
        return word[0] if fits else re.sub(r"(?=[·*])", FACTOR, word[0])

    glued = re.sub(r"(?<=[=+→-]) ", "\0", line)  # a sign stays with what comes after
    wide = "".join(c + WIDE * (wording.width(c) - 1) for c in glued)
    wrapped = textwrap.wrap(
        re.sub(r"[^ ]+", loosened, wide),
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    first = " " * start + wrapped[0].lstrip()
    return [
        part.replace(FACTOR, "").rstrip(FACTOR).replace(WIDE, "").replace("\0", " ")
        for part in (first, *wrapped[1:])
    ]


FACTOR = "\1 "  # where a product may be broken
WIDE = "\2"  # after a character that takes two columns


# ---- where to ------------------------------------------------------------------------


def ending(output: str, formats: Sequence[str]) -> str:
    """The format that a name's ending says, the first one for "" and "-".

    Raises ValueError with the endings that there are.
    """
    if output in ("", "-"):
        return formats[0]
    if output.endswith("/") or os.path.isdir(output):
        name = os.path.join(output, f"out.{formats[0]}")
        raise ValueError(f"-o: {output!r} is a folder; write for instance -o {name}")
    found = output.rpartition("/")[2].rpartition(".")
    form = found[2].lower() if found[0] else ""
    if form not in formats:
        known = ", ".join(f".{name}" for name in formats)
        raise ValueError(
            f"-o: can't tell the format of {output!r}: end the name in {known}, or "
            "write - for standard output"
        )
    return form


def folder(name: str | os.PathLike[str], option: str) -> Path:
    """The folder that an option names. Raises ValueError for the name of a file.

    >>> folder("v1.2", "--out").name
    'v1.2'
    """
    path = Path(name)
    if re.fullmatch(r"-|.+\.[a-zA-Z]\w{1,4}", path.name):
        raise ValueError(
            f"{option} is a folder, and {str(name)!r} is no name for one; write for "
            f"instance {option} {path.stem.strip('-') or 'folder'}"
        )
    return path


@contextmanager
def into(output: str, show: bool) -> Iterator[None]:
    """What is printed meanwhile is delivered: see `deliver`."""
    if output in ("", "-"):
        _check_file(show)
        yield
        return
    with redirect_stdout(StringIO()) as printed:
        yield
    deliver(printed.getvalue().removesuffix("\n"), output, show)


def _check_file(show: bool) -> None:
    if show:
        raise ValueError("--open shows a file: say which with -o FILE")


def deliver(content: str | bytes, output: str, show: bool) -> None:
    """Print, or write into a file, whole, and print where it is; open it if asked."""
    if output in ("", "-"):
        _check_file(show)
        _print(content)
        return
    from autograd.files import write_whole

    data = content if isinstance(content, bytes) else (content + "\n").encode()
    write_whole(output, data)
    print(output)
    if show:
        import typer

        typer.launch(output)


def _print(content: str | bytes) -> None:
    if isinstance(content, str):
        print(content)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
