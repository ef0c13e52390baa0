"""The trail where it is kept: whoever writes beside whom, and whoever is killed, the chain holds and has all that was done."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.settings import ROOT
from hub.web.access.chain import AuditedAct, export_lines, verified
from hub.web.access.file import AccessFile
from hub.web.access.trail import acts_named, note_acts, trail_entries

_ENDLESS = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from hub.web.access.chain import AuditedAct
    from hub.web.access.file import AccessFile
    from hub.web.access.trail import note_acts

    file = AccessFile(Path(sys.argv[1]))
    while True:
        with file.writing() as connection:
            head = note_acts(connection, "li", [AuditedAct("case.assign", str(n)) for n in range(3)])
        print(head.entries, flush=True)
    """
)


def test_those_who_write_at_once_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "access.sqlite"

    def act(name: str) -> None:
        file = AccessFile(path)
        for number in range(20):
            with file.writing() as connection:
                note_acts(connection, name, [AuditedAct("case.assign", str(number))])
        file.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(act, "abcd"))
    file = AccessFile(path)
    entries = list(trail_entries(file))
    file.close()
    assert verified(export_lines(entries)).entries == 80
    for name in "abcd":
        assert [entry.act.subject for entry in entries if entry.who == name] == [str(number) for number in range(20)]


@pytest.mark.crash
@pytest.mark.process
def test_who_is_killed_leaves_a_chain_that_holds_and_has_what_was_done(tmp_path: Path) -> None:
    path, told = tmp_path / "access.sqlite", 0
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", _ENDLESS, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            for _ in range(5):
                told = int(process.stdout.readline())
            process.kill()
        file = AccessFile(path)
        entries = list(trail_entries(file))
        file.close()
        assert verified(export_lines(entries)).entries >= told
        assert len(entries) % 3 == 0, "what is noted together is there together"


def test_acts_are_found_by_how_their_names_begin(tmp_path: Path) -> None:
    file = AccessFile(tmp_path / "access.sqlite")
    with file.writing() as connection:
        note_acts(connection, "li", [AuditedAct(name, "1") for name in ("dead.close", "deadly", "dead.resend", "x")])
    assert [entry.act.what for entry in acts_named(file, "dead.")] == ["dead.close", "dead.resend"]
    file.close()
