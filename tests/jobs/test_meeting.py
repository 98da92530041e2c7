"""Where a scheduler is met: addresses, files, and credentials or a refusal."""

from __future__ import annotations

import json
import os
import stat

import dask
import pytest
from distributed.security import Security

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.meeting import meeting, write_meeting


def test_a_file_brings_its_credentials_and_is_private(tmp_path):
    security = Security.temporary()
    write_meeting(tmp_path / "c.json", "tls://10.0.0.7:8786", security)
    found = meeting(str(tmp_path / "c.json"))
    assert found.address == "tls://10.0.0.7:8786"
    assert found.security.tls_client_key == security.tls_client_key
    assert found.security.tls_ca_file == security.tls_ca_file
    assert found.security.require_encryption
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "c.json").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["c.json"]


def test_a_file_without_credentials_takes_those_of_dasks_configuration(tmp_path):
    write_meeting(tmp_path / "c.json", "tls://10.0.0.7:8786", None)
    with pytest.raises(EmsegError, match="no credentials"):
        meeting(str(tmp_path / "c.json"))
    with dask.config.set({"distributed.comm.tls.ca-file": "ca.pem"}):
        assert meeting(str(tmp_path / "c.json")).security is None


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tcp://localhost:1", "127.0.0.1:8786", "tcp://[::1]:9"]
)
def test_on_this_machine_no_credentials_are_needed(address):
    assert meeting(address).address == address


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:8786", "cluster.org:8786", "tcp://cluster:1"])
def test_over_a_network_a_scheduler_without_tls_is_refused(address):
    with pytest.raises(EmsegError, match="could change what this scheduler says"):
        meeting(address)
    with dask.config.set({"distributed.comm.require-encryption": False}):  # somebody has decided so
        assert meeting(address).address == address


def test_tls_without_credentials_is_refused():
    with pytest.raises(EmsegError, match="no credentials for this scheduler, tls://10"):
        meeting("tls://10.0.0.7:8786")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"address": "tls://a:1", "tls": {"ca": "x"}}', "\0"])
def test_a_file_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(EmsegError, match="no file of a scheduler"):
        meeting(str(tmp_path / "c.json"))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(EmsegError, match="no such file"):
        meeting(str(tmp_path / "c.json"))


def test_a_scheduler_file_of_dask_is_understood(tmp_path):
    (tmp_path / "s.json").write_text(
        json.dumps({"type": "Scheduler", "address": "tcp://127.0.0.1:5", "workers": {}})
    )
    assert meeting(str(tmp_path / "s.json")).address == "tcp://127.0.0.1:5"


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(EmsegError, match="name another file with --file"):
        write_meeting(tmp_path / "nowhere" / "c.json", "tls://a:1", None)
