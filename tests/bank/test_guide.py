"""The guide's certificates, made by its own commands, carry a file there and reports back."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from bank.paper import payment_file, transfer
from bank.running import SANDBOX, running_bank
from docs.page import ROOT, blocks_of

GUIDE = ROOT / "docs" / "guides" / "bank.md"


def test_the_guides_certificates_open_the_door_and_nothing_else_does(tmp_path: Path) -> None:
    (commands,) = [block.text for block in blocks_of(GUIDE.read_text()) if block.language == "bash"]
    subprocess.run(["bash", "-eu", "-c", commands], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    unknown = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    context.load_cert_chain(tmp_path / "houfu.pem", tmp_path / "houfu.key")
    options = (
        "--tls-certificate",
        str(tmp_path / "bank.pem"),
        "--tls-key",
        str(tmp_path / "bank.key"),
        "--client-ca",
        str(tmp_path / "ca.pem"),
    )
    with running_bank(tmp_path, *SANDBOX, *options, verify=context) as running:
        assert running.hand_in("m-1", payment_file("m-1", [transfer("wd_1")])).status_code == 201
        running.move_to("2026-03-03T23:00:00+08:00")
        assert len(running.names()) == 4
        with httpx.Client(verify=unknown) as stranger, pytest.raises(httpx.TransportError):
            stranger.get(f"{running.url}/healthz")
