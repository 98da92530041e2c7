"""``demo --headless`` asked by a careless person: one sentence, nothing made, and no project of a person removed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import demo
from napari_emseg.session import Session


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def loop(sample: str, folder: Path, *rest: object, **more: object) -> None:
        assert not folder.exists()
        raise ZeroDivisionError  # the loop itself is tried elsewhere

    monkeypatch.setattr(demo, "run", loop)


def project() -> Session:
    image = ImageStack(np.zeros((2, 8, 8), np.uint8), (50.0, 4.0, 4.0), "sample", "toy", "sample:toy")
    return Session.create(Path("out/phantom.emseg"), image)


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 1) -> str:
    assert main(["demo", "--headless", "--output", "out", *words]) == status
    return capsys.readouterr().err.splitlines()[-1]


def test_a_wrong_model_or_time_is_told_before_anything_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--model", "nosuch").startswith("error: no such model, nosuch")
    for time in ("-3", "nan", "0"):
        assert "is no time" in said(capsys, "--learn-seconds", time, status=2)
    assert not Path("out").exists()
    Path("out").touch()
    assert said(capsys) == "error: a file of this name is in the way, out, choose another --output"


def test_a_project_of_a_person_stays(capsys: pytest.CaptureFixture[str]) -> None:
    project().close()
    assert said(capsys).startswith("error: a project that no demo has made is in the way, out")
    assert Path("out/phantom.emseg/project.json").is_file()


def test_the_project_of_an_earlier_demo_goes_unless_it_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    session = project()
    Path("out/phantom.emseg", demo.MARK).touch()
    assert "error: the project of the demo before is kept: it is open in another window" in said(capsys)
    session.close()
    with pytest.raises(ZeroDivisionError):
        main(["demo", "--headless", "--output", "out", "--debug"])


def test_a_project_of_a_person_beside_the_report_of_a_demo_stays(capsys: pytest.CaptureFixture[str]) -> None:
    project().close()
    Path("out/report.json").write_text("{}")
    assert said(capsys).startswith("error: a project that no demo has made is in the way, out")
    assert Path("out/phantom.emseg/project.json").is_file()
