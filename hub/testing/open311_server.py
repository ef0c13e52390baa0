"""A city's GeoReport v2 server on loopback, written from the specification (open311.github.io, GeoReport/v2), for tests of clients.

    city = Open311City(quirks={Quirk.NUMBERS})
    ref = city.report("A deep pothole")
    city.say(ref, "closed", "Filled")
    with serving(city) as url:
        ...                                # GET {url}/requests.xml

It shares no code with the hub's client. `Quirk` has what real servers were seen to do; `city.stumbles` what happens instead of
the next answers (None: it answers); `city.asked` what was asked, `city.posted` which updates came in
(`city.refuses`: a request whose updates it never takes).
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from hub.testing.open311_writing import PlainRecord, document_of
from hub.testing.open311_writing import Quirk as Quirk

_DEFAULT_DAYS = 90
_REQUEST = (
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description", "agency_responsible",
    "service_notice", "requested_datetime", "updated_datetime", "expected_datetime", "address", "address_id", "zipcode", "lat",
    "long", "media_url",
)  # fmt: skip
Params = dict[str, str]
Stumble = Callable[[BaseHTTPRequestHandler], None]


class ApiError(Exception):
    """An answer of errors."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status, self.description = status, description


class Open311City:
    """One jurisdiction. `most`: so many requests an answer, whatever page_size asks for. `now`: its clock."""

    def __init__(
        self,
        quirks: Set[Quirk] = frozenset(),
        *,
        most: int = 1000,
        api_key: str = "",
        jurisdiction: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.quirks, self.most, self.now = quirks, most, now
        self.api_key, self.jurisdiction = api_key, jurisdiction
        self.services: list[PlainRecord] = [
            {"service_code": "001", "service_name": "Pothole", "description": "A hole in a road", "metadata": False,
             "type": "realtime", "keywords": "road,hole", "group": "roads"},
            {"service_code": "tree", "service_name": "Fallen tree", "description": "A tree on a road", "metadata": True,
             "type": "realtime", "keywords": "", "group": "parks"},
        ]  # fmt: skip
        self.questions: list[PlainRecord] = [
            {"variable": True, "code": "SIZE", "datatype": "singlevaluelist", "required": True, "datatype_description": "",
             "order": 1, "description": "How big is it?", "values": [{"key": "1", "name": "Small"}, {"key": "2", "name": "Big"}]},
        ]  # fmt: skip
        self.requests: dict[str, PlainRecord] = {}
        self.updates: list[PlainRecord] = []
        self.posted: dict[str, Params] = {}
        self.refuses = ""
        self.stumbles: list[Stumble | None] = []
        self.asked: list[tuple[str, Params]] = []
        self.url = ""
        self._lock = threading.Lock()
        self._before = b""
        self.repeats = 0

    # -- what happens in the city ------------------------------------------------------------------------------------------------

    def report(self, description: str = "A deep pothole", when: datetime | None = None, **fields: Any) -> str:
        """A request comes in. Gives its id."""
        with self._lock:
            ref = str(1000 + len(self.requests))
            when = when or self.now()
            self.requests[ref] = {
                **dict.fromkeys(_REQUEST), "service_request_id": ref, "status": "open", "service_code": "001",
                "service_name": "Pothole", "description": description, "requested_datetime": when, "updated_datetime": when,
                "address": "1 Example Road", "lat": 39.9087, "long": 116.3975, **fields,
            }  # fmt: skip
            return ref

    def say(
        self, ref: str, status: str = "closed", notes: str = "", when: datetime | None = None, **fields: Any
    ) -> None:
        """A request is changed, and its reporter told."""
        with self._lock:
            when = when or self.now()
            self.requests[ref] = {
                **self.requests[ref], "status": status, "status_notes": notes, "updated_datetime": when, **fields,
            }  # fmt: skip
            self.updates.append({
                "update_id": str(len(self.updates) + 1), "service_request_id": ref, "status": status.upper(),
                "updated_datetime": when, "description": notes, "media_url": None,
            })  # fmt: skip

    # -- the calls -----------------------------------------------------------------------------------------------------------------

    def get(self, path: str, params: Params) -> tuple[str, Any]:
        """The root element and what it holds. Raises ApiError."""
        if self.jurisdiction and params.get("jurisdiction_id") != self.jurisdiction and path != "discovery":
            raise ApiError(404, "jurisdiction_id is not known")
        kind, _, name = path.partition("/")
        with self._lock:
            match kind, name:
                case "discovery", "":
                    return "discovery", self._discovery()
                case "services", "":
                    return "services", self.services
                case "services", _:
                    return "service_definition", self._definition(name)
                case "tokens", _ if (ref := name.removeprefix("T-")) in self.requests:
                    return "service_requests", [{"service_request_id": ref, "token": name}]
                case "requests", "":
                    return "service_requests", self._listed(params)
                case "requests", _ if name in self.requests:
                    return "service_requests", [self.requests[name]]
                case "servicerequestupdates", "":
                    self._require_key(params)
                    return "service_request_updates", self._paged(
                        self._within(self.updates, "updated_datetime", params), params
                    )
        raise ApiError(404, "there is no such thing")

    def post(self, path: str, form: Params) -> tuple[str, Any]:
        """As `get`."""
        self._require_key(form)
        if path == "requests":
            self._require_report(form)
            places: dict[str, Any] = {
                name: form.get(name) for name in ("lat", "long", "address_string", "address_id", "media_url")
            }
            address = places.pop("address_string")
            code = form["service_code"]
            name = next(each["service_name"] for each in self.services if each["service_code"] == code)
            ref = self.report(
                form.get("description", ""), service_code=code, service_name=name, address=address, **places
            )
            return "service_requests", [{"service_request_id": ref}]
        if path == "servicerequestupdates":
            return "service_request_updates", [{"update_id": self._updated(form)}]
        raise ApiError(404, "there is no such thing")

    def _updated(self, form: Params) -> str:
        for name in ("update_id", "service_request_id", "status", "updated_datetime", "description"):
            if not form.get(name):
                raise ApiError(400, f"{name} is missing")
        if form["service_request_id"] == self.refuses:
            raise ApiError(422, "updates of this request are not taken")
        with self._lock:
            if form["service_request_id"] not in self.requests:
                raise ApiError(404, "service_request_id is not known")
            self.posted.setdefault(form["update_id"], form)
        return form["update_id"]

    def _require_key(self, params: Params) -> None:
        if self.api_key and params.get("api_key") != self.api_key:
            raise ApiError(403, "api_key is missing or wrong")

    def _require_report(self, form: Params) -> None:
        service = next((each for each in self.services if each["service_code"] == form.get("service_code")), None)
        if service is None:
            raise ApiError(404, "service_code is not known")
        if not (form.get("lat") and form.get("long")) and not form.get("address_string") and not form.get("address_id"):
            raise ApiError(400, "give lat and long, address_string or address_id")
        if service["metadata"] and any(
            each["required"] and f"attribute[{each['code']}]" not in form for each in self.questions
        ):
            raise ApiError(400, "an attribute is missing")

    def _discovery(self) -> PlainRecord:
        endpoint = {
            "specification": "http://wiki.open311.org/GeoReport_v2", "url": self.url, "changeset": "2026-01-06T00:00:00Z",
            "type": "test", "formats": ["text/xml", "application/json"],
        }  # fmt: skip
        return {
            "changeset": "2026-01-06T00:00:00Z",
            "contact": "Call 311",
            "key_service": "Ask 311",
            "endpoints": [endpoint],
        }

    def _definition(self, code: str) -> PlainRecord:
        if not any(each["service_code"] == code and each["metadata"] for each in self.services):
            raise ApiError(404, "service_code is not known")
        return {"service_code": code, "attributes": self.questions}

    def _listed(self, params: Params) -> list[PlainRecord]:
        if ids := params.get("service_request_id"):
            return [self.requests[ref] for ref in ids.split(",") if ref in self.requests]
        found = list(self.requests.values())
        for name in ("service_code", "status"):
            if params.get(name):
                found = [each for each in found if str(each[name]) in params[name].split(",")]
        if "updated_after" in params:  # an extension, and our name for it
            names = {"start_date": params["updated_after"], "end_date": params.get("updated_before", "")}
            found = self._within(found, "updated_datetime", names)
        else:
            found = self._within(found, "requested_datetime", params)
        if Quirk.NEWEST_FIRST in self.quirks:
            found = found[::-1]
        found = self._paged(found, params)
        if Quirk.TOKENS in self.quirks and found and found[-1] is list(self.requests.values())[-1]:
            ref = found[-1]["service_request_id"]
            found = [*found[:-1], {**found[-1], "service_request_id": None, "token": f"T-{ref}"}]
        return found

    def _within(self, records: list[PlainRecord], name: str, params: Params) -> list[PlainRecord]:
        end = _time(params.get("end_date")) or self.now()
        start = _time(params.get("start_date")) or end - timedelta(days=_DEFAULT_DAYS)
        if end - start > timedelta(days=_DEFAULT_DAYS):
            raise ApiError(400, "start_date and end_date span more than 90 days")
        if Quirk.SHARP_ENDS in self.quirks:
            return [each for each in records if start < each[name] < end]
        return [each for each in records if start <= each[name] <= end]

    def _paged(self, records: list[PlainRecord], params: Params) -> list[PlainRecord]:
        if Quirk.NO_PAGES in self.quirks:
            return records[: self.most]
        size = min(self.most, int(params.get("page_size") or self.most))
        page = int(params.get("page") or 1) - 1
        if Quirk.LAST_AGAIN in self.quirks and records:
            page = min(page, (len(records) - 1) // size)
        return records[page * size : (page + 1) * size]

    # -- answers -------------------------------------------------------------------------------------------------------------------

    def written(self, root: str, content: Any, form: str) -> bytes:
        """A document, as odd as the server is."""
        return document_of(self.quirks, root, content, form)

    def answer(self, handler: BaseHTTPRequestHandler, form_body: str | None) -> None:
        """One call."""
        parts = urlsplit(handler.path)
        path, _, form = unquote(parts.path).strip("/").rpartition(".")
        params = dict(parse_qsl(parts.query if form_body is None else form_body))
        self.asked.append((path, params))
        stumble = self.stumbles.pop(0) if self.stumbles else None
        if stumble is not None:
            stumble(handler)
            if not self.repeats:
                return
        status = 200
        try:
            root, content = self.get(path, params) if form_body is None else self.post(path, params)
        except ApiError as error:
            status = 200 if Quirk.ERRORS_OK in self.quirks else error.status
            root, content = "errors", [{"code": str(error.status), "description": error.description}]
        body = self._before if self.repeats else self.written(root, content, form)
        self.repeats, self._before = 0, body
        send(handler, status, body, "text/xml" if form == "xml" else "application/json")


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, media: str = "text/plain", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Type", f"{media}; charset=utf-8")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


# -- stumbles ------------------------------------------------------------------------------------------------------------------


def refusing(status: int, body: bytes = b"", **headers: str) -> Stumble:
    return lambda handler: send(handler, status, body, **headers)


def half_a_body(handler: BaseHTTPRequestHandler) -> None:
    """It says how much there is, and sends less."""
    handler.send_response(200)
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b"<service_requests><request>")
    handler.close_connection = True


def half_a_document(handler: BaseHTTPRequestHandler) -> None:
    """It does not say how much there is."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"<service_requests><request><status>open</status></request>")
    handler.close_connection = True


def hanging_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def answer_before(handler: BaseHTTPRequestHandler) -> None:
    """The answer before once more."""
    handler.server.city.repeats += 1  # type: ignore[attr-defined]


@contextmanager
def serving(city: Open311City) -> Iterator[str]:
    """The city's address, as long as it is served."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # head and body in one write, or the client waits for the second

        def do_GET(self) -> None:
            city.answer(self, None)

        def do_POST(self) -> None:
            city.answer(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

        def log_message(self, format: str, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.city = city  # type: ignore[attr-defined]
        city.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield city.url
        finally:
            server.shutdown()
            thread.join()


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
