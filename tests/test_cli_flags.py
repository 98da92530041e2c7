"""Switches of the command line mean what they say: no argument takes "False" for true."""

from __future__ import annotations

import argparse
from importlib import import_module

import pytest

from napari_emseg.cli import main
from napari_emseg.commands import COMMANDS


def parsers(parser: argparse.ArgumentParser):
    """A parser and all those of its sub-commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in set(action.choices.values()):
                yield from parsers(one)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_switch_takes_a_word(command):
    top = argparse.ArgumentParser(prog=command)
    import_module(f"napari_emseg.commands.{command}").add_arguments(top)
    for parser in parsers(top):
        for action in parser._actions:
            assert action.type is not bool, (
                f"{parser.prog} {action.option_strings} would take 'False' for true"
            )
            assert not (isinstance(action.default, tuple) and action.type is str), (
                f"{parser.prog} {action.option_strings} is a list, and takes one word that is none"
            )
            if isinstance(action.default, bool):
                assert action.nargs == 0, (
                    f"{parser.prog} {action.option_strings} is a switch and takes a word"
                )
            if action.default is True:
                assert any(option.startswith("--no-") for option in action.option_strings), (
                    f"{parser.prog} {action.option_strings} is on and cannot be switched off"
                )


def test_options_before_the_command_are_told_their_place(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--debug", "models"]) == 2
    assert "options stand behind the command: napari-emseg models ..." in capsys.readouterr().err
    (tmp_path / "models").mkdir()  # a folder of that name is still opened
    assert main(["--debug", "models", "nosuch"]) == 2
    assert "'nosuch' is neither a command nor a file" in capsys.readouterr().err
