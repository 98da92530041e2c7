"""Settings that people write in YAML: read so that nothing they wrote is passed over."""

from __future__ import annotations

from typing import Any

import yaml

_PLAIN = {
    "mapping values are not allowed": "a colon too many, or a line that begins too far to the right",
    "expected <block end>": "it begins further left or right than the lines that it belongs to",
    "end>'": "a bracket is not closed",
    "end of stream": "a quotation mark is not closed",
    "escape": "in double quotation marks a backslash is special: write /, or use single ones",
    "cannot start any token": "what begins with such a sign needs quotation marks",
}


class YamlError(ValueError):
    """The text is not YAML, or says something twice; the message says where, in plain words."""


class _Loader(yaml.SafeLoader):
    """Refuses a name that stands twice; YAML would silently take the second one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                raise YamlError(f"{key.value} stands twice, in lines {seen[key.value]} and {line}")
            seen[key.value] = line
        return super().construct_mapping(node, deep)


def read_yaml(raw: bytes | str) -> Any:
    """What a YAML text says.

    Raises
    ------
    YamlError
        If it is not YAML, no UTF-8, or names something twice.
    """
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
        return yaml.load(text, _Loader)
    except UnicodeDecodeError as error:
        raise YamlError("it is no text in UTF-8: save it as that") from error
    except RecursionError as error:
        raise YamlError("it is nested too deeply") from error
    except yaml.YAMLError as error:
        raise YamlError(_said(error, text)) from error


def _said(error: yaml.YAMLError, text: str) -> str:
    """What is wrong with a text, and in which line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error).splitlines()[0]
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    place = f"line {mark.line + 1}"
    if "\t" in line[: mark.column + 1]:
        return f"{place} holds a tab: write spaces"
    problem = getattr(error, "problem", None) or "something is wrong there"
    plain = next((words for sign, words in _PLAIN.items() if sign in problem), problem)
    return f"{place}: {plain}"
