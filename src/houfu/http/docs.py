"""The browsable documentation: Swagger UI from files of the package, with no request outside."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from houfu.http.reply import Header

CSP: Final = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets inline styles and draws its icons from data: addresses; scripts are files of ours alone."""

SECURITY: Final[tuple[Header, ...]] = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"public, max-age=3600"),
)

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Houfu API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = """\
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  queryConfigEnabled: false,
});
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the documentation."""

    address: str
    media_type: str
    content: bytes


def pages() -> list[Page]:
    """Every file the documentation page needs."""
    vendored = files("houfu.http").joinpath("static", "swagger-ui")
    return [
        Page("/docs", "text/html", _PAGE.encode()),
        Page("/docs/start.js", "text/javascript", _START.encode()),
        Page("/docs/swagger-ui.css", "text/css", vendored.joinpath("swagger-ui.css").read_bytes()),
        Page(
            "/docs/swagger-ui-bundle.js",
            "text/javascript",
            vendored.joinpath("swagger-ui-bundle.js").read_bytes(),
        ),
    ]
