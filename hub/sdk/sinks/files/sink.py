"""One file a day for each stream, by the city's time. Who takes it up sees a whole file, the former or the new one."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from hub.millis import datetime_of
from hub.sdk.access.paths import LocalPath
from hub.sdk.contract import Config
from hub.sdk.errors import ConfigurationError, TransientError
from hub.sdk.sink_contract import Delivery, DeliveryBatch, DeliveryPlace, Sink, SinkContext, SinkPositions
from hub.sdk.sinks.files.formats import FILE_WRITERS, FileRows
from hub.sdk.sinks.files.spool import Spool, replace
from hub.sdk.sinks.rows import STREAM_COLUMNS, delivery_row
from hub.sdk.streams import Stream

_OWN = ".cityhub"


class FilesSettings(Config):
    """Files are called `<stream>-<year>-<month>-<day>.<format>`."""

    folder: LocalPath = Field(description="where the files lie; made if it is not there, for its owner and group")
    format: Literal["csv", "xlsx"] = "csv"
    every_seconds: float = Field(10.0, ge=0, description="the file of a day is written anew at most so often")


class FilesSink(Sink):
    """A delivery is in the file of the day on which the hub wrote it, once."""

    Config: ClassVar[type[FilesSettings]] = FilesSettings
    remembers: ClassVar[bool] = True
    batch: ClassVar[int] = 1000

    def __init__(self, config: FilesSettings, context: SinkContext) -> None:
        super().__init__(config, context)
        self._spool: Spool | None = None
        self._next = 0.0

    def check(self) -> str:
        folder = self.config.folder
        if folder.is_dir():
            return f"{folder} has {sum(1 for _ in folder.glob(f'*.{self.config.format}'))} files"
        if folder.exists() or not folder.parent.is_dir():
            raise ConfigurationError(f"{folder} is no folder, and cannot be made")
        return f"{folder} is not there yet, and will be made"

    def connect(self) -> None:
        self.close()
        with self._disk():
            self.config.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._spool = Spool(self.config.folder / _OWN)
        self._next = 0.0

    def positions(self) -> SinkPositions:
        return self._open.positions

    def topic_ids(self) -> Mapping[DeliveryPlace, str]:
        return self._open.topic_ids

    def write(self, batch: DeliveryBatch) -> None:
        rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for each in batch.deliveries:
            rows[self._day(each)].append({name: self._shown(value) for name, value in delivery_row(each).items()})
        with self._disk():
            self._open.add(rows, batch.after, batch.topic_ids)
        self.idle()

    def idle(self) -> None:
        if time.monotonic() >= self._next and self._open.unshown:
            self._show()
            self._next = time.monotonic() + self.config.every_seconds

    def close(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            try:
                self._write_files(spool)
            except OSError as error:
                self.context.say(
                    f"{self.config.folder} is not up to date ({error.strerror}); it will be after the next start"
                )
            finally:
                spool.close()

    def _show(self) -> None:
        with self._disk():
            self._write_files(self._open)

    def _write_files(self, spool: Spool) -> None:
        names = spool.unshown
        for name in names:
            columns = STREAM_COLUMNS[Stream(name.partition("-")[0])]
            file = self.config.folder / f"{name}.{self.config.format}"
            replace(file, partial(self._write_file, columns, spool.rows(name)))
        if names:
            spool.show(names)

    def _write_file(self, columns: Sequence[str], rows: FileRows, path: Path) -> None:
        FILE_WRITERS[self.config.format](path, columns, rows)

    def _day(self, delivery: Delivery) -> str:
        day = datetime_of(delivery.written_ms).astimezone(self.context.zone).date()
        return f"{delivery.stream}-{day.isoformat()}"

    def _shown(self, value: Any) -> Any:
        """Times by the city's clock."""
        return value.astimezone(self.context.zone).isoformat() if isinstance(value, datetime) else value

    @property
    def _open(self) -> Spool:
        if self._spool is None:
            raise ConfigurationError(f"{self.context.name}: written before connect")
        return self._spool

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TransientError(f"{self.config.folder} cannot be written ({error.strerror})") from error
