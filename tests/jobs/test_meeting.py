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


@pytest.mark.parametrize(
    "address", ["tls://[::1", "tcp://127.0.0.1:99999", "tls://", "tcp://:8786", "tcp://a:b"]
)
def test_what_is_no_address_is_one_sentence(address):
    with pytest.raises(EmsegError, match="no address of a scheduler"):
        meeting(address)


def test_what_does_not_encrypt_is_no_private_way():
    """UCX has no TLS in Dask: anybody on the network could answer."""
    with pytest.raises(EmsegError, match="could change what this scheduler says"):
        meeting("ucx://10.0.0.7:8786")
    with pytest.raises(EmsegError, match="no credentials"):
        meeting("wss://10.0.0.7:8786")


def test_a_folder_that_is_none_yet_is_made(tmp_path):
    """As for every other output."""
    write_meeting(tmp_path / "new" / "c.json", "tls://a:1", None)
    assert json.loads((tmp_path / "new" / "c.json").read_text()) == {"address": "tls://a:1"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_no_half_of_a_secret_is_left(tmp_path, monkeypatch, error):
    from pathlib import Path

    (tmp_path / "c.json").write_text("the old one")
    seen = []

    def stopped(path, *rest, **more):
        seen.append(stat.S_IMODE(path.stat().st_mode))
        raise error

    monkeypatch.setattr(Path, "write_text", stopped)
    with pytest.raises((KeyboardInterrupt, EmsegError)):
        write_meeting(tmp_path / "c.json", "tls://a:1", Security.temporary())
    assert seen == [0o600] or os.name == "nt"  # private before anything is in it
    assert [file.name for file in tmp_path.iterdir()] == ["c.json"]
    assert (tmp_path / "c.json").read_text() == "the old one"
