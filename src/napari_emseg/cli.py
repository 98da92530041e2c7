"""The command line: ``napari-emseg COMMAND ...``, or ``napari-emseg [PATH ...]`` for the window.

Success is 0, a wrong call 2 with usage, a failure 1 with one line on standard error.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari_emseg import __version__
from napari_emseg.commands import COMMANDS
from napari_emseg.commands.reporting import Quiet, reporter
from napari_emseg.core.errors import FULL_DISK, NO_WRITING, Cancelled, EmsegError, WrongCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

_BY_SIGNAL = 128  # what shells add to the number of the signal that ended a program
STOPPED = _BY_SIGNAL + signal.SIGINT
_A_MOMENT_S = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        Exit status.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    pressed = _note_stops(words) if argv is None else []
    try:
        module, parser, args = _parse(words)
    except SystemExit as leaving:  # argparse has said what is wrong, or shown the help
        return int(leaving.code or 0)
    except KeyboardInterrupt:
        return _fail(Quiet(), "stopped", _status(pressed))
    except Exception:
        if not pressed:
            raise
        return _fail(Quiet(), "stopped", _status(pressed))
    progress = reporter(args.progress)
    try:
        with _threads_in_one_line(args.debug):
            return int(module.run(args, progress))
    except (KeyboardInterrupt, Cancelled):
        status = _fail(progress, "stopped", _status(pressed))
        if argv is None:
            # Everything is tidied up. Taking torch apart would keep the terminal for seconds more.
            sys.stdout.flush()
            os._exit(status)
        return status
    except WrongCall as error:
        from napari_emseg.commands.arguments import step_parser

        progress.close()
        parser = step_parser(parser, args)
        parser.print_usage(sys.stderr)
        return _fail(progress, f"{parser.prog}: error: {error}", 2)
    except BrokenPipeError:
        return 1  # whoever read our output has gone
    except Exception as error:
        is_foreseen = isinstance(error, EmsegError | OSError | MemoryError)
        if pressed and not is_foreseen:  # numpy, for one, makes another error of it while it is imported
            return _fail(progress, "stopped", _status(pressed))
        if args.debug:
            raise
        return _fail(progress, f"error: {_in_words(error, words[0] if words else 'the window')}", 1)
    finally:
        progress.close()


def _note_stops(words: Sequence[str]) -> list[int]:
    """Filled in when Ctrl-C is pressed, which interrupts as ever; where it is ignored it stays so.

    The end of a job (SIGTERM) stops a command in the same way, so that it tidies up and keeps what it can go on with.
    """
    pressed: list[int] = []

    def on_stop(number: int, frame: Any) -> None:
        if _is_importing(frame):
            again = threading.Timer(_A_MOMENT_S, signal.raise_signal, (number,))
            again.daemon = True
            again.start()
            return
        pressed.append(number)
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, on_stop)
    # the window has a journal, and an exception in the midst of its events would not end it
    if words and words[0] in COMMANDS and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, on_stop)
    return pressed


def _is_importing(frame: Any) -> bool:
    """Whether Python is just taking or giving a lock of its imports.

    An interrupt there can be swallowed and the lock be kept, and then every thread that imports anything waits for ever.
    """
    return frame is not None and frame.f_code.co_filename.startswith("<frozen importlib")


def _status(pressed: Sequence[int]) -> int:
    return _BY_SIGNAL + pressed[0] if pressed else STOPPED


def _in_words(error: Exception, command: str) -> str:
    """What went wrong, where, and what to do."""
    if isinstance(error, EmsegError):
        return str(error)
    if _lacks_memory(error):
        return f"there is not enough memory, {command}, take a smaller region, or close other programs"
    if isinstance(error, OSError):
        return str(_refused(error, command))
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{text}, {command}, run it again with --debug to see where"


def _refused(error: OSError, command: str) -> EmsegError:
    where = str(error.filename or command)
    reason = (error.strerror or str(error)).lower()
    if error.errno in FULL_DISK:
        return EmsegError("the disk is full", where, "free some space or choose another disk")
    if error.errno in NO_WRITING:
        return EmsegError(f"this may not be read or written ({reason})", where, "choose another place")
    if error.errno == errno.ENAMETOOLONG:
        return EmsegError(
            "a name is too long for the disk, with what is added while it is written",
            where,
            "give a shorter one",
        )
    return EmsegError(f"a file cannot be read or written ({reason})", where, "check the disk")


@contextmanager
def _threads_in_one_line(is_debugging: bool) -> Iterator[None]:
    """What the disk refuses to a thread (TensorBoard's) also reaches the main one, which tells it in one line."""
    usual = threading.excepthook

    def on_error(args: threading.ExceptHookArgs) -> None:
        if is_debugging or not isinstance(args.exc_value, OSError):
            usual(args)

    threading.excepthook = on_error
    try:
        yield
    finally:
        threading.excepthook = usual


# libraries that have no class of their own for it: torch, HDF5, the loader of shared libraries, C++
_WITHOUT_MEMORY = ("can't allocate memory", "memory allocation failed", "failed to map segment", "bad_alloc")


def _lacks_memory(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or any(text in str(error) for text in _WITHOUT_MEMORY)


def _fail(progress: Any, text: str, status: int) -> int:
    progress.close()
    print(" ".join(text.split()), file=sys.stderr)
    return status


def _parse(words: list[str]) -> tuple[ModuleType, argparse.ArgumentParser, argparse.Namespace]:
    # loads numpy, and Ctrl-C may come at once
    from napari_emseg.commands.arguments import add_common, command_parser, understood

    name = words[0] if words else ""
    if name in COMMANDS:
        module, parser = command_parser(name)
        return module, parser, understood(parser, words[1:])
    from napari_emseg.commands import window

    parser = argparse.ArgumentParser(
        "napari-emseg",
        usage="napari-emseg [PATH ...]\n       napari-emseg COMMAND ...",
        description="Proofread electron-microscopy stacks in a loop that learns from every correction.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_commands(),
    )
    parser.add_argument("--version", action="version", version=f"napari-emseg {__version__}")
    window.add_arguments(parser)
    add_common(parser)
    args = parser.parse_args(words)
    window.check(parser, args)
    return window, parser, args


def _commands() -> str:
    rows = [f"  {name:<10} {text}" for name, text in COMMANDS.items()]
    return "\n".join(["commands:", *rows, "", "napari-emseg COMMAND --help tells more."])


if __name__ == "__main__":
    sys.exit(main())
