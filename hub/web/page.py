"""The OpenAPI document as a page for people: no script, nothing from elsewhere, prints."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse

from hub.web.operations import Operation

_STYLE = (
    "body{font:16px/1.5 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem;color:#1a1a1a}h2{margin-top:2.5rem;font-size:1.05rem}code{background:#f2f2f2;padding:.1em .3em}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;"
    "border-top:1px solid #ddd}td:first-child{white-space:nowrap}"
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_WHO = {
    "token": "a token 令牌 (Authorization: Bearer)",
    "api_key": "an api_key",
    None: "anybody 任何人, or as the parameters say",
}


def html_page(title: str, operations: Iterable[Operation]) -> HTMLResponse:
    """What the document says, in its order."""
    body = "".join(map(_operation, operations))
    said = f"<p>For machines 机读: <a href='openapi.json'>/openapi.json</a></p>{body}"
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{escape(title)}</title>"
    html = (
        f"<!doctype html><html lang='en'><head>{head}<style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{said}</body></html>"
    )
    return HTMLResponse(html, headers=_HEADERS)


def _operation(operation: Operation) -> str:
    parameters = [(one.name, f"{one.where}: {one.description}") for one in operation.parameters]
    answers = [(str(status), answer.description) for status, answer in sorted(operation.answers.items())]
    takes = f"<p>Takes 提交: {', '.join(map(escape, operation.body))}</p>" if operation.body else ""
    tables = _table("asks 参数", parameters) + _table("answers 应答", answers)
    return (
        f"<h2><code>{escape(operation.method)} {escape(operation.path)}</code></h2><p>{escape(operation.summary)}. "
        f"For 权限: {escape(_WHO[operation.security])}.</p>{takes}{tables}"
    )


def _table(name: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(f"<tr><td><code>{escape(one)}</code></td><td>{escape(other)}</td></tr>" for one, other in rows)
    return f"<table><tr><th colspan='2'>{escape(name)}</th></tr>{cells}</table>"
