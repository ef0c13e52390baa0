"""Makes a new connector folder that works at once, from the templates below. The contract suite finds it by its manifest."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from hub.errors import FatalError
from hub.sdk.kinds import OWN
from hub.sdk.scaffold.formats import OF_KIND
from hub.sdk.scaffold.own import OWN_FILES
from hub.topics import city_events

_FIXTURE = "fixtures/demo.csv"
_FILES = {
    "manifest.yaml": """\
domain: {name}
name: {{en: "{title}", zh: "{title}"}}  # the system's name in both languages
owner: {{en: "name the unit or team that answers for it", zh: "填写负责单位"}}
description: "Which system this reads, and which of its files."
quality: bronze
default_mapping: demo
mappings:
  demo: "the format of fixtures/demo.csv"
""",
    "mappings/demo.yaml": """\
description: The format of fixtures/demo.csv
format: csv              # or jsonl; then nested keys read as dotted columns
time_zone: Asia/Shanghai # of times that do not say
personal: [caller]       # dropped on reading, also from dead letters
nulls: [N/A, "NULL"]     # words for no value
reference: {{normalise: [blanks, width, spreadsheet, number]}}  # what may differ between two writings of one reference
event:
  source_ref: id
  revision: revision     # a system that counts none: `revisions: none` instead
  kind: {{column: action, map: {{new: OPENED, change: AMENDED, cancel: WITHDRAWN, done: CLOSED}}}}
  reported_at: {{column: time, formats: [ymd]}}
  category: category
  urgency: {{column: urgent, map: {{"yes": URGENT}}, default: ROUTINE}}
  place: {{lat: lat, lon: lon, address: address}}
  title: title
  text: text
  channel: {{constant: phone}}
""",
    "fixtures/demo.csv": """\
id,revision,action,time,category,urgent,lat,lon,address,title,text,caller
N-1,0,new,2026/1/6 8:00:00,roads.pothole,,39.9087,116.3975,1 Example Road,Pothole 路面坑槽,"Deep, and
growing",withheld
N-2,0,new,2026/1/6 8:05:30,water.leak,yes,,,2 Example Road,Burst pipe 水管爆裂,Water on the road,withheld
N-1,1,done,2026/1/6 16:40:00,,,,,,Pothole 路面坑槽,Filled,withheld
""",
    "README.md": """\
# {name}

Which system this is, who runs it, and the format of its files: one row a column of them.

```
cityhub connector check {name} --file fixtures/demo.csv
cityhub connector test {name}
cityhub connector run {name} --file FILE --follow
```

In connectors.yaml, which `CITYHUB_CONNECTORS` names:

```yaml
{edge}
```

Publishes to `{topic}`. The contract suite reads `fixtures/<mapping>.csv` (or `.jsonl`) for each mapping;
put invented rows there, never real ones.

| mapping | reads |
|---|---|
| `demo` | the format of `fixtures/demo.csv` |
""",
}


_SOURCES = {
    "file": "",
    "cap": """\
source:                   # folder or feed stand in connectors.yaml (docs/connectors.md)
  kind: cap
  languages: [zh-CN]      # of alerts in several
""",
    "changes": """\
source:                   # what is true of the database; Kafka and registry stand in connectors.yaml (docs/connectors.md)
  kind: changes
  topics: [works.public.requests]
sees: {deletes: true}
""",
    "http": """\
source:                   # what is true of the system; address and secrets stand in connectors.yaml (docs/connectors.md)
  kind: http
  path: /requests
  items: data.requests    # where the list is in the answer; leave it out if the answer is the list
  paging: {kind: page}    # or none, offset, cursor, link, window
  incremental: {field: time, formats: [ymd], time_zone: Asia/Shanghai, overlap_minutes: 10}
""",
    "mqtt": """\
source:                   # what is true of the system; broker, client_id and password stand in connectors.yaml (docs/connectors.md)
  kind: mqtt
  topics: ["city/{district}/alarm/{device}"]   # a named level is the column topic.<name>
  # damping: {state: action, by: [topic.device], seconds: 30}   # for things that flap
""",
    "open311": """\
source:                   # what is true of the city; address, jurisdiction and key stand in connectors.yaml (docs/connectors.md)
  kind: open311
  format: xml             # or json
  look_back_days: 90      # requests of so many days are looked through for changes
sees: {horizon_days: 90}
""",
    "own": """\
source: {kind: own}       # source.py; host and port stand in connectors.yaml (docs/connectors.md)
""",
    "sql": """\
source:                   # what is true of the system; address and password stand in connectors.yaml (docs/connectors.md)
  kind: sql
  table: requests
  cursor: updated_at      # a column that grows with each change
  key: [id, revision]
  overlap_minutes: 10     # longer than the longest transaction
""",
    "webhook": """\
source:                   # what is true of the system; port and secret stand in connectors.yaml (docs/connectors.md)
  kind: webhook
  path: /events           # the system calls http://HOST:PORT/events, with one event or a list, as JSON or as CloudEvents
""",
}
_EDGES = {
    "file": "settings: {file: /inbox/NAME.csv, follow: true}   # or kind: folder, settings: {folder: /inbox/NAME}",
    "cap": 'settings: {folder: /inbox/NAME}   # or feed: {base_url: "https://met.example", path: /alerts.atom}',
    "changes": 'settings: {bootstrap_servers: "kafka.example:9093", tls: {}, login: {user: cityhub, '
    'password: "env:NAME_PASSWORD"}}',
    "http": 'settings: {base_url: "https://api.example.org", auth: {kind: bearer, token: "env:NAME_TOKEN"}}',
    "mqtt": "settings: {host: broker.example, port: 8883, tls: {}, client_id: cityhub-NAME, user: cityhub, "
    'password: "env:NAME_PASSWORD"}',
    "open311": 'settings: {base_url: "https://city.example/open311/v2"}   # what stands before /requests.xml',
    "own": "settings: {host: 127.0.0.1, port: 4711}",
    "sql": 'settings: {url: "postgresql+psycopg://reader@db.example/NAME", password: "env:NAME_PASSWORD"}',
    "webhook": 'settings: {port: 8410, auth: {kind: bearer, token: "env:NAME_TOKEN"}}',
}
"""What stands under an edge, by kind. NAME: the connector's, in capitals where it is a variable's."""
_SINK = '''\
"""Hands deliveries to the system of this connector. hub/sdk/sink_contract.py is the whole contract."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hub.sdk.contract import Config
from hub.sdk.errors import TransientError
from hub.sdk.access.paths import LocalPath
from hub.sdk.sink_contract import Answer, DeliveryBatch, Sink


class Lines(Sink):
    """One JSON object a line; put your system's protocol in the place of the file."""

    class Config(Config):
        file: LocalPath

    batch = 100

    def check(self) -> str:
        return f"{self.config.file} {'is there' if self.config.file.exists() else 'will be made'}"

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        try:
            with self.config.file.open("a", encoding="utf-8") as file:
                for each in batch.deliveries:
                    file.write(json.dumps({"id": each.id, "kind": each.kind, **each.values}, ensure_ascii=False) + "\\n")
        except OSError as error:
            raise TransientError(f"{self.config.file} cannot be written ({error.strerror})") from error
        return None  # all are taken; or an answer for each: None, Later(...), Never(...)

    def close(self) -> None: ...


SINK = Lines
'''
SINK = "sink"
SCAFFOLD_KINDS = (*_SOURCES, SINK)


def scaffold(name: str, into: Path, kind: str = "file") -> Path:
    """Write a connector called `name`, of one of SCAFFOLD_KINDS, into the folder `into` and return its folder.

    SINK: one that reads files, with a sink of its own beside.

    Raises FatalError if the name cannot be a topic's, or the folder is there already.
    """
    try:
        topic = city_events(name).name
    except ValueError as error:
        raise FatalError(str(error)) from error
    folder = into / name
    if folder.exists():
        raise FatalError(f"{folder} is there already; choose another name, or remove it")
    title = " ".join(re.split(r"_+", name)).capitalize()
    for path, text in _files(kind).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        is_plain = "fixtures" in path or path.endswith(".py")
        edge = _edges_file(name, kind, into)
        target.write_text(text if is_plain else text.format(name=name, title=title, topic=topic, edge=edge), "utf-8")
    return folder


def _edges_file(name: str, kind: str, into: Path) -> str:
    """What connectors.yaml may have of it, as a whole file."""
    edge = _EDGES["file" if kind == SINK else kind].replace("NAME_", f"{name.upper()}_").replace("NAME", name)
    found = f"search: [{into}]   # the folder that {name} is in\nedges:\n  {name}:\n    {edge}"
    if kind == SINK:
        sink = f"{{kind: own, connector: {name}, sources: [{name}], settings: {{file: /outbox/{name}.jsonl}}}}"
        found += f"\nsinks:\n  {name}_out: {sink}"
    return found


def _files(kind: str) -> dict[str, str]:
    """Path to template. What is read as records has its fixtures as JSON, one a line."""
    if kind == "file":
        return _FILES
    if kind == SINK:
        return _FILES | {"sink.py": _SINK}
    files = {path: text.replace("demo.csv", "demo.jsonl") for path, text in _FILES.items() if path != _FIXTURE}
    files["manifest.yaml"] += _SOURCES[kind].replace("{", "{{").replace("}", "}}")
    files["mappings/demo.yaml"] = files["mappings/demo.yaml"].replace(
        "format: csv              # or jsonl; then nested keys read as dotted columns",
        "format: jsonl            # how fixtures are written; nested keys read as dotted columns",
    )
    files["README.md"] = files["README.md"].replace("run {name} --file FILE --follow", "run {name}")
    if kind in OF_KIND:
        return files | OF_KIND[kind]
    rows = csv.DictReader(io.StringIO(_FILES[_FIXTURE]))
    files |= OWN_FILES if kind == OWN else {}
    files[_FIXTURE.replace(".csv", ".jsonl")] = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    return files
