"""Generated requests, valid and not, against the running service: what it answers is what the OpenAPI says."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx

from front import STORE
from served import answer, serving

EXAMPLES_PER_CALL = "4"

EXCLUDED = "positive_data_acceptance"
"""A JSON Schema cannot say that 12.0 is refused where 12 is taken, that a cursor must be one of ours, or that a key
stands for one request: such input is valid by the schema and refused by the service, as tests beside this one prove."""


def test_generated_requests_find_nothing_undescribed(database: str, tmp_path: Path) -> None:
    with serving(tmp_path / "log", dsn=database) as served:
        key = answer("keys", "create", "--role", "platform", "--name", "schemathesis", dsn=database)["key"]
        headers = {"authorization": f"Bearer {key}"}
        store = {**STORE, "opened_on": datetime.now(UTC).date().isoformat()}
        httpx.put(f"{served.url}/v1/stores/s1", headers=headers, json=store).raise_for_status()
        httpx.post(f"{served.url}/v1/stores/s1/assessment", headers=headers).raise_for_status()
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")), "run", f"{served.url}/openapi.json",
                "--header", f"Authorization: Bearer {key}",
                "--phases", "examples,coverage,fuzzing",
                "--max-examples", EXAMPLES_PER_CALL,
                "--seed", "1",
                "--exclude-checks", EXCLUDED,
                "--suppress-health-check", "filter_too_much,too_slow",
                "--continue-on-failure",
                "--warnings", "off",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout[-8_000:]
        assert "request_failed" not in served.log.read_text()
