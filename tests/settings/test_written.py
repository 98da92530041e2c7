"""YAML that people write."""

from __future__ import annotations

import pytest

from napari_emseg.settings.written import YamlError, read_yaml


def test_what_is_written_is_read():
    text = "\ufeffname: a\r\nterms: &t {x: 1}\r\nmore: {<<: *t, y: 2}\r\n"
    assert read_yaml(text.encode()) == {"name": "a", "terms": {"x": 1}, "more": {"x": 1, "y": 2}}
    assert read_yaml("") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3", "a stands twice, in lines 1 and 3"),
        ("v:\n  - {m: 1, n: 2, m: 3}", "m stands twice, in lines 2 and 2"),
        ("a:\n\tb: 1", "line 2 holds a tab: write spaces"),
        ("a:\tb", "line 1 holds a tab: write spaces"),
        ('a: "C:\\new\\stack"', "line 1: in double quotation marks a backslash is special"),
        ("a: b: c", "line 1: a colon too many"),
        ("- a\nb: 3", "line 2: it begins further left or right than the lines that it belongs to"),
        ("a: [1, 2", "line 1: a bracket is not closed"),
        ('a: "b', "line 1: a quotation mark is not closed"),
        ("a: @b", "line 1: what begins with such a sign needs quotation marks"),
        ("[" * 5000, "it is nested too deeply"),
        ("a: !!python/object/apply:os.getcwd []", "line 1: could not determine a constructor"),
    ],
)
def test_a_fault_names_its_line(text: str, says: str):
    with pytest.raises(YamlError) as caught:
        read_yaml(text)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("coding", ["latin-1", "utf-16"])
def test_another_coding_is_told(coding: str):
    with pytest.raises(YamlError, match="UTF-8"):
        read_yaml("name: Größe".encode(coding))
