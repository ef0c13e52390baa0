"""Fetching the jars with a Maven that is a shell script."""

import threading
from pathlib import Path

import pytest

from hub.broker import jars
from hub.broker.jars import FetchProgress, advance, default_cache_dir, ensure_jars, jars_dir, pom_key
from hub.errors import FatalError

MAVEN = r"""#!/bin/sh
echo run >> "$(dirname "$0")/runs"
for word in "$@"; do case "$word" in -DoutputDirectory=*) out="${word#*=}";; esac; done
echo "[INFO] Downloaded from central: there/kafka_2.13-4.1.2.jar (2.1 MB at 3.2 MB/s)"
mkdir -p "$out" && touch "$out/kafka_2.13-4.1.2.jar"
"""


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(MAVEN)
    program.chmod(0o755)
    monkeypatch.setattr(jars, "find_maven", lambda: program)
    monkeypatch.setattr(jars, "find_java", lambda: Path("/jre/bin/java"))
    return program


def runs(maven: Path) -> int:
    return len((maven.parent / "runs").read_text().splitlines())


def test_the_real_pom_is_found_and_pins_kafka() -> None:
    assert "<kafka.version>4.1." in jars.POM.read_text()


def test_the_cache_is_keyed_by_the_pom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pom = tmp_path / "pom.xml"
    pom.write_text("<one/>")
    monkeypatch.setattr(jars, "POM", pom)
    one = pom_key(pom)
    assert one == pom_key(pom)
    pom.write_text("<two/>")
    assert pom_key(pom) != one


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.delenv("CITYHUB_CACHE", raising=False)
    assert default_cache_dir() == Path("/xdg/cityhub")
    monkeypatch.setenv("CITYHUB_CACHE", "/own")
    assert default_cache_dir() == Path("/own")
    monkeypatch.delenv("CITYHUB_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == Path.home() / ".cache" / "cityhub"


def test_jars_are_fetched_once_and_leave_no_scratch(maven: Path, tmp_path: Path) -> None:
    cache, seen = tmp_path / "cache", list[FetchProgress]()
    target = ensure_jars(cache, seen.append)
    assert ensure_jars(cache) == target
    assert runs(maven) == 1
    assert seen == [FetchProgress(1, 2_100_000)]
    assert {path.name for path in cache.iterdir()} == {target.name, f"{target.name}.lock"}


def test_two_at_once_fetch_once(maven: Path, tmp_path: Path) -> None:
    threads = [threading.Thread(target=ensure_jars, args=(tmp_path / "cache",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs(maven) == 1


def test_a_failed_fetch_shows_mavens_error_and_is_tried_again(maven: Path, tmp_path: Path) -> None:
    maven.write_text("#!/bin/sh\necho '[INFO] hm'\necho '[ERROR] no route to the mirror'\nexit 1\n")
    with pytest.raises(FatalError, match="it said: no route to the mirror\nCheck the network"):
        ensure_jars(tmp_path / "cache")
    assert not jars_dir(tmp_path / "cache").exists()
    maven.write_text(MAVEN)
    assert ensure_jars(tmp_path / "cache").is_dir()


def test_a_maven_that_brings_nothing_is_an_error(maven: Path, tmp_path: Path) -> None:
    maven.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(FatalError, match="could not fetch"):
        ensure_jars(tmp_path / "cache")


def test_only_jars_count_as_progress() -> None:
    start = FetchProgress(1, 10)
    assert advance(start, "[INFO] Downloaded from x: there/a.pom (12 kB at 1 MB/s)") == start
    assert advance(start, "[INFO] Downloading from x: there/a.jar") == start
    assert advance(start, "Downloaded from x: there/a-1.jar (12 kB at 1 MB/s)") == FetchProgress(2, 12_010)
    assert advance(start, "Downloaded from x: there/a-1.jar (90 B at 1 MB/s)") == FetchProgress(2, 100)
