"""What a panel says: values without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Saying:
    """One sentence for the person, with an optional next step.

    Parameters
    ----------
    text : str
        What just happened, in numbers, or what is wrong.
    tone : {"quiet", "done", "busy", "error"}
        How it is shown.
    link : str
        Words of the next step.
    action : str
        What the link starts: the name of an action, or "stage:NAME".
    """

    text: str
    tone: Literal["quiet", "done", "busy", "error"] = "quiet"
    link: str = ""
    action: str = ""
