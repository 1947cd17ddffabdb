"""Configuration: one frozen struct, read from the environment once, at the door."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this installation runs. `docs/reference/settings.md` describes each."""

    database_url: str | None = None
    database: str | None = None
    data_dir: Path = Path("~/.local/share/houfu")
    host: str = "127.0.0.1"
    port: int = 8000
    pool_size: int = 8
    log_level: str = "info"
    batch_memory: str | None = None
    rails: Path | None = None
    spark_remote: str | None = None
    spark_master: str = "local[*]"


class SettingInvalid(ValueError):
    """A variable of the environment that cannot be used; the message names it."""


LOG_LEVELS = ("debug", "info", "warning", "error")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`. SettingInvalid names the variable that is wrong."""
    default = Settings()
    level = environ.get("HOUFU_LOG_LEVEL", default.log_level).lower()
    if level not in LOG_LEVELS:
        raise SettingInvalid(f"HOUFU_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    return Settings(
        database_url=environ.get("DATABASE_URL") or None,
        database=_name(environ, "HOUFU_DATABASE"),
        data_dir=Path(environ.get("HOUFU_DATA_DIR") or default.data_dir).expanduser(),
        host=environ.get("HOUFU_HOST") or default.host,
        port=_whole(environ, "HOUFU_PORT", default.port, least=0, most=65_535),
        pool_size=_whole(environ, "HOUFU_POOL_SIZE", default.pool_size, least=2, most=100),
        log_level=level,
        batch_memory=_memory(environ, "HOUFU_BATCH_MEMORY"),
        rails=_path(environ, "HOUFU_RAILS"),
        spark_remote=_remote(environ, "SPARK_REMOTE"),
        spark_master=environ.get("SPARK_MASTER") or default.spark_master,
    )


def _whole(environ: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise SettingInvalid(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _name(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name) or None
    if text is not None and re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", text) is None:
        raise SettingInvalid(f"{name} must be the name of a database: small letters, digits and _")
    return text


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name)
    return Path(text).expanduser() if text else None


def _memory(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name) or None
    if text is not None and re.fullmatch(r"[1-9][0-9]{0,5} ?(MB|GB|MiB|GiB)", text) is None:
        raise SettingInvalid(f"{name} must be a size such as 4GB")
    return text


def _remote(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name) or None
    if text is not None and not text.startswith("sc://"):
        raise SettingInvalid(f"{name} must be the address of a Spark Connect server, sc://host:port")
    return text
