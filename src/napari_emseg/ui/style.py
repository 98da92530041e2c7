"""Colours and style sheet of the dock, for napari's dark and light themes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """Colours by role. Text on every ground has a contrast of at least 4.5 to 1."""

    ground: str
    raised: str
    line: str
    text: str
    faint: str
    accent: str
    on_accent: str
    link: str
    good: str
    warn: str
    bad: str
    unseen: str
    predicted: str
    proofread: str
    excluded: str


DARK = Look(
    ground="#23242b",
    raised="#2e333e",
    line="#424a54",
    text="#f0f1f2",
    faint="#a9b0b8",
    accent="#2f6bc9",
    on_accent="#ffffff",
    link="#7fb2ff",
    good="#3ecfa5",
    warn="#f0b429",
    bad="#ff8a80",
    unseen="#4a505c",
    predicted="#4a97d0",
    proofread="#009e73",
    excluded="#2b2e36",
)
LIGHT = Look(
    ground="#ebe7e6",
    raised="#f7f5f4",
    line="#c5c3c1",
    text="#1e1e21",
    faint="#55565a",
    accent="#1f5fbf",
    on_accent="#ffffff",
    link="#1a4f9f",
    good="#00694d",
    warn="#7a5200",
    bad="#a3121c",
    unseen="#cfccca",
    predicted="#7db8e4",
    proofread="#2fae86",
    excluded="#f7f5f4",
)


def look_of(theme: str) -> Look:
    """Colours that go with a napari theme ("dark", "light", "system" or a plugin's)."""
    from napari.utils.theme import get_theme

    background = str(get_theme(theme).background).lstrip("#")
    if len(background) == 3:
        background = "".join(2 * c for c in background)
    try:
        brightness = sum(int(background[i : i + 2], 16) for i in (0, 2, 4)) / 3
    except ValueError:  # a named colour
        brightness = 255.0 if get_theme(theme).type == "light" else 0.0
    return LIGHT if brightness > 127 else DARK


def style_sheet(look: Look) -> str:
    """Qt style sheet of the dock; the roles are dynamic properties of the widgets."""
    return f"""
    QWidget#emseg {{ background: {look.ground}; }}
    QHeaderView::section {{ padding: 2px 2px 6px 2px; }}
    QHeaderView::up-arrow, QHeaderView::down-arrow {{ subcontrol-origin: margin; subcontrol-position: bottom center;
        width: 10px; height: 6px; }}
    QWidget#emsegPanel {{ background: {look.ground}; }}
    QLabel {{ color: {look.text}; background: transparent; }}
    QLabel[role="title"] {{ font-size: 12pt; font-weight: 600; }}
    QLabel[role="faint"] {{ color: {look.faint}; }}
    QLabel[role="note"] {{ background: {look.raised}; border-left: 3px solid {look.warn};
        padding: 4px 8px; border-radius: 2px; }}
    QLabel[role="heading"] {{ font-weight: 600; }}
    QLabel[role="says"] {{ background: {look.raised}; border-left: 3px solid {look.line};
        padding: 6px 8px; border-radius: 2px; }}
    QLabel[role="says"][tone="error"] {{ border-left-color: {look.bad}; }}
    QLabel[role="says"][tone="done"] {{ border-left-color: {look.good}; }}
    QLabel[role="says"][tone="busy"] {{ border-left-color: {look.accent}; }}
    QPushButton {{ min-height: 20px; padding: 4px 10px; border-radius: 3px;
        background: {look.raised}; border: 1px solid {look.line}; color: {look.text}; }}
    QPushButton:hover {{ border-color: {look.link}; }}
    QPushButton:focus {{ border-color: {look.link}; }}
    QPushButton:checked {{ border: 1px solid {look.link}; color: {look.link}; }}
    QPushButton:disabled {{ color: {look.faint}; background: transparent; border: 1px solid {look.line}; }}
    QPushButton[role="primary"] {{ background: {look.accent}; color: {look.on_accent};
        border: 1px solid {look.accent}; font-weight: 600; padding: 6px 10px; }}
    QPushButton[role="primary"]:hover, QPushButton[role="primary"]:focus {{ border-color: {look.text}; }}
    QPushButton[role="primary"]:disabled {{ background: {look.raised}; color: {look.faint};
        border: 1px solid {look.line}; }}
    QPushButton[role="tool"] {{ padding: 4px 5px; }}
    QPushButton[role="flat"] {{ background: transparent; border: 1px solid transparent; padding: 1px 3px;
        min-height: 16px; color: {look.faint}; text-align: left; }}
    QPushButton[role="flat"]:hover, QPushButton[role="flat"]:checked {{ color: {look.text};
        border-color: transparent; }}
    QPushButton[role="flat"]:focus {{ border-color: {look.link}; }}
    QPushButton[role="recent"], QPushButton[role="missing"] {{ background: transparent; border: 1px solid transparent;
        padding: 2px 6px; min-height: 18px; text-align: left; }}
    QPushButton[role="missing"] {{ color: {look.faint}; }}
    QPushButton[role="recent"]:hover, QPushButton[role="missing"]:hover {{ background: {look.raised}; }}
    QPushButton[role="recent"]:focus, QPushButton[role="missing"]:focus {{ border-color: {look.link}; }}
    QPushButton[role="stage"] {{ background: transparent; border: 1px solid transparent;
        border-left: 3px solid transparent; border-radius: 0; padding: 0; min-height: 19px; max-height: 19px;
        text-align: left; }}
    QPushButton[role="stage"]:hover {{ background: {look.raised}; }}
    QPushButton[role="stage"]:checked {{ background: {look.raised}; border: 1px solid transparent;
        border-left: 3px solid {look.accent}; }}
    QPushButton[role="stage"]:focus {{ border-color: {look.link}; }}
    QLabel[role="stageName"] {{ color: {look.text}; }}
    QLabel[role="stageName"][open="true"] {{ font-weight: 600; }}
    QLabel[role="word"] {{ color: {look.faint}; }}
    QLabel[role="word"][tone="ready"] {{ color: {look.link}; }}
    QLabel[role="word"][tone="done"] {{ color: {look.good}; }}
    QLabel[role="word"][tone="busy"] {{ color: {look.warn}; }}
    QLabel[role="word"][tone="blocked"] {{ color: {look.warn}; }}
    QFrame[role="rule"] {{ background: {look.line}; max-height: 1px; min-height: 1px; border: none; }}
    QSlider::groove:horizontal {{ height: 4px; background: {look.line}; border-radius: 2px; border: none; }}
    QSlider::sub-page:horizontal {{ background: {look.accent}; border-radius: 2px; }}
    QSlider::add-page:horizontal {{ background: {look.line}; border-radius: 2px; }}
    QAbstractSpinBox {{ background: {look.raised}; border: 1px solid {look.line}; border-radius: 3px;
        padding: 2px 5px; min-height: 18px; color: {look.text}; }}
    QAbstractSpinBox:focus {{ border-color: {look.link}; }}
    QComboBox {{ min-height: 18px; background: {look.raised}; border: 1px solid {look.line};
        border-radius: 3px; padding: 2px 8px; color: {look.text}; }}
    QComboBox:focus {{ border-color: {look.link}; }}
    QSlider::handle:horizontal:focus {{ background: {look.link}; }}
    QListView, QListWidget, QPlainTextEdit {{ background: {look.raised}; border: 1px solid {look.line}; border-radius: 3px;
        color: {look.text}; }}
    QListWidget::item {{ padding: 4px 6px; }}
    QListWidget::item:selected {{ background: {look.accent}; color: {look.on_accent}; }}
    QListView:focus, QTableView:focus, QPlainTextEdit:focus {{ border: 1px solid {look.link}; }}
    QCheckBox {{ color: {look.text}; background: transparent; border: 1px solid transparent; border-radius: 3px; }}
    QCheckBox:focus {{ border-color: {look.link}; }}
    QTabBar {{ background: transparent; border: none; }}
    QTabBar::tab {{ background: transparent; border: none; border-bottom: 2px solid {look.line}; color: {look.faint};
        padding: 4px 8px; }}
    QTabBar::tab:hover {{ color: {look.text}; }}
    QTabBar::tab:selected {{ background: transparent; border-bottom-color: {look.accent}; color: {look.text};
        font-weight: 600; }}
    QTabBar::tab:selected:focus {{ color: {look.link}; }}
    QScrollArea {{ border: none; background: transparent; }}
    """
