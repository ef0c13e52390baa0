"""Every kind of source keeps the contract, and each rule of the kit catches the fault that is planted for it."""

from __future__ import annotations

import itertools
import json
import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.sdk.contract import Batch, Config, Context, Item, Position, Source
from hub.sdk.errors import TransientError
from hub.sdk.intake import MappingSet
from hub.sdk.kinds import kinds
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.cap.config import CapConfig
from hub.sdk.sources.cap.source import CapSource
from hub.sdk.sources.changes.config import ChangesConfig
from hub.sdk.sources.changes.source import ChangesSource
from hub.sdk.sources.file.source import FileConfig, FileSource
from hub.sdk.sources.folder.config import FolderConfig
from hub.sdk.sources.folder.source import FolderSource
from hub.sdk.sources.http.client import retry_after
from hub.sdk.sources.http.config import HttpConfig
from hub.sdk.sources.http.source import HttpSource
from hub.sdk.sources.mqtt.config import MqttConfig
from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.source import Open311Source
from hub.sdk.sources.sql.config import SqlConfig
from hub.sdk.sources.sql.source import SqlSource
from hub.testing import conformance
from hub.testing.conformance import Bench, SourceConformance
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from hub.testing.open311_server import Open311City, Quirk
from hub.testing.open311_server import hanging_up as open311_hanging_up
from hub.testing.open311_server import refusing as open311_refusing
from hub.testing.open311_server import serving as serving_open311
from tests.mosquitto import Broker, mosquitto
from tests.unit.sdk.sources.cap.alerts import Office
from tests.unit.sdk.sources.changes.system import Kafka, Table
from tests.unit.sdk.sources.http.api import Api, hanging_up, refusing, row, serving
from tests.unit.sdk.sources.mqtt import system as mqtt
from tests.unit.sdk.sources.webhook import system as webhook

pytestmark = pytest.mark.process

SECRET = "s3cr3t-by-test"


class _Rows(list[dict[str, Any]]):
    def more(self, count: int) -> None:
        for _ in range(count):
            at = len(self)
            self.append(row(at, f"2026-01-06T{at // 60:02d}:{at % 60:02d}:00+08:00"))


class TestFile(SourceConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        file, said = tmp_path / "calls.csv", [0]

        def add(count: int) -> None:
            said[0] += count
            police_file(file, said[0])

        intake = MappingSet(find_manifest("police"))
        context = Context("police", intake.outcome, intake.mapping, batch_items=2)
        police_file(file, 0)

        def strange(name: str) -> None:
            said[0] += 1
            rows = [[*police_row(number), "!"] for number in range(said[0])]
            file.write_text(csv_text((*POLICE_COLUMNS, name), rows), encoding="utf-8")

        return Bench(
            lambda: FileSource(FileConfig(file=file), context),
            add,
            strange=strange,
            live=lambda: FileSource(FileConfig(file=file, follow=True), context),
        )


class TestFolder(SourceConformance):
    @pytest.fixture(params=["folder", "glob"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
        """Two files each time. Who reads from the start finds the drop folder as it was filled, and who goes on as it was left."""
        kept, inbox, said = tmp_path / "kept", tmp_path / "inbox", [0]
        kept.mkdir()
        settings = {"folder": inbox} if request.param == "folder" else {"glob": f"{kept}/*.csv"}
        config = FolderConfig.model_validate(settings | {"complete": {"kind": "renamed"}, "follow": False})

        def add(count: int) -> None:
            numbers = range(said[0], said[0] + count)
            for part in (numbers[: count // 2], numbers[count // 2 :]):
                rows = [police_row(number) for number in part]
                for folder in (kept, inbox):
                    folder.mkdir(exist_ok=True)
                    (folder / f"calls-{part.start}.csv").write_text(csv_text(POLICE_COLUMNS, rows), encoding="utf-8")
            said[0] += count

        class Refilled(FolderSource):
            def connect(self, position: Position | None) -> None:
                if position is None:
                    shutil.rmtree(inbox, ignore_errors=True)
                    shutil.copytree(kept, inbox)
                super().connect(position)

        intake = MappingSet(find_manifest("police"))
        context = Context("police", intake.outcome, intake.mapping, batch_items=1)
        live = config.model_copy(update={"follow": True})

        def strange(name: str) -> None:
            said[0] += 1
            text = csv_text((*POLICE_COLUMNS, name), [[*police_row(said[0]), "!"]])
            for folder in (kept, inbox):
                folder.mkdir(exist_ok=True)
                (folder / f"strange-{said[0]}.csv").write_text(text, encoding="utf-8")

        return Bench(
            lambda: Refilled(config, context), add, strange=strange, live=lambda: FolderSource(live, context),
            takes_away=request.param == "folder",
        )  # fmt: skip


class TestHttp(SourceConformance):
    @pytest.fixture(params=["page", "offset", "cursor", "link"])
    def bench(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
        monkeypatch.setenv("KEY_BY_TEST", SECRET)
        rows = _Rows()
        paging = {
            "page": {"kind": "page"},
            "offset": {"kind": "offset", "size": 3},
            "cursor": {"kind": "cursor", "where": "next"},
            "link": {"kind": "link"},
        }[request.param]
        with serving(Api(rows, request.param)) as api:
            config = HttpConfig.model_validate(
                {
                    "base_url": api.url, "path": "/requests", "items": "data.requests", "paging": paging, "once": True,
                    "calls_per_minute": 1e6, "auth": {"kind": "query", "name": "key", "value": "env:KEY_BY_TEST"},
                    "incremental": {"field": "updated", "param": "since"},
                }
            )  # fmt: skip
            slow, live = (config.model_copy(update=each) for each in ({"calls_per_minute": 6}, {"once": False}))

            def away(gone: bool) -> None:
                api.stumbles = [hanging_up] * 1000 if gone else []

            def strange(name: str) -> None:
                rows.more(1)
                rows[-1][name] = "!"

            def limited() -> tuple[Source, Callable[[], int]]:
                before = len(api.asked)
                return HttpSource(slow, Context("city")), lambda: len(api.asked) - before

            yield Bench(
                lambda: HttpSource(config, Context("city")), rows.more, secrets=(SECRET,), away=away, strange=strange,
                busy=lambda text: api.stumbles.append(refusing(429, Retry_After=text)), slow=limited,
                live=lambda: HttpSource(live, Context("city")),
            )  # fmt: skip


class TestOpen311(SourceConformance):
    @pytest.fixture(params=["xml", "json by change", "no pages"])
    def bench(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
        monkeypatch.setenv("KEY_BY_TEST", SECRET)
        how: dict[str, Any] = {
            "xml": {},
            "json by change": {"format": "json", "changed_params": ("updated_after", "updated_before")},
            "no pages": {"page_param": None, "most_items": 12, "look_back_days": 0.02, "window_days": 0.005},
        }[request.param]
        odd = {Quirk.NO_PAGES} if request.param == "no pages" else set()
        city = Open311City(odd, most=12 if odd else 4, api_key=SECRET, jurisdiction="by.test")

        def add(count: int) -> None:
            """Of every fifth something is said at once."""
            for number in range(count):
                ref = city.report(f"Pothole {number}", city.now() - timedelta(seconds=10 * (count - number)))
                if number % 5 == 0:
                    city.say(ref, "closed", "Filled")

        def identity(item: Item) -> str:
            values = item.values or {}
            return " ".join(
                str(values.get(name)) for name in ("service_request_id", "statement", "said_at", "update_id")
            )

        with serving_open311(city) as url:
            config = Open311Config.model_validate(
                {
                    "base_url": url, "once": True, "calls_per_minute": 1e6, "api_key": "env:KEY_BY_TEST",
                    "jurisdiction_id": "by.test", "window_days": 45,
                    **how,
                }
            )  # fmt: skip
            slow, live = (config.model_copy(update=each) for each in ({"calls_per_minute": 6}, {"once": False}))

            def away(gone: bool) -> None:
                city.stumbles = [open311_hanging_up] * 1000 if gone else []

            def limited() -> tuple[Source, Callable[[], int]]:
                before = len(city.asked)
                return Open311Source(slow, Context("city")), lambda: len(city.asked) - before

            yield Bench(
                lambda: Open311Source(config, Context("city")), add, identity, (SECRET,), away=away, slow=limited,
                busy=lambda text: city.stumbles.append(open311_refusing(429, Retry_After=text)),
                live=lambda: Open311Source(live, Context("city")),
            )  # fmt: skip


class TestSql(SourceConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
        file = tmp_path / "works.db"
        with sqlite3.connect(file) as made:
            made.execute("create table requests (number integer primary key, id text)")
        made.close()

        def add(count: int) -> None:
            with sqlite3.connect(file) as database:
                for _ in range(count):
                    database.execute("insert into requests (id) values (hex(randomblob(8)))")
            database.close()

        config = SqlConfig(
            url=f"sqlite:///{file}",
            table="requests",
            cursor="number",
            key=("id",),
            overlap_numbers=10,
            page_rows=3,
            once=True,
        )
        live = config.model_copy(update={"once": False})

        def strange(name: str) -> None:
            with sqlite3.connect(file) as database:
                database.execute(f"alter table requests add column {name} text default '!'")
            database.close()
            add(1)

        return Bench(
            lambda: SqlSource(config, Context("works")),
            add,
            strange=strange,
            live=lambda: SqlSource(live, Context("works")),
        )


class TestWebhook(SourceConformance):
    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
        monkeypatch.setenv("KEY_BY_TEST", webhook.SECRET)
        made: list[webhook.Patient] = []
        fields: dict[int, str] = {}

        def body(number: int) -> bytes:
            return json.dumps({"number": number} | ({fields[number]: "!"} if number in fields else {})).encode()

        system = webhook.System(lambda: (made[-1].port or None) if made else None, body)

        def make() -> Source:
            made.append(webhook.Patient(webhook.config(), Context("calls"), system))
            return made[-1]

        told = [0]

        def add(count: int) -> None:
            told[0] += count
            system.tell(count)

        def strange(name: str) -> None:
            fields[told[0]] = name
            add(1)

        yield Bench(make, add, secrets=(webhook.SECRET.removeprefix("whsec_"),), strange=strange)
        system.close()


class TestCap(SourceConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        office = Office(tmp_path / "warnings")
        config = CapConfig.model_validate({"folder": {"path": tmp_path / "warnings", "once": True}})
        return Bench(lambda: CapSource(config, Context("warnings", batch_items=2)), office.warn)


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return Kafka()


class TestChanges(SourceConformance):
    @pytest.fixture
    def bench(self, kafka: Kafka, namespace: str) -> Bench:
        topic = f"{namespace}public.requests"
        config = ChangesConfig(bootstrap_servers=kafka.address, topics=(topic,), once=True)
        table = Table(kafka, topic)
        live = config.model_copy(update={"once": False})
        context = Context("works", batch_items=2)
        return Bench(
            lambda: ChangesSource(config, context),
            table.change,
            says_last=True,
            live=lambda: ChangesSource(live, context),
        )


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


class TestMqtt(SourceConformance):
    @pytest.fixture
    def bench(self, broker: Broker, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
        monkeypatch.setenv("KEY_BY_TEST", SECRET)
        name = namespace.strip(".")
        config = MqttConfig.model_validate(
            {
                "host": "127.0.0.1", "port": broker.port, "client_id": name, "topics": [f"{name}/alarm/{{device}}"],
                "user": "hub", "password": "env:KEY_BY_TEST",
            }
        )  # fmt: skip
        system = mqtt.System(broker, name)
        context = Context("alarms", batch_items=2)
        first = mqtt.Patient(config, context, system)
        first.connect(None)  # from now on the broker keeps what is told
        first.close()
        return Bench(
            lambda: mqtt.Patient(config, context, system),
            system.tell,
            lambda item: str((item.values or {})["id"]),  # each time it is received anew
            (SECRET,),
        )


def test_every_kind_is_on_the_bench() -> None:
    assert {kind for kind, where in kinds().items() if where.startswith("hub.")} == {
        "cap", "changes", "file", "folder", "http", "mqtt", "open311", "sql", "webhook",
    }  # fmt: skip


# -- planted faults ------------------------------------------------------------------------------------------------------------


class Lines(list[str]):
    """What the system says, and how it is."""

    def __init__(self) -> None:
        super().__init__()
        self.away, self.busy, self.calls = False, "", 0
        self.strange: dict[str, str] = {}
        """By line, the name of one more field."""

    def call(self) -> None:
        self.calls += 1
        if self.away:
            raise TransientError("it cannot be reached")
        if self.busy:
            text, self.busy = self.busy, ""
            raise TransientError("it has too many calls", wait_seconds=retry_after(text))


class Sound(Source):
    """Lines of a list, two a batch. Each fault is one change of it."""

    class Config(Config):
        password: str = "hidden"

    ends = True

    def __init__(self, lines: Lines) -> None:
        super().__init__(self.Config(), Context("planted"))
        self.lines, self.at, self.open = lines, 0, False
        self.budget = 0
        """Calls that are left of it; 0: there is none."""

    def check(self) -> str:
        return f"{len(self.lines)} lines"

    def connect(self, position: Position | None) -> None:
        self.at, self.open = (position or {"at": 0})["at"], True

    def items(self) -> list[Item]:
        return [
            Item({"line": text} | self.more(text), "list", self.at + index + 1)
            for index, text in enumerate(self.lines[self.at : self.at + 2])
        ]

    def more(self, text: str) -> dict[str, str]:
        return {self.lines.strange[text]: "!"} if text in self.lines.strange else {}

    def read(self, timeout_seconds: float) -> Batch:
        if self.spent():
            return Batch(wait_seconds=10)
        self.lines.call()
        items = self.items()
        self.at += len(items)
        return Batch(items, self.position(), last=self.ends and self.at >= len(self.lines))

    def spent(self) -> bool:
        if self.budget == 1:
            return True
        self.budget -= 1
        return False

    def position(self) -> Position | None:
        return {"at": self.at}

    def close(self) -> None:
        self.open = False


class SavedEarly(Sound):
    """Its position is that of the batch behind."""

    def position(self) -> Position:
        return {"at": self.at + 2}


class Emptied(Sound):
    def position(self) -> Position:
        return {"at": self.at} if self.at < len(self.lines) else {}


class Growing(Sound):
    def position(self) -> Position:
        return {"at": self.at, "seen": self.lines[: self.at]}


class Shared(Sound):
    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.own: dict[str, Any] = {}

    def position(self) -> Position:
        self.own["at"] = self.at
        return self.own


class Looping(Sound):
    """Asks for the first page again where there is no other."""

    def read(self, timeout_seconds: float) -> Batch:
        if self.at >= len(self.lines):
            self.at = 0
        return Batch(self.items(), {"at": self.at})


class Forgetful(Sound):
    """Begins behind what is there now."""

    def connect(self, position: Position | None) -> None:
        self.at = len(self.lines) if position else 0


class Backwards(Sound):
    def connect(self, position: Position | None) -> None:
        super().connect(position)
        if position:
            self.lines[self.at :] = self.lines[self.at :][::-1]


class Taking(Sound):
    def check(self) -> str:
        return self.lines.pop()


class ClosedOnce(Sound):
    def close(self) -> None:
        if not self.open:
            raise RuntimeError("closed")
        super().close()


class Nowhere(Sound):
    def items(self) -> list[Item]:
        return [item._replace(number=1) for item in super().items()]


class Telling(Sound):
    @property
    def system(self) -> str:
        return f"https://hub:{SECRET}@host"


class Quiet(Sound):
    """Where nothing is new it goes on behind a line that is not there yet."""

    def position(self) -> Position:
        return {"at": self.at}

    def connect(self, position: Position | None) -> None:
        super().connect(position)
        if position and self.at >= len(self.lines):
            self.at += 1


class SoundQueue(Sound):
    """A system that remembers by itself: a line is there until it is acknowledged."""

    remembers = True

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.in_hand = 0

    def connect(self, position: Position | None) -> None:
        self.in_hand, self.open = 0, True

    def read(self, timeout_seconds: float) -> Batch:
        if self.spent():
            return Batch(wait_seconds=10)
        self.lines.call()
        lines = self.lines[self.in_hand : self.in_hand + 2]
        items = [
            Item({"line": text} | self.more(text), "queue", self.at + index + 1) for index, text in enumerate(lines)
        ]
        self.in_hand += len(items)
        self.at += len(items)
        return Batch(items)

    def ack(self, batch: Batch) -> None:
        del self.lines[: len(batch.items)]
        self.in_hand -= len(batch.items)


class Hasty(SoundQueue):
    """What it hands out is gone."""

    def read(self, timeout_seconds: float) -> Batch:
        batch = super().read(timeout_seconds)
        super().ack(batch)
        return batch

    def ack(self, batch: Batch) -> None:
        pass


class Together(Sound):
    """All of its kind have one cursor."""

    place: ClassVar[list[int]] = [0]

    @property
    def at(self) -> int:
        return self.place[0]

    @at.setter
    def at(self, value: int) -> None:
        self.place[0] = value


class Impatient(Sound):
    """Comes again when it likes."""

    def read(self, timeout_seconds: float) -> Batch:
        try:
            return super().read(timeout_seconds)
        except TransientError as error:
            raise TransientError(str(error)) from error


class Patient(Sound):
    """Takes a refusal for a page without anything on it."""

    def read(self, timeout_seconds: float) -> Batch:
        try:
            return super().read(timeout_seconds)
        except TransientError:
            return Batch([], self.position())


class Spendthrift(Sound):
    def spent(self) -> bool:
        return False


class Blinkered(Sound):
    """Knows its fields."""

    def more(self, text: str) -> dict[str, str]:
        return {}


class Talkative(Sound):
    """Brings something every time, so that it never seems silent."""

    def items(self) -> list[Item]:
        found = super().items()
        return found or [Item({"line": "alive"}, "list", self.at + 1)]


class Stuck(Sound):
    """Comes back when there is something."""

    def read(self, timeout_seconds: float) -> Batch:
        if self.at >= len(self.lines) and self.open:
            threading.Event().wait(240)
        return super().read(timeout_seconds)


class Grumbling(Sound):
    """Says what the runner says."""

    def read(self, timeout_seconds: float) -> Batch:
        try:
            return super().read(timeout_seconds)
        except TransientError:
            logging.getLogger(__name__).warning("the system is away")
            raise


class Hopeless(Sound):
    """Gives up where it should wait."""

    def read(self, timeout_seconds: float) -> Batch:
        try:
            return super().read(timeout_seconds)
        except TransientError as error:
            raise RuntimeError("it is away") from error


FAULTS: dict[type[Sound], str] = {
    SavedEarly: "test_a_crash_behind_any_batch_loses_nothing_and_keeps_order",
    Backwards: "test_a_crash_behind_any_batch_loses_nothing_and_keeps_order",
    Looping: "test_a_crash_behind_any_batch_loses_nothing_and_keeps_order",
    Hasty: "test_what_was_not_acknowledged_comes_again",
    Forgetful: "test_what_comes_later_is_read_from_the_position",
    Emptied: "test_positions_are_small_plain_and_never_empty",
    Growing: "test_positions_are_small_plain_and_never_empty",
    Shared: "test_a_position_is_not_changed_after_it_was_given",
    Quiet: "test_nothing_new_is_no_loop_and_moves_nothing_back",
    Taking: "test_check_changes_nothing",
    ClosedOnce: "test_close_may_come_twice_and_first",
    Nowhere: "test_items_say_where_they_stand",
    Telling: "test_no_secret_is_shown",
    Together: "test_a_backfill_beside_it_moves_nothing",
    Impatient: "test_who_has_too_many_calls_is_given_the_time_that_it_asks_for",
    Patient: "test_who_has_too_many_calls_is_given_the_time_that_it_asks_for",
    Spendthrift: "test_a_budget_of_calls_is_kept",
    Blinkered: "test_a_field_that_nobody_expected_is_handed_over",
    Talkative: "test_silence_is_no_item_and_reading_comes_back",
    Stuck: "test_silence_is_no_item_and_reading_comes_back",
    Grumbling: "test_a_loss_is_an_error_that_passes_and_only_the_runner_speaks_of_it",
    Hopeless: "test_a_loss_is_an_error_that_passes_and_only_the_runner_speaks_of_it",
}
RULES = [name for name in vars(SourceConformance) if name.startswith("test_")]


def planted(fault: Callable[[Lines], Sound]) -> Bench:
    lines = Lines()
    numbers = itertools.count()

    def add(count: int) -> None:
        lines.extend(f"line {next(numbers)}" for _ in range(count))

    def strange(name: str) -> None:
        add(1)
        lines.strange[lines[-1]] = name

    def made(**more: Any) -> Sound:
        source = fault(lines)
        for name, value in more.items():
            setattr(source, name, value)
        return source

    return Bench(
        made, add, secrets=(SECRET,), strange=strange, live=lambda: made(ends=False),
        away=lambda away: setattr(lines, "away", away), busy=lambda text: setattr(lines, "busy", text),
        slow=lambda: (made(budget=2), lambda: lines.calls),
    )  # fmt: skip


@pytest.mark.parametrize("sound", [Sound, SoundQueue])
@pytest.mark.parametrize("rule", RULES)
def test_a_sound_source_keeps_each_rule(rule: str, sound: type[Sound]) -> None:
    getattr(SourceConformance(), rule)(planted(sound))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_a_planted_fault_is_caught(fault: type[Sound], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "_BACK_SECONDS", 1.0)
    with pytest.raises((AssertionError, RuntimeError)):
        getattr(SourceConformance(), FAULTS[fault])(planted(fault))


def test_every_rule_has_a_planted_fault() -> None:
    assert set(FAULTS.values()) == set(RULES)
