"""Batch scripts: what stands in them, that bash understands it, and that tasks share all sections out."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_emseg.core.errors import WrongCall
from napari_emseg.jobs.batch import Blocks, Resources, script

GOLDEN = """\
#!/bin/bash
#SBATCH --job-name=emseg-train
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --partition=cox
#SBATCH --account=lab
#SBATCH --constraint=avx2
#SBATCH --time=5-00:00:00
#SBATCH --mem=100000
#SBATCH --cpus-per-task=8
#SBATCH --gres=gpu:titanx:4
#SBATCH --output=%x-%j.log
set -eo pipefail
module load cuda
source activate em
set -u
export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"
command -v napari-emseg >/dev/null || {
    echo "error: napari-emseg is not on the PATH of this job, write the script with --setup" >&2
    exit 1
}
napari-emseg train 'my recipe.yaml' 'out/$HOME' --progress json
"""


def understood_by_bash(text: str) -> bool:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    return subprocess.run([bash, "-n"], input=text, text=True, check=False).returncode == 0


def test_the_script_is_this_one() -> None:
    resources = Resources(
        partition="cox", account="lab", constraint="avx2", time="5-00:00:00", memory="100000", cores=8, gpus=4,
        gpu_type="titanx",
    )  # fmt: skip
    text = script(
        ["train", "my recipe.yaml", "out/$HOME"], resources, setup=["module load cuda", "source activate em"]
    )
    assert text == GOLDEN
    assert understood_by_bash(text)


def test_what_is_not_asked_for_is_left_to_the_cluster() -> None:
    text = script(["demo", "--headless"], Resources())
    options = [line for line in text.splitlines() if line.startswith("#SBATCH")]
    assert options == [
        "#SBATCH --job-name=emseg-demo", "#SBATCH --nodes=1", "#SBATCH --ntasks=1", "#SBATCH --output=%x-%j.log",
    ]  # fmt: skip


def test_an_array_has_as_many_tasks_as_blocks() -> None:
    text = script(["predict"], Resources(gpus=1), body=["echo $SLURM_ARRAY_TASK_ID"], tasks=5)
    assert "#SBATCH --array=0-4\n" in text
    assert "#SBATCH --output=%x-%A-%a.log\n" in text
    assert "#SBATCH --gres=gpu:1\n" in text
    assert understood_by_bash(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": "a day"}, {"memory": "64 GB"}, {"partition": "gpu; rm -r ."}, {"account": "a\nb"},
        {"gpu_type": "v100"}, {"time": "1:2:3:4"},
    ],
)  # fmt: skip
def test_what_slurm_would_not_understand_is_a_wrong_call(wrong: dict[str, str]) -> None:
    with pytest.raises(WrongCall):
        Resources(**wrong)


@pytest.mark.parametrize("time", ["90", "12:00:00", "30:00", "3-00:00:00", "2-12"])
def test_times_of_slurm(time: str) -> None:
    assert Resources(time=time).options() == [f"--time={time}"]


@given(st.integers(0, 50), st.integers(1, 200), st.integers(1, 300), st.integers(1, 9))
def test_every_section_has_one_task(start: int, length: int, tasks: int, unit: int) -> None:
    spans = Blocks(start, start + length, tasks, unit).spans()
    assert [z for a, b in spans for z in range(a, b)] == list(range(start, start + length))
    assert len(spans) <= tasks
    assert all(a < b for a, b in spans)
    assert all(a % unit == 0 for a, _ in spans[1:])
    if length >= 2 * unit * len(spans):
        sizes = [b - a for a, b in spans]
        assert max(sizes) - min(sizes) <= 3 * unit


def test_the_setup_may_look_at_variables_that_nobody_has_set() -> None:
    """As the scripts of conda and of modules do: under `set -u` they ended the job at once."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    text = script(
        ["models"], Resources(), setup=['[ -z "$CONDA_SHLVL" ] && echo activated'], body=["echo done"]
    )
    text = text.replace("command -v napari-emseg", "true")
    done = subprocess.run(
        [bash], input=text, env={"PATH": "/bin:/usr/bin"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "activated\ndone\n", "")
