"""Where alerts lie: a folder or a feed. Both list what is not read yet, the oldest first, and give it out by and by."""

from __future__ import annotations

import hashlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hub.declared.texts import open_regular
from hub.errors import FatalError, RejectedRecordError
from hub.sdk.access.links import link_within
from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.sources.cap.alert import root_of
from hub.sdk.sources.cap.config import AlertFeed, Folder
from hub.sdk.sources.cap.grammar import CAP_NAMESPACE
from hub.sdk.sources.http.client import HttpClient

_OVERLAP_NS = 120 * 10**9
"""What came so long before the newest is looked at again: clocks of file systems differ, and have steps."""
_MOST_LINKS = 2000
_ATOM = "{http://www.w3.org/2005/Atom}"
_ACCEPTED = "application/cap+xml, application/atom+xml, application/rss+xml, application/xml;q=0.9"


class AlertDocument(NamedTuple):
    """`where`: for people. `mark`: what it is known by, once it is read. `stands`: where a position stands behind it.
    `settled`: False if somebody may be writing it. `raw`: None if it cannot be had, `why` says so."""

    where: str
    mark: str
    stands: int
    settled: bool
    raw: bytes | None
    why: str = ""


class AlertShelf(ABC):
    """`known`: marks of what is read, which need not be had again."""

    @abstractmethod
    def check(self) -> str: ...

    @abstractmethod
    def documents(self, since: int, read_before: set[str]) -> Iterator[AlertDocument]:
        """Raises TransientError, AuthError, ConfigurationError, PermanentError."""

    def seconds_to_wait(self) -> float:
        """Until the next document may be asked for."""
        return 0.0

    def close(self) -> None:  # noqa: B027 - a folder holds nothing
        ...


class AlertFolder(AlertShelf):
    """By the time at which a file got its name or content (ctime): a file that is renamed into the folder counts from then."""

    def __init__(self, folder: Folder, max_bytes: int, *, was_there: bool = False) -> None:
        """`was_there`: it was read before, so that it is only away if it is not there."""
        self._folder, self._most, self._was_there = folder, max_bytes, was_there

    def check(self) -> str:
        return f"{self._folder.path} has {len(self._files()):,} files *.xml and *.cap"

    def documents(self, since: int, read_before: set[str]) -> Iterator[AlertDocument]:
        for at, mark, entry in self._files():
            if at < since - _OVERLAP_NS or mark in read_before:
                continue
            settled = time.time_ns() - at >= self._folder.settle_seconds * 10**9
            try:
                with open_regular(self._folder.path / entry) as file:
                    raw = file.read(self._most + 1)
            except FileNotFoundError:
                continue  # taken away since
            except OSError as error:
                yield AlertDocument(entry, mark, at, settled, None, f"the file cannot be read ({error.strerror})")
                continue
            yield AlertDocument(entry, mark, at, settled, raw)

    def _files(self) -> list[tuple[int, str, str]]:
        try:
            with os.scandir(self._folder.path) as entries:
                found = [
                    (entry.stat(), entry.name) for entry in entries if entry.name.lower().endswith((".xml", ".cap"))
                ]
        except FileNotFoundError as error:
            if self._was_there and not self._folder.path.is_dir():
                raise TransientError(f"{self._folder.path} is away, and was there before") from error
            if self._folder.path.is_dir():
                raise TransientError(f"{self._folder.path}: a file went while it was looked at") from error
            raise ConfigurationError(f"there is no folder {self._folder.path}") from error
        except OSError as error:
            raise TransientError(f"{self._folder.path} cannot be read ({error.strerror})") from error
        return sorted((stat.st_ctime_ns, f"{name}:{stat.st_ctime_ns}:{stat.st_size}", name) for stat, name in found)


class AlertFeedShelf(AlertShelf):
    """Links of other hosts are left alone, which is said once: neither a call nor credentials go there."""

    def __init__(self, feed: AlertFeed, say_once: Callable[[str], None]) -> None:
        self._feed, self._say_once = feed, say_once
        self._client = HttpClient(feed.model_copy(update={"headers": {"Accept": _ACCEPTED, **feed.headers}}))

    def check(self) -> str:
        links = self._links()
        return (
            f"GET {self._feed.path} is an alert"
            if isinstance(links, bytes)
            else f"GET {self._feed.path} names {len(links)} alerts"
        )

    def documents(self, since: int, read_before: set[str]) -> Iterator[AlertDocument]:
        links = self._links()
        if isinstance(links, bytes):
            mark = hashlib.sha256(links).hexdigest()
            if mark not in read_before:
                yield AlertDocument(f"GET {self._feed.path}", mark, 0, True, links)
            return
        for number, (mark, link) in enumerate(links, 1):
            if mark not in read_before:
                yield self._fetched(number, mark, link)

    def seconds_to_wait(self) -> float:
        return self._client.seconds_to_wait()

    def close(self) -> None:
        self._client.close()

    def _fetched(self, number: int, mark: str, link: str) -> AlertDocument:
        named = f"{self._feed.path} link {number}"
        where = f"GET {named}"
        try:
            return AlertDocument(where, mark, 0, True, self._client.get(link, {}, named).body)
        except AuthError:
            raise
        except FatalError:
            return AlertDocument(where, mark, 0, True, None, "the feed names an alert that is not there")

    def _links(self) -> bytes | list[tuple[str, str]]:
        """The alert, if that is what is there; else what a feed names, by what is known again when it changes."""
        body = self._client.get(self._feed.path, dict(self._feed.params)).body
        try:
            root = root_of(body)
        except RejectedRecordError as error:
            raise TransientError(f"GET {self._feed.path}: the answer is no whole XML document") from error
        if root.tag == f"{{{CAP_NAMESPACE}}}alert":
            return body
        found = [_atom(each) for each in root.iter(f"{_ATOM}entry")] or [_rss(each) for each in root.iter("item")]
        if not found and root.tag not in (f"{_ATOM}feed", "rss"):
            raise ConfigurationError(f"GET {self._feed.path} is neither an alert of CAP 1.2 nor a feed of Atom or RSS")
        return self._own(found[:_MOST_LINKS])

    def _own(self, links: list[tuple[str, str]]) -> list[tuple[str, str]]:
        base = f"{self._feed.base_url}{self._feed.path}"
        found = [(link_within(base, link), changed) for link, changed in links if link]
        own = [(f"{address} {changed}", address) for address, changed in found if address is not None]
        if len(own) < len(found):
            self._say_once(
                f"GET {self._feed.path} names alerts at other hosts or nowhere, which are not fetched: give them edges of their own"
            )
        return own


def _atom(entry: Any) -> tuple[str, str]:
    links = sorted(entry.iter(f"{_ATOM}link"), key=lambda each: each.get("type") != "application/cap+xml")
    return (links[0].get("href") or "" if links else ""), entry.findtext(f"{_ATOM}updated") or ""


def _rss(item: Any) -> tuple[str, str]:
    return (item.findtext("link") or "").strip(), item.findtext("pubDate") or ""
