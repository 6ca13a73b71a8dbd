"""What annotations and the compiler call things, without the time to import `typing`.

Annotations are never evaluated here, and `import autograd` would take half as long
again. A type checker, and mypyc, see the real ones.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any as Any
    from typing import Final as Final
    from typing import Literal as Literal
    from typing import NoReturn as NoReturn
    from typing import TypeVar
    from typing import final as final
    from typing import overload as overload

    from mypy_extensions import i64 as i64
    from mypy_extensions import mypyc_attr as mypyc_attr

    Decorated = TypeVar("Decorated", bound=Callable[..., Any])
else:
    Any = Final = Literal = NoReturn = i64 = Decorated = object

    def final(decorated):
        """Mark a class as one without subclasses."""
        return decorated

    def overload(declared):
        """Declare a function's types for some of its arguments."""
        return declared

    def mypyc_attr(**_):
        """Tell mypyc something about a class."""
        return final
