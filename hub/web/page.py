"""The OpenAPI document as a page for people: no script, nothing from elsewhere, prints."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse

from hub.contracts.meanings import PARAMETER_MEANINGS
from hub.contracts.plain import PLAIN_POLICY, code, in_chinese, plain_page, plain_table, prose
from hub.web.operations import Operation

_HEADERS = {
    "Content-Security-Policy": PLAIN_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STATUSES = {
    200: "成功",
    202: "已收下，Kafka 已全部保存",
    400: "参数缺失或不可用",
    401: "没有有效令牌",
    403: "令牌或密钥无此权限",
    404: "不存在",
    408: "内容传送过慢",
    410: "游标已失效，请从头开始",
    413: "内容过大",
    422: "全部未采纳，逐条说明原因",
    429: "过于频繁，请稍候",
    503: "暂不可用，请稍后重试",
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
    return HTMLResponse(plain_page(title, said), headers=_HEADERS)


def _operation(operation: Operation) -> str:
    parameters = [
        (code(one.name), escape(one.where), prose(one.description) + in_chinese(PARAMETER_MEANINGS.get(one.name, "")))
        for one in operation.parameters
    ]
    answers = [
        (code(str(status)), prose(answer.description) + in_chinese(_STATUSES.get(status, "")))
        for status, answer in sorted(operation.answers.items())
    ]
    takes = f"<p>Takes 提交: {', '.join(map(code, operation.body))}</p>" if operation.body else ""
    asks = plain_table(("asks 参数", "where 位置", "meaning 含义"), parameters)
    return (
        f"<h2>{code(f'{operation.method} {operation.path}')}</h2><p>{prose(operation.summary)}. "
        f"For 权限: {escape(_WHO[operation.security])}.</p>{takes}{asks}{plain_table(('answers 应答', 'meaning 含义'), answers)}"
    )
