"""Plain pages: no script, nothing from elsewhere, to be read on a screen, a telephone and paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans SC','Noto Sans CJK SC',sans-serif;max-width:76rem;
margin:0 auto;padding:2rem 1.5rem 4rem;color:#1b1f24;background:#fff;overflow-wrap:break-word}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .75rem}
h2{font-size:1.2rem;line-height:1.35;margin:2.5rem 0 .25rem;padding-top:.75rem;border-top:2px solid #1f5f8b}
p{margin:.4rem 0 .8rem;max-width:48rem}
a{color:#1f5f8b}
code{font:.9em/1.4 ui-monospace,Menlo,Consolas,monospace;background:#eef2f5;padding:.1em .3em;border-radius:3px}
table{border-collapse:collapse;width:100%;margin:.75rem 0 1.25rem;font-size:.95rem}
th{background:#f5f7f9;white-space:nowrap;font-weight:600}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem .5rem;border-bottom:1px solid #d9dfe4}
td>span[lang]{display:block;color:#47525d}
td.name{white-space:nowrap}
@media screen and (max-width:52rem){
body{padding:1rem 1rem 3rem}
h1{font-size:1.35rem}
table,tbody,tr,td{display:block;width:100%}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{padding:.6rem 0;border-bottom:1px solid #d9dfe4}
td,td.name{border:0;padding:.1rem 0;white-space:normal}
td:empty{display:none}
td[data-head^=name]>span{display:inline}
td[data-head]:not(.name)::before{content:attr(data-head) ": ";color:#47525d;font-size:.85em}
}
@media print{
@page{margin:15mm}
body{font-size:9.5pt;max-width:none;padding:0}
table{font-size:8.5pt}
h2{break-after:avoid}
tr{break-inside:avoid}
thead{display:table-header-group}
td.name{white-space:normal}
a{color:inherit;text-decoration:none}
}
"""
PLAIN_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may take from where, on such a page."""


def plain_page(title: str, body: str) -> str:
    """`title`: a text; `body`: HTML."""
    head = (
        "<meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<meta http-equiv='Content-Security-Policy' content=\"{PLAIN_POLICY}\"><title>{escape(title)}</title>"
    )
    return (
        f"<!doctype html><html lang='en'><head>{head}<style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def plain_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """`heads`: texts; `rows`: cells of HTML, of which the first names its row. Empty without rows."""
    body = "".join(f"<tr>{_cells(heads, row)}</tr>" for row in rows)
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _cells(heads: Sequence[str], row: Sequence[str]) -> str:
    first, *others = row
    cells = [f"<td class='name'>{first}</td>"]
    cells += [
        f"<td data-head='{escape(head, quote=True)}'>{cell}</td>" for head, cell in zip(heads[1:], others, strict=True)
    ]
    return "".join(cells)


def code(text: str) -> str:
    """A name as a machine has it."""
    return f"<code>{escape(text)}</code>"


def prose(text: str) -> str:
    """A sentence with names between backquotes."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def in_chinese(text: str) -> str:
    """Empty for an empty one."""
    return f"<span lang='zh'>{escape(text)}</span>" if text else ""
