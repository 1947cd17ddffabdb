"""Settings: read once, and checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from houfu import settings
from houfu.settings import SettingInvalid, Settings, read_settings

SOURCE = Path(settings.__file__).parent


def test_nobody_else_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if re.search(r"environ(\.get|\[)|getenv", path.read_text(encoding="utf-8"))
    }
    # The latter hands PATH on to the PostgreSQL that it starts.
    assert readers == {"settings.py", "db/os_account.py"}


def test_settings_have_defaults_and_are_read_from_the_environment() -> None:
    assert read_settings({}) == Settings(data_dir=Path("~/.local/share/houfu").expanduser())
    given = read_settings(
        {
            "DATABASE_URL": "postgresql:///x",
            "HOUFU_DATA_DIR": "~/data",
            "HOUFU_HOST": "0.0.0.0",  # noqa: S104
            "HOUFU_PORT": "9000",
            "HOUFU_POOL_SIZE": "3",
            "HOUFU_LOG_LEVEL": "DEBUG",
            "HOUFU_DATABASE": "houfu_demo",
            "HOUFU_BATCH_MEMORY": "4GB",
            "HOUFU_RAILS": "~/rails.yaml",
            "SPARK_REMOTE": "sc://spark:15002",
            "SPARK_MASTER": "local[4]",
        }
    )
    assert given == Settings(
        database_url="postgresql:///x",
        data_dir=Path("~/data").expanduser(),
        host="0.0.0.0",  # noqa: S104
        port=9000,
        pool_size=3,
        log_level="debug",
        database="houfu_demo",
        batch_memory="4GB",
        rails=Path("~/rails.yaml").expanduser(),
        spark_remote="sc://spark:15002",
        spark_master="local[4]",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("HOUFU_PORT", "65536"), ("HOUFU_PORT", "-1"), ("HOUFU_PORT", "8e3"), ("HOUFU_POOL_SIZE", "0"), ("HOUFU_LOG_LEVEL", "x"), ("HOUFU_DATABASE", "x; drop"), ("HOUFU_BATCH_MEMORY", "4"), ("HOUFU_BATCH_MEMORY", "4GB'; x"), ("SPARK_REMOTE", "host:15002")],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingInvalid, match=name):
        read_settings({name: value})
