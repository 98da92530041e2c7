"""What is wrong with settings that somebody wrote by hand, in plain words."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_SAYS = {
    "missing": "it is missing",
    "int_type": "it takes a whole number, not {value}",
    "int_parsing": "it takes a whole number, not {value}",
    "int_from_float": "it takes a whole number, not {value}",
    "float_type": "it takes a number, not {value}",
    "float_parsing": "it takes a number, not {value}",
    "finite_number": "it takes a number, not {value}",
    "string_type": "it takes a word or a text, not {value}",
    "bool_type": "it takes true or false, not {value}",
    "bool_parsing": "it takes true or false, not {value}",
    "tuple_type": "it takes a list in square brackets, not {value}",
    "list_type": "it takes a list in square brackets, not {value}",
    "dict_type": "it takes names with a value each, as {{name: value}}, not {value}",
    "model_type": "it takes names with a value each, as {{name: value}}, not {value}",
    "greater_than": "it must be more than {gt:g}, not {value}",
    "greater_than_equal": "it must be at least {ge:g}, not {value}",
    "less_than": "it must be less than {lt:g}, not {value}",
    "less_than_equal": "it must be at most {le:g}, not {value}",
    "multiple_of": "it must be a multiple of {multiple_of}, not {value}",
    "literal_error": "it takes {expected}, not {value}",
}
_LONGEST = 40  # characters of a value that are shown


def first_fault(error: ValidationError, kind: type[BaseModel]) -> str:
    """The first fault of a settings check, in one line: where it is, what is wrong there, what can be written.

    Parameters
    ----------
    kind : type
        The settings that were checked.
    """
    fault = error.errors()[0]
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        *above, name = fault["loc"]
        return f"{place}: {_unknown(str(name), kind, above)}"
    return f"{place}: {_words(fault)}" if place else _words(fault)


def _words(fault: ErrorDetails) -> str:
    """What is wrong with a value."""
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    said = _SAYS.get(fault["type"])
    if said is None:
        return fault["msg"].replace("Input should be", "it should be")
    return said.format(value=_shown(fault["input"]), **fault.get("ctx", {}))


def _shown(value: Any) -> str:
    """A value as a person has written it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        return "a list" if not isinstance(value, dict) else "names with values"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _unknown(name: str, kind: type[BaseModel], above: Sequence[int | str]) -> str:
    """That there is no such setting, and which one may have been meant."""
    for part in above:
        kind = _model_below(kind, str(part))
    known = [field.alias or key for key, field in kind.model_fields.items()]
    near = get_close_matches(name, known, n=1)
    return "there is no such setting, " + (
        f"perhaps {near[0]} is meant" if near else f"choose from {', '.join(known)}"
    )


def _model_below(kind: type[BaseModel], part: str) -> type[BaseModel]:
    """The model that a part of a place leads to; itself where that is a number or a name in a dictionary."""
    for key, field in kind.model_fields.items():
        if part in (key, field.alias):
            return next(_models_in(field.annotation), kind)
    return kind


def _models_in(annotation: Any) -> Any:
    """The models that an annotation names, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
