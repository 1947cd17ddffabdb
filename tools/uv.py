"""Runs uv, the project's package manager, and gets it first if need be: `python3 tools/uv.py ARGUMENTS`.

Needs nothing but Python. A uv on the PATH is used if it is new enough; else one is put into the project's own
`.tools/`: by pip where there is a pip, else straight from the package index (PIP_INDEX_URL, UV_DEFAULT_INDEX
and UV_INDEX_URL are honoured), checked against the index's sha256. Nothing outside the project is touched but
uv's own cache, and that moves into `.tools/` where the home directory cannot be written to.

The lock file names PyPI. Where one of those variables names a mirror, the same versions with the same hashes
are installed from the mirror.
"""

from __future__ import annotations

import hashlib
import html.parser
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

OLDEST_UV = (0, 9)
OLDEST_PYTHON = (3, 11)
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
SECONDS_MAX = 60
PIP_SECONDS_MAX = 600

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".tools"


def main(arguments: list[str]) -> None:
    """Become uv, running `arguments` in the project."""
    if sys.version_info < OLDEST_PYTHON:
        stop("python3 is {}.{}; Houfu needs 3.11, 3.12 or 3.13.".format(*sys.version_info))
    uv = find_uv() or install_uv()
    os.chdir(PROJECT)
    variables = environment()
    if "--locked" in arguments and "UV_DEFAULT_INDEX" in variables:
        arguments = install_from_mirror(uv, arguments, variables)
    os.execve(uv, [str(uv), *arguments], variables)


def stop(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)


def environment() -> dict[str, str]:
    """What uv runs with: the system's Python, no other project's, and a cache it may write to."""
    variables = dict(os.environ)
    # A virtual environment that happens to be active is not this project's.
    variables.pop("VIRTUAL_ENV", None)
    for variable in INDEX_VARIABLES:
        variables.pop(variable, None)
    if index() != locked_index():
        variables["UV_DEFAULT_INDEX"] = index()
    variables.setdefault("UV_PYTHON_DOWNLOADS", "never")
    variables.setdefault("UV_PYTHON_PREFERENCE", "only-system")
    cache = Path(variables.get("UV_CACHE_DIR") or default_cache(variables))
    if not can_write(cache):
        cache = TOOLS / "cache"
    variables["UV_CACHE_DIR"] = str(cache)
    # Files are linked from the cache where that works, and copied without a warning where it does not.
    if "UV_LINK_MODE" not in variables and nearest(cache).stat().st_dev != PROJECT.stat().st_dev:
        variables["UV_LINK_MODE"] = "copy"
    return variables


def index() -> str:
    """The package index of this machine."""
    named = [os.environ[variable] for variable in INDEX_VARIABLES if os.environ.get(variable)]
    return (named[0] if named else locked_index()).rstrip("/")


def locked_index() -> str:
    """The package index that the lock file was made with."""
    return re.search(r'registry = "([^"]+)"', (PROJECT / "uv.lock").read_text("utf-8")).group(1)


def install_from_mirror(uv: Path, arguments: list[str], variables: dict[str, str]) -> list[str]:
    """Install what the lock file names from the mirror; the `arguments` that then run without looking again."""
    which = [one for one in arguments if one in ("--all-extras", "--no-dev")]
    if "--extra" in arguments:
        which += ["--extra", arguments[arguments.index("--extra") + 1]]
    wanted = TOOLS / "requirements.txt"
    TOOLS.mkdir(exist_ok=True)
    steps = [
        ["export", "--frozen", "--quiet", "--no-emit-project", "--output-file", str(wanted), *which],
        *([] if Path(".venv").exists() else [["venv", "--quiet"]]),
        ["pip", "install", "--quiet", "--require-hashes", "-r", str(wanted)],
        ["pip", "install", "--quiet", "--no-deps", "--editable", "."],
    ]
    for step in steps:
        done = subprocess.run([uv, *step], env=variables)
        if done.returncode != 0:
            stop(f"{PROJECT.name} could not be installed from {index()}.")
    return [one if one != "--locked" else "--no-sync" for one in arguments]


def default_cache(variables: dict[str, str]) -> Path:
    if variables.get("XDG_CACHE_HOME"):
        return Path(variables["XDG_CACHE_HOME"]) / "uv"
    # An empty HOME would otherwise mean the current directory.
    return Path(variables["HOME"] if variables.get("HOME") else "/nonexistent") / ".cache" / "uv"


def nearest(path: Path) -> Path:
    """`path`, or the closest directory above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def can_write(directory: Path) -> bool:
    """Whether files can be made in `directory`, tried for real: root passes access checks on a read-only disk."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


def find_uv() -> Path | None:
    on_path = shutil.which("uv")
    places = [Path(on_path)] if on_path else []
    for uv in (*places, TOOLS / "bin" / "uv"):
        if uv.exists() and version_of(uv) >= OLDEST_UV:
            return uv
    return None


def version_of(uv: Path) -> tuple[int, ...]:
    try:
        done = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=SECONDS_MAX)
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(r"uv (\d+)\.(\d+)", done.stdout)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def install_uv() -> Path:
    sys.stderr.write("Getting uv into .tools/\n")
    TOOLS.mkdir(exist_ok=True)
    uv = TOOLS / "bin" / "uv"
    if not with_pip() or version_of(uv) < OLDEST_UV:
        from_index(uv)
    if version_of(uv) < OLDEST_UV:
        stop(
            "uv could not be installed for this machine; see https://docs.astral.sh/uv/ and put it on the PATH."
        )
    return uv


def with_pip() -> bool:
    """Install by pip, which knows this machine's indexes and certificates; False if there is none or it fails."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--only-binary=:all:", "--upgrade", f"--target={TOOLS}", "uv>=0.9"]
    try:
        return subprocess.run(command, capture_output=True, timeout=PIP_SECONDS_MAX).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Links(html.parser.HTMLParser):
    """The addresses on a page of a package index (PEP 503)."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a" and attributes.get("href") and "data-yanked" not in attributes:
            self.addresses.append(str(attributes["href"]))


def from_index(uv: Path) -> None:
    """Take the newest fitting wheel of uv from the package index and unpack its one program."""
    page_address = index() + "/uv/"
    links = Links()
    links.feed(fetch(page_address).decode("utf-8", "replace"))
    wheels = [address for address in links.addresses if fits(address)]
    if not wheels:
        stop(f"{page_address} has no uv for {platform.system()} on {platform.machine()}.")
    best = urllib.parse.urljoin(page_address, max(wheels, key=version_in))
    address, _, promise = best.partition("#")
    content = fetch(address)
    if promise != "sha256=" + hashlib.sha256(content).hexdigest():
        stop(f"{address} does not have the sha256 that the index promises; it is not used.")
    uv.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        for name in wheel.namelist():
            if name.endswith(".data/scripts/uv"):
                uv.write_bytes(wheel.read(name))
                uv.chmod(0o755)


def fetch(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=SECONDS_MAX) as answer:
            return answer.read()
    except (urllib.error.URLError, OSError, ValueError) as error:
        stop(f"{address} cannot be read: {error}. Is the package index reachable (PIP_INDEX_URL)?")
        raise


def fits(address: str) -> bool:
    """Whether a wheel's name says that it runs on this machine."""
    name = urllib.parse.unquote(address.partition("#")[0].rpartition("/")[2])
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    if not name.startswith("uv-") or not name.endswith(".whl"):
        return False
    if platform.system() == "Darwin":
        return "macosx" in name and ("arm64" if machine == "aarch64" else machine) in name
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    return libc in name and machine in name


def version_in(address: str) -> tuple[int, ...]:
    found = re.search(r"uv-(\d+)\.(\d+)\.(\d+)-", address)
    return tuple(int(part) for part in found.groups()) if found else (0,)


if __name__ == "__main__":
    main(sys.argv[1:])
