"""Look into, copy, share and export projects (NAME.emseg).

  napari-emseg project info PROJECT                    what it is, and how far it has come
  napari-emseg project history PROJECT                 who did what, where and when, newest first
  napari-emseg project restore PROJECT EDIT            labels and states as they were right after an edit
  napari-emseg project copy PROJECT COPY               another project folder with all of it
  napari-emseg project pack PROJECT PACK.zip           one file for a colleague
  napari-emseg project unpack PACK.zip [PROJECT]       and what the colleague does with it
  napari-emseg project import PROJECT COPY_OR_PACK     bring a colleague's corrections in
  napari-emseg project labels PROJECT LABELS           take labels over from a file, resampled where needed
  napari-emseg project find-image PROJECT IMAGE        say where the image lies now; also mends a lost project.json
  napari-emseg project export PROJECT OUT              labels in any format; methods and tables

A project that is open in a window can be looked at; everything else asks to close it first.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.commands.arguments import add_common
from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command a thing to do."""
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        if name != "unpack":
            sub.add_argument("project", metavar="PROJECT", type=Path, help="NAME.emseg")
        add_common(sub)
        return sub

    add("info", "what a project is, and how far it has come").add_argument("--json", action="store_true")
    sub = add("history", "who did what, where and when, newest first")
    sub.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50; 0: all)")
    sub.add_argument("--people", action="store_true", help="leave out what models and propagation wrote")
    sub.add_argument("--json", action="store_true", help="one JSON object a line")
    sub = add("restore", "labels and section states as they were right after an edit, as a new edit")
    sub.add_argument("edit", type=int, metavar="EDIT", help="its number in the history")
    sub = add("copy", "another project folder with all of it; its corrections can be imported back")
    sub.add_argument("output", metavar="COPY", type=Path, help="NAME.emseg")
    sub.add_argument("--with-image", action="store_true", help="copy the image into it too")
    sub = add("pack", "one file for a colleague")
    sub.add_argument("output", metavar="PACK", type=Path, help="NAME.emseg.zip")
    sub.add_argument("--no-image", action="store_true", help="leave the image out")
    sub = commands.add_parser(
        "unpack", help="make a project of a pack", description="make a project of a pack"
    )
    sub.add_argument("pack", metavar="PACK", type=Path)
    sub.add_argument("output", metavar="PROJECT", type=Path, nargs="?", help="default: beside the pack")
    add_common(sub)
    sub = add(
        "import",
        "bring a colleague's corrections in; where both changed the same pixels, nothing is overwritten",
    )
    sub.add_argument("theirs", metavar="COPY_OR_PACK", type=Path)
    sub.add_argument(
        "--conflicts", choices=("ask", "mine", "theirs"), default="ask",
        help="ask: keep them for the window to walk through (default); or decide all of them",
    )  # fmt: skip
    sub = add("labels", "take labels over from a file, around proofread sections and locked objects")
    sub.add_argument("labels", metavar="LABELS")
    sub = add("find-image", "say where the image of a project lies now; a lost project.json is made anew")
    sub.add_argument("image", metavar="IMAGE")
    sub = add("export", "labels in the format of the name; methods and tables beside them on demand")
    sub.add_argument("output", metavar="OUT", nargs="?", help=".zarr, .h5, .tif, or a folder/ of PNG")
    sub.add_argument("--proofread-only", action="store_true", help="leave other sections blank")
    sub.add_argument("--methods", type=Path, metavar="FILE", help="what was done, in sentences, as text")
    sub.add_argument("--sections", type=Path, metavar="FILE", help="table of sections, as CSV")


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Do one of them."""
    actions = {
        "info": _info, "history": _history, "restore": _restore, "copy": _copy, "pack": _pack, "unpack": _unpack,
        "import": _import, "labels": _labels, "find-image": _find_image, "export": _export,
    }  # fmt: skip
    actions[args.what](args, progress)
    return 0


@contextmanager
def _open(args: argparse.Namespace, *, write: bool) -> Iterator[Session]:
    from napari_emseg.session import Session

    session = Session.open(args.project)
    try:
        if write:
            session.need_writing()
        yield session
    finally:
        session.close()


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """The folder while nobody writes in it; all that was journaled is in its labels or replayed when it is opened."""
    from napari_emseg.core.folder_lock import FolderLock
    from napari_emseg.core.project import load_project

    folder = folder.expanduser().resolve()
    lock = FolderLock(load_project(folder).lock)
    if reason := lock.acquire():
        if reason.startswith("it is open"):
            raise EmsegError(
                f"this project is in use: {reason}",
                str(folder),
                "close it there, or copy it from that window",
            )
        yield folder  # nobody can write into a folder that cannot be written
        return
    try:
        yield folder
    finally:
        lock.release()


def _info(args: argparse.Namespace, progress: Quiet) -> None:  # noqa: ARG001 - nothing takes long here
    from napari_emseg.core.chronicle import count_events, events
    from napari_emseg.core.journal import Journal
    from napari_emseg.core.project import load_project
    from napari_emseg.core.sections import Status

    project = load_project(args.project.expanduser().resolve())
    journal = Journal.open_read_only(project.journal)
    try:
        states = journal.section_states()
        newest = events(journal, limit=1)
        file = project.membranes_in_use
        counts = {
            s.value: sum(v.status is s for v in states.values()) for s in Status if s is not Status.UNSEEN
        }
        found: dict[str, Any] = {
            "image": project.image.name,
            "image_uri": project.image.candidates(project.folder)[0],
            "shape": project.image.shape,
            "spacing_nm": project.image.spacing_nm,
            "model": project.model,
            "membranes": file.place(project.folder) if file else None,
            "sections": counts,
            "edits": count_events(journal),
            "last_edit": newest[0].time if newest else None,
            "created": project.created,
            "program": project.program,
            "identity": project.identity,
        }
    finally:
        journal.close()
    if args.json:
        print(json.dumps(found, indent=1))
        return
    z, y, x = project.image.shape
    spacing = project.image.spacing_nm
    size = " x ".join(f"{n:g}" for n in spacing) + " nm (z, y, x)" if spacing else "voxel size unknown"
    print(f"{project.image.name}: {counted(z, 'section')} of {y} x {x} pixels, {size}")
    print(f"  image: {found['image_uri']}")
    print(f"  model: {project.model}")
    if file:
        print(f"  membranes: {found['membranes']}{' (it shows cells)' if file.shows_cells else ''}")
    print("  sections: " + ", ".join(f"{n} {name}" for name, n in counts.items()) + f", of {z}")
    print(f"  edits: {found['edits']}" + (f", the last at {_time(newest[0].time)}" if newest else ""))


def _history(args: argparse.Namespace, progress: Quiet) -> None:  # noqa: ARG001 - nothing takes long here
    from napari_emseg.core.chronicle import events
    from napari_emseg.core.journal import Journal
    from napari_emseg.core.project import load_project

    journal = Journal.open_read_only(load_project(args.project.expanduser().resolve()).journal)
    first, left = 0, args.limit or 1 << 60
    try:
        while left > 0:
            page = events(journal, first=first, limit=min(left, 500), people_only=args.people)
            for event in page:
                if args.json:
                    region = [event.region.start, event.region.stop] if event.region else None
                    row = {
                        "id": event.id, "time": event.time, "author": event.author, "source": event.source,
                        "name": event.name, "sections": event.sections, "region": region, "model": event.model,
                        "seconds": event.seconds, "state": event.state,
                    }  # fmt: skip
                    print(json.dumps(row))
                    continue
                ends = sorted(set(event.sections))
                where = f"section {'-'.join(str(z) for z in ends)}" if ends else ""
                took = f"{event.seconds:.1f} s" if event.seconds else ""
                parts = (f"{event.id:>6}", _time(event.time), f"{event.author:<10}", f"{event.source:<11}",
                         event.name, where, took, "taken back" if event.undone else "")  # fmt: skip
                print("  ".join(part for part in parts if part))
            if len(page) < min(left, 500):
                return
            first, left = first + len(page), left - len(page)
    finally:
        journal.close()


def _time(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _restore(args: argparse.Namespace, progress: Quiet) -> None:
    with _open(args, write=True) as session:
        edit = session.restore(args.edit)
        progress.close()
        n = len(edit.sections)
        print(f"{args.project}: {counted(n, 'section')} changed; napari's Ctrl+Z takes it back")


def _copy(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg.core.copying import copy_project

    with _locked(args.project) as folder:
        copy_project(folder, _absolute(args.output), with_image=args.with_image, progress=progress)
    progress.close()
    print(f"{args.output}: a copy of {args.project}")


def _pack(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg import __version__
    from napari_emseg.core.packing import pack_project

    with _locked(args.project) as folder:
        pack = pack_project(
            folder, _absolute(args.output), with_image=not args.no_image, program=f"napari-emseg {__version__}",
            progress=progress,
        )  # fmt: skip
    progress.close()
    print(
        f"{args.output}: {pack.stat().st_size / 1e6:.1f} MB, "
        + ("without" if args.no_image else "with")
        + " image"
    )


def _unpack(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg.core.packing import unpack_project

    folder = unpack_project(_absolute(args.pack), args.output and _absolute(args.output), progress=progress)
    progress.close()
    print(f"{folder}: unpacked and checked")


def _import(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg.jobs import corrections

    with _open(args, write=True) as session:
        found = corrections.find_corrections(session, _absolute(args.theirs), progress)
        done = corrections.bring_in(session, found)
        decided = corrections.keep_all(session, args.conflicts) if args.conflicts != "ask" else 0
        progress.close()
        n, who = len(done.edit.sections), done.author or "a colleague"
        print(
            f"{counted(done.edits, 'edit')} of {who}: {counted(n, 'section')} changed, {counted(len(done.conflicts), 'conflict')}"
        )
        for conflict in done.conflicts:
            print(f"  section {conflict.section}: {conflict.words}")
        if decided:
            print(f"{counted(decided, 'conflict')} decided: {args.conflicts}")
        elif done.conflicts:
            print("they wait in the project; the window walks through them")


def _labels(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg.io.opening import open_volume
    from napari_emseg.jobs import take_labels
    from napari_emseg.jobs.grey_values import refuse_image_as_ids

    opened = open_volume(args.labels)
    refuse_image_as_ids(opened.array, args.labels, is_labels=opened.is_labels)
    with _open(args, write=True) as session:
        offset = None
        if opened.offset_nm is not None:
            ours = session.image.offset_nm or (0.0, 0.0, 0.0)
            z, y, x = (b - a for a, b in zip(ours, opened.offset_nm, strict=True))
            offset = (z, y, x)
        name = Path(args.labels).name
        request = take_labels.prepare(session, name, opened.array, opened.spacing_nm, offset)
        edit = take_labels.finish(session, request, take_labels.run(request, progress))
        progress.close()
        n = len(edit.sections)
        how = "as they are" if request.resampling.is_identity else "resampled"
        print(f"{args.project}: labels of {counted(n, 'section')} taken over, {how}")


def _find_image(args: argparse.Namespace, progress: Quiet) -> None:  # noqa: ARG001 - nothing takes long here
    from napari_emseg.core.remaking import DamagedProject
    from napari_emseg.io import open_image
    from napari_emseg.session import Session

    image = open_image(args.image)
    try:
        session = Session.open(args.project, image)
    except DamagedProject:
        session = Session.remake(args.project, image)
        print(session.notices[-1])
    try:
        session.need_writing()
        if session.image_change:
            print(session.image_change)
    finally:
        session.close()
    print(f"{args.project}: the image is {args.image}")


def _export(args: argparse.Namespace, progress: Quiet) -> None:
    from napari_emseg.io.writing import check_new, check_output
    from napari_emseg.jobs import export

    if not (args.output or args.methods or args.sections):
        raise WrongCall("nothing is asked for", "export", "name an output, --methods or --sections")
    if args.output:
        check_output(args.output)
    for other in filter(None, (args.methods, args.sections)):
        check_new(other)
    lines = []
    with _open(args, write=False) as session:
        if args.output:
            n = export.export_labels(
                session, args.output, proofread_only=args.proofread_only, progress=progress
            )
            lines.append(f"{args.output}: labels of {counted(n, 'section')}")
        if args.sections:
            n = export.export_sections(session, args.sections, progress=progress)
            lines.append(f"{args.sections}: {counted(n, 'row')}")
        if args.methods:
            export.export_methods(session, args.methods)
            lines.append(f"{args.methods}: what was done, in sentences")
    progress.close()
    print("\n".join(lines))


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()
