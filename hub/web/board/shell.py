"""The page around each of the board's pages: no text of its own but the title, no script in it, and nothing from elsewhere."""

from __future__ import annotations

from enum import StrEnum
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse

from hub.web.board.names import LANGUAGES, catalogue


class BoardPage(StrEnum):
    """The pages there are."""

    WALL = "wall"
    DESK = "desk"
    PHONE = "phone"
    OPERATOR = "operator"
    LETTERS = "letters"


_CLASSIC = {
    BoardPage.WALL: ("leaflet/leaflet.js", "uplot/uPlot.iife.min.js"),
}
_STYLES = {
    BoardPage.WALL: ("leaflet/leaflet.css", "uplot/uPlot.min.css"),
}


def language_of(request: Request) -> str:
    """The one asked for by name, else the browser's first that there is, else Chinese."""
    if (asked := request.query_params.get("lang")) in LANGUAGES:
        return asked
    for part in request.headers.get("accept-language", "").split(","):
        if (code := part.strip()[:2].lower()) in LANGUAGES:
            return code
    return LANGUAGES[0]


def shell(request: Request, page: BoardPage, city: str) -> HTMLResponse:
    """The page, whose script asks for all else."""
    language = language_of(request)
    title = f"{catalogue()[f'page.{page}'][language]} · {city}"
    styles = ("vendor/noto-sans-sc/index.css", *(f"vendor/{each}" for each in _STYLES.get(page, ())), "board.css")
    links = "".join(f'<link rel="stylesheet" href="static/{each}">' for each in styles)
    scripts = "".join(f'<script defer src="static/vendor/{each}"></script>' for each in _CLASSIC.get(page, ()))
    html = (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}" data-page="{page}" data-language="{language}">'
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="static/icon.svg">{links}{scripts}'
        '<script type="module" src="static/main.mjs"></script></head>'
        f'<body class="{page}"><div id="page"></div><noscript>{escape(catalogue()["noscript"][language])}</noscript></body></html>'
    )
    return HTMLResponse(html)
