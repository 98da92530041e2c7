"""The history for a list on screen: rows are read from the journal when they are about to be drawn."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from napari_emseg.core.chronicle import count_events, events
from napari_emseg.core.membrane_file import file_of_record
from napari_emseg.ui.durations import took

if TYPE_CHECKING:
    from napari_emseg.core.chronicle import Event
    from napari_emseg.core.journal import Journal

PAGE = 200
_PAGES_KEPT = 20
EVENT_ROLE = Qt.ItemDataRole.UserRole + 1

_WHO = {"model": "model", "propagation": "propagation"}
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


class HistoryModel(QAbstractListModel):
    """Edits of a journal, newest first.

    The number of rows is one cheap question; the rows come in pages of 200 and only a few pages are kept, so a
    hundred thousand edits cost no more than a hundred.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._journal: Journal | None = None
        self._rows = 0
        self._people_only = False
        self._pages: OrderedDict[int, list[Event]] = OrderedDict()
        self.pages_read = 0

    def show_journal(self, journal: Journal | None, *, people_only: bool = False) -> None:
        """Show another journal, or none, from the newest edit on."""
        self.beginResetModel()
        self._journal, self._people_only = journal, people_only
        self._pages.clear()
        self._rows = self._count()
        self.endResetModel()

    def update(self) -> None:
        """Follow what was done, undone or written by another process since; the selection stays."""
        before, now = self._rows, self._count()
        self._pages.clear()
        if now > before:
            self.beginInsertRows(QModelIndex(), 0, now - before - 1)
            self._rows = now
            self.endInsertRows()
        elif now < before:
            self.show_journal(self._journal, people_only=self._people_only)
            return
        if now:
            self.dataChanged.emit(self.index(0), self.index(now - 1))

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt's name
        """Number of edits."""
        return 0 if parent is not None and parent.isValid() else self._rows

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a row says; reads its page when that is not in memory."""
        found = self.at(index.row()) if index.isValid() else None
        if found is None:
            return None
        if role == EVENT_ROLE:
            return found
        if role == Qt.ItemDataRole.DisplayRole:
            return title(found)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return "\n".join(line for line in (title(found), *details(found)) if line)
        return None

    def at(self, row: int) -> Event | None:
        """The edit in a row, None where there is none."""
        if self._journal is None or not 0 <= row < self._rows:
            return None
        number = row // PAGE
        if number not in self._pages:
            self._pages[number] = events(
                self._journal, first=number * PAGE, limit=PAGE, people_only=self._people_only
            )
            self.pages_read += 1
            while len(self._pages) > _PAGES_KEPT:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        page = self._pages[number]
        return page[row % PAGE] if row % PAGE < len(page) else None

    def _count(self) -> int:
        return 0 if self._journal is None else count_events(self._journal, people_only=self._people_only)


def title(event: Event) -> str:
    """What was done: "Merge 4 into 7"."""
    return event.name[:1].upper() + event.name[1:]


def line(event: Event, now: float | None = None) -> str:
    """Who, where and when in one line: "anna · section 12 · 3 min ago"."""
    who = _WHO.get(event.source, event.author or "somebody")
    parts = [who, where(event), when(event.time, now)]
    if event.undone:
        parts.append("taken back")
    return "  ·  ".join(part for part in parts if part)


def details(event: Event) -> tuple[str, ...]:
    """Everything else that is known of an edit, for the tooltip."""
    at = time.strftime("%d %B %Y, %H:%M:%S", time.localtime(event.time))
    place = event.place
    who = f"by {event.author or 'somebody'}"
    rows = [
        f"{at}, edit {event.id}, {who}" + (f", made by {_WHO[event.source]}" if event.source in _WHO else ""),
        where(event) + (f", around y {place[1]}, x {place[2]}" if place and place[1] >= 0 else ""),
        ", ".join(
            part
            for part in (
                f"took {took(event.seconds)}" if event.seconds else "",
                _origin(event.model),
            )
            if part
        ),
    ]
    if event.state == "forgotten":
        rows.append("too old to be undone one by one")
    return tuple(row for row in rows if row)


def _origin(model: str) -> str:
    """Where membranes came from then."""
    file = file_of_record(model)
    return f"membranes of {file}" if file else f"model: {model}" if model else ""


def where(event: Event) -> str:
    """Sections in words, as in "sections 3 to 9", or nothing."""
    if not event.sections:
        return ""
    first, last = event.sections[0], event.sections[-1]
    return f"section {first}" if first == last else f"sections {first} to {last}"


def when(then: float, now: float | None = None) -> str:
    """Time for people: "just now", "5 min ago", "today 09:12", "3 May 2026, 09:12"."""
    now = time.time() if now is None else now
    age = now - then
    if 0 <= age < _MINUTE_S:
        return "just now"
    if 0 <= age < _HOUR_S:
        return f"{int(age // _MINUTE_S)} min ago"
    at, today = time.localtime(then), time.localtime(now)
    clock = time.strftime("%H:%M", at)
    if at[:3] == today[:3]:
        return f"today {clock}"
    if at[:3] == time.localtime(now - _DAY_S)[:3]:
        return f"yesterday {clock}"
    date = f"{at.tm_mday} {time.strftime('%b', at)}"
    return f"{date}, {clock}" if at.tm_year == today.tm_year else f"{date} {at.tm_year}, {clock}"
