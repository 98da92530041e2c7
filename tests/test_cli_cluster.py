"""``napari-emseg cluster``: scripts, SLURM played by shell scripts, and workers that compute exactly the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.io import open_volume, write_array

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SLURM and its scripts are not for Windows")

SPACING = (50.0, 4.6, 4.6)
RESOURCES = (
    "--partition", "gpu", "--time", "1:00:00", "--memory", "2G", "--cores", "1", "--gpus", "1",
)  # fmt: skip
COMMON = ("--tta", "none", "--device", "cpu")


def write_stack(folder: Path) -> None:
    values = np.random.default_rng(0).integers(1, 255, (7, 96, 128), dtype=np.uint8)
    write_array(folder / "in.tif", values, spacing_nm=SPACING)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a stack of 7 sections of 96 x 128 pixels of noise, and programs that play SLURM in bin/."""
    monkeypatch.chdir(tmp_path)
    write_stack(tmp_path)
    Path("bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def program(name: str, text: str) -> None:
    file = Path("bin", name)
    file.write_text(f"#!/bin/bash\n{text}\n")
    file.chmod(0o755)


# ---- write ------------------------------------------------------------------------------------------------


def test_a_script_runs_the_command_that_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    predict = ["predict", "in.tif", "my out.zarr", "--tta", "none"]
    assert main(["cluster", "write", *RESOURCES, "--setup", "true module load", "--", *predict]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "napari-emseg cluster submit predict.sh"
    text = Path("predict.sh").read_text()
    assert "#SBATCH --gres=gpu:1\n" in text
    assert "\ntrue module load\n" in text
    program("napari-emseg", 'printf "%s\\n" "$@" > called; echo $OMP_NUM_THREADS > threads')
    subprocess.run(["bash", "predict.sh"], check=True, env={**os.environ, "SLURM_CPUS_PER_TASK": "4"})
    assert Path("called").read_text().splitlines() == [
        *predict,
        "--progress",
        "json",
    ]
    assert Path("threads").read_text() == "4\n"


def test_a_script_that_somebody_changed_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    write = ["cluster", "write", "--array", "2", "--script", "p.sh", "--memory"]
    predict = ["--", "predict", "in.tif", "out.h5", "--region", "0:4,0:96,0:120"]
    for memory in ("8G", "16G"):
        assert main([*write, memory, *predict]) == 0
    for name in ("p.sh", "p-join.sh"):
        script = Path(name)
        ours = script.read_text()
        script.write_text(ours.replace("16G", "24G"))
        changed = {n: Path(n).read_text() for n in ("p.sh", "p-join.sh")}
        assert main([*write, "32G", *predict]) == 1
        assert f"it was changed by hand, or is no script of this program, {name}, " in capsys.readouterr().err
        assert {n: Path(n).read_text() for n in changed} == changed
        script.write_text(ours)
    Path("train.sh").write_text("echo mine\n")
    assert main(["cluster", "write", "--", "train", "r.yaml", "out"]) == 1


def test_a_script_names_no_place_of_this_machine(place: Path) -> None:
    assert main(["cluster", "write", "--", "train", "r.yaml", "out"]) == 0
    text = Path("train.sh").read_text()
    assert not any(path in text for path in (str(place), str(Path.home()), sys.prefix, sys.executable))


def test_a_job_that_lacks_the_program_says_so() -> None:
    main(["cluster", "write", "--", "train", "r.yaml", "out"])
    done = subprocess.run(
        ["/bin/bash", "train.sh"], env={"PATH": "bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        done.stderr == "error: napari-emseg is not on the PATH of this job, write the script with --setup\n"
    )


def test_tasks_of_an_array_make_exactly_the_whole(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each task is called as SLURM would, and what it calls is run here; then what was made is joined."""
    region = "1:7,0:96,8:120"
    predict = ["predict", "in.tif", "out.h5", "--region", region, "--model", str(model), *COMMON]
    predict += ["--targets", "membrane,mitochondria", "--dtype", "uint8"]
    assert main(["cluster", "write", "--array", "4", "--script", "p.sh", "--", *predict]) == 0
    assert "6 sections in 4 tasks; p-join.sh joins them" in capsys.readouterr().out
    assert "#SBATCH --array=0-3\n" in Path("p.sh").read_text()
    program(
        "napari-emseg",
        f'{sys.executable} -c "import json, sys; print(json.dumps(sys.argv[1:]))" "$@" >> calls',
    )

    def called(script: str, **extra: str) -> list[str]:
        Path("calls").unlink(missing_ok=True)
        subprocess.run(["bash", script], check=True, env={**os.environ, **extra})
        return json.loads(Path("calls").read_text()) if Path("calls").exists() else []

    for task in range(4):
        if task == 3:
            assert main(called("p-join.sh")) == 1
            assert "sections 5 to 6 are not there yet, out.h5.blocks" in capsys.readouterr().err
        assert main(called("p.sh", SLURM_ARRAY_TASK_ID=str(task))) == 0
    assert called("p.sh", SLURM_ARRAY_TASK_ID="2") == []  # it is there already
    assert main(called("p-join.sh")) == 0
    assert main([*predict[:2], "whole.h5", *predict[3:]]) == 0
    joined, whole = open_volume("out.h5"), open_volume("whole.h5")
    np.testing.assert_array_equal(joined.array[:], whole.array[:])
    assert (joined.array.dtype, joined.spacing_nm) == (np.uint8, SPACING)


def test_out_is_found_among_words_that_are_the_same(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "o.h5").symlink_to(model)  # a model that is called like the output
    words = [
        "predict",
        "--tta",
        "none",
        "in.tif",
        "--model",
        "o.h5",
        "o.h5",
        "--reg=0:2,:,:",
        "--model",
        "o.h5",
    ]
    assert main(["cluster", "write", "--array", "9", "--", *words]) == 0
    assert capsys.readouterr().err == ""
    text = Path("predict.sh").read_text()
    assert "#SBATCH --array=0-1\n" in text
    assert (
        'predict --tta none in.tif --model o.h5 "$part" --model o.h5 --region "$block,0:96,0:128" --progress json\n'
    ) in text
    assert "--sections 0:2" in Path("predict-join.sh").read_text()


def test_parts_of_another_model_are_not_taken_for_these(model: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(model, tmp_path / "m")
    words = ["cluster", "write", "--array", "1", "--", "predict", "in.tif", "o.h5", "--model", "m"]
    folders = []
    for content in (None, None, b"learned more"):
        if content:
            (tmp_path / "m" / "weights.safetensors").write_bytes(content)
        assert main(words) == 0
        text = Path("predict.sh").read_text()
        assert "#SBATCH --array=0-0\n" in text
        folders.append(next(line for line in text.splitlines() if line.startswith("part=")))
    assert folders[0] == folders[1] != folders[2]


def test_parts_of_an_older_stack_are_not_taken_for_these(model: Path) -> None:
    """The stack was cleaned and written again under its name: tasks would find their blocks and end at once."""
    words = ["cluster", "write", "--array", "1", "--", "predict", "in.tif", "o.h5", "--model", str(model)]
    folders = []
    for seconds in (1_000_000, 1_000_000, 2_000_000):
        os.utime("in.tif", (seconds, seconds))
        assert main(words) == 0
        lines = Path("predict.sh").read_text().splitlines()
        folders.append(next(line for line in lines if line.startswith("part=")))
    assert folders[0] == folders[1] != folders[2]


@pytest.mark.parametrize(
    "words",
    [
        "write -- paint in.tif", "write -- cluster start", "write -- predict in.tif", "write",
        "write --array 3 -- train a b", "write --array 0 -- predict in.tif o.h5", "write --cores -1 -- train a b",
        "write --time soon -- train a b", "join blocks o.h5", "join blocks o.h5 --sections 3:3", "sleep",
        "start --workers 0",
        "start --port 99999", "start --port -1", "write --array ² -- predict in.tif o.h5",
        "write -- predict in.tif o.h5 --tta 5",
    ],
)  # fmt: skip
def test_a_wrong_call_shows_usage(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(Path.cwd().iterdir())
    assert main(["cluster", *words.split()]) == 2
    assert "usage: napari-emseg" in capsys.readouterr().err
    assert set(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        "cluster write -- paint in.tif",
        "cluster write --cores -1 -- train a b",
        "cluster start --slurm --gpus -1",
    ],
)
def test_a_wrong_call_of_a_step_shows_the_usage_of_that_step(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    err = capsys.readouterr().err
    step = " ".join(words.split()[:2])
    assert err.startswith(f"usage: napari-emseg {step} [-h]")
    assert f"napari-emseg {step}: error: " in err


# ---- submit -----------------------------------------------------------------------------------------------


def test_scripts_are_submitted_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    program("sbatch", 'echo "$@" >> seen; echo "$((40 + $(wc -l < seen)));cluster"')
    for name in ("a.sh", "b.sh"):
        Path(name).write_text("#!/bin/bash\n")
    assert main(["cluster", "submit", "a.sh", "b.sh"]) == 0
    assert capsys.readouterr().out == "job 41: a.sh\njob 42: b.sh\n"
    assert Path("seen").read_text() == "--parsable a.sh\n--parsable --dependency=afterok:41 b.sh\n"


def test_what_slurm_says_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    program("sbatch", 'echo "sbatch: error: invalid partition specified: cox" >&2; exit 1')
    Path("a.sh").touch()
    assert main(["cluster", "submit", "a.sh"]) == 1
    error = capsys.readouterr().err
    assert error == (
        "error: SLURM refuses it (invalid partition specified: cox), a.sh, change the script or its resources\n"
    )


def test_without_slurm_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.sh").touch()
    assert main(["cluster", "submit", "b.sh"]) == 1
    assert "there is no such script, b.sh" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(Path.cwd() / "bin"))
    assert main(["cluster", "submit", "a.sh"]) == 1
    assert "there is no sbatch on this machine, a.sh, submit it on the cluster" in capsys.readouterr().err


# ---- start ------------------------------------------------------------------------------------------------


@contextmanager
def started(*words: str):
    """A cluster in a process of its own, ended as a person would; gives the lines that it has said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_emseg.cli", "cluster", "start", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    with process:
        said = []
        while not said or not said[-1].startswith("ready"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said.append(line)
        try:
            yield said
        finally:
            process.send_signal(signal.SIGINT)
            error = process.stderr.read()
            assert (process.wait(60), error) == (130, "stopped\n")


def predicted(model: Path, *words: str) -> np.ndarray:
    name = f"p{len(list(Path.cwd().iterdir()))}.h5"
    assert main(["predict", "in.tif", name, "--model", str(model), *COMMON, *words]) == 0
    return open_volume(name).array[:]


@pytest.fixture(scope="module")
def here(model: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """What one thread predicts in a process of its own: with another number of threads the last digit may differ."""
    folder = tmp_path_factory.mktemp("here")
    write_stack(folder)
    words = ["predict", "in.tif", "here.h5", "--model", str(model), *COMMON]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NAPARI_EMSEG_HOME": str(folder / "home")}
    subprocess.run(
        [sys.executable, "-m", "napari_emseg.cli", *words], env=environment, cwd=folder, check=True
    )
    return open_volume(folder / "here.h5").array[:]


def test_workers_of_a_started_scheduler_compute_exactly_the_same(
    model: Path, here: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    with started("--workers", "2", "--file", "my cluster.json") as said:
        assert said[0].startswith("2 workers on this machine, tls://127.0.0.1:")
        assert said[1] == "napari-emseg predict IN OUT --scheduler 'my cluster.json'\n"
        np.testing.assert_array_equal(predicted(model, "--scheduler", "my cluster.json"), here)
        # the address alone is not enough
        capsys.readouterr()
        address = json.loads(Path("my cluster.json").read_text())["address"]
        words = ["predict", "in.tif", "no.h5", "--model", str(model), "--scheduler", address]
        assert main(words) == 1
        assert "there are no credentials for this scheduler" in capsys.readouterr().err
    assert not Path("my cluster.json").exists()


KILLED_WITH_KEYS = """
import os, signal
from pathlib import Path
from napari_emseg.core.leftovers import private_folder
with private_folder(Path("emseg-keys")) as folder:
    (folder / "key").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_jobs_of_slurm_compute_exactly_the_same(model: Path, here: np.ndarray) -> None:
    """And keys that a killed scheduler has left go with the next one."""
    subprocess.run([sys.executable, "-c", KILLED_WITH_KEYS], check=False)
    assert list(Path.cwd().glob(".emseg-keys*/key"))
    program(
        "sbatch",
        'for last; do :; done; cp "$last" job.sh; setsid bash job.sh >log 2>&1 &\necho "Submitted batch job $!"',
    )
    program("scancel", 'kill -- -"$1"')
    words = [
        "--slurm",
        "--time",
        "1:00:00",
        "--memory",
        "2G",
        "--cores",
        "1",
        "--gpus",
        "1",
        "--partition",
        "gpu",
        "--host",
        "127.0.0.1",
    ]
    with started(*words, "--setup", "echo hello") as said:
        assert said[0].startswith("1 worker as jobs of SLURM, tls://127.0.0.1:")
        np.testing.assert_array_equal(predicted(model, "--scheduler", "cluster.json"), here)
        text = Path("job.sh").read_text()
        assert {"#SBATCH -p gpu", "#SBATCH --mem=2G", "#SBATCH --gres=gpu:1", "echo hello"} <= set(
            text.splitlines()
        )
        assert "BEGIN" not in text  # keys are in files that only their owner can read
    assert not Path("cluster.json").exists()
    assert not list(Path.cwd().glob(".*keys*"))
    deadline = time.monotonic() + 60
    while "Worker closed" not in Path("log").read_text() and "End worker" not in Path("log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_jobs_that_slurm_refuses_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    program("sbatch", 'echo "sbatch: error: invalid partition specified: gpu" >&2; exit 1')
    before = set(Path.cwd().iterdir())
    assert main(["cluster", "start", "--slurm", *RESOURCES, "--host", "127.0.0.1"]) == 1
    error = capsys.readouterr().err
    assert error == (
        "error: SLURM refuses the jobs (invalid partition specified: gpu), --slurm, change the resources\n"
    )
    assert set(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--slurm --time 9 --memory 1G --cores 1", "there is no sbatch on this machine"),
        ("--slurm", "jobs of workers need a size, --memory, --time, --cores"),
        ("--file nowhere/c.json", "not a directory"),
        ("--host 203.0.113.7", "this machine cannot listen there"),
    ],
)
def test_a_cluster_that_cannot_start_says_why_in_one_line(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(Path.cwd().iterdir())
    Path("nowhere").touch()
    assert main(["cluster", "start", *words.split()]) == 1
    error = capsys.readouterr().err
    assert (error.count("\n"), said in error) == (1, True), error
    Path("nowhere").unlink()
    assert set(Path.cwd().iterdir()) == before
