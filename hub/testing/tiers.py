"""Tries a connector against every rule of the kit, and says which tier it keeps. `python -m hub.testing.tiers [NAME ...]`, or
`cityhub connector test`.

A source of files is tried on its own fixtures. For another, `bench.py` in the connector's folder has a context manager
`bench(folder)` that gives a `hub.testing.conformance.Bench` on a system that it starts; without one the rules of sources stay
untried.
"""

from __future__ import annotations

import inspect
import itertools
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from unittest import SkipTest

from hub.clock import wall_ms
from hub.errors import FatalError, HubError
from hub.screen import say
from hub.sdk.contract import Context
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest, Quality, discover, find_manifest
from hub.sdk.mapping.mapping import load_mapping
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.file.source import FileSource, file_config
from hub.sdk.trials import KitRule, RuleVerdict, Trial, digest_of, write
from hub.settings import Settings
from hub.testing.conformance import Bench, SourceConformance
from hub.testing.source_suite import SourceSuite, fixture_inputs, raw_rows, spoilers

Benches = Callable[[Path], AbstractContextManager[Bench]]
_BRONZE = {
    "test_folder_and_manifest_are_complete", "test_it_imports_only_the_sdk_and_only_its_client_does_io",
    "test_every_mapping_has_a_fixture", "test_every_fixture_row_is_a_valid_event_or_a_named_reject",
    "test_what_cannot_be_true_is_rejected_by_name", "test_no_personal_data_is_carried",
}  # fmt: skip
_GOLD = {
    "test_metric_labels_are_bounded", "test_a_backfill_beside_it_moves_nothing", "test_a_budget_of_calls_is_kept",
    "test_who_has_too_many_calls_is_given_the_time_that_it_asks_for", "test_a_field_that_nobody_expected_is_handed_over",
    "test_silence_is_no_item_and_reading_comes_back",
    "test_a_loss_is_an_error_that_passes_and_only_the_runner_speaks_of_it",
}  # fmt: skip
"""All others are silver: nothing lost, doubled, looped or shown."""
_CANNOT_OF_FILES = {
    "away": "a file is there, or its setting is wrong: nothing else is said of it",
    "busy": "a file takes no calls",
    "slow": "a file takes no calls, and has no budget of them",
    "strange": "a file with other columns is another file",
}
_NO_BENCH = "there is no bench.py in the connector's folder that starts its system"


def tier_of(rule: str) -> Quality:
    """The lowest tier that asks for a rule, by its name."""
    return Quality.BRONZE if rule in _BRONZE else Quality.GOLD if rule in _GOLD else Quality.SILVER


def rules_of(suite: type) -> list[str]:
    """The names of its rules, in their order."""
    return [name for name in vars(suite) if name.startswith("test_")]


def tried(manifest: Manifest) -> Trial:
    """Every rule, each in a folder of its own. Raises FatalError if the connector cannot be loaded."""
    benches = bench_of(manifest)
    found = [_rule(name, partial(_suite, manifest, name)) for name in rules_of(SourceSuite)]
    for name in rules_of(SourceConformance):
        if benches is None:
            found.append(KitRule(name=name, tier=tier_of(name), verdict=RuleVerdict.UNTRIED, why=_NO_BENCH))
        else:
            found.append(_rule(name, partial(_conformance, benches, name)))
    return Trial(connector=manifest.domain, at_ms=wall_ms(), digest=digest_of(manifest), rules=tuple(found))


def _rule(name: str, attempt: Callable[[Path], None]) -> KitRule:
    with tempfile.TemporaryDirectory() as folder:
        try:
            attempt(Path(folder))
        except SkipTest as cannot:
            return KitRule(name=name, tier=tier_of(name), verdict=RuleVerdict.INAPPLICABLE, why=str(cannot))
        except Exception as error:  # noqa: BLE001 - whatever a connector of others raises, its rule is broken
            said = str(error).strip().partition("\n")[0]
            why = said if isinstance(error, AssertionError | HubError) and said else f"{type(error).__name__}: {said}"
            return KitRule(name=name, tier=tier_of(name), verdict=RuleVerdict.BROKEN, why=why)
    return KitRule(name=name, tier=tier_of(name), verdict=RuleVerdict.KEPT)


def _suite(manifest: Manifest, name: str, folder: Path) -> None:
    rule = getattr(SourceSuite(), name)
    rule(*(manifest, folder)[: len(inspect.signature(rule).parameters)])


def _conformance(benches: Benches, name: str, folder: Path) -> None:
    with benches(folder) as bench:
        getattr(SourceConformance(), name)(bench)


# -- benches -------------------------------------------------------------------------------------------------------------------


def bench_of(manifest: Manifest) -> Benches | None:
    """Where a connector's source is tried; None: nowhere. Raises FatalError, ImportError."""
    path = manifest.folder / "bench.py"
    if path.is_file():
        spec = spec_from_file_location(f"cityhub_benches.{manifest.domain}", path)
        assert spec is not None, "it is a file"
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        benches: Benches = module.bench
        return benches
    fixtures = fixture_inputs(manifest)
    if manifest.source.kind != "file" or manifest.default_mapping not in fixtures:
        return None
    return _Fixture(manifest, fixtures[manifest.default_mapping]).bench


class _Fixture:
    """A file that grows by the rows of a fixture, over and over."""

    def __init__(self, manifest: Manifest, fixture: Input) -> None:
        self._manifest, self._fixture = manifest, fixture
        data = fixture.file.read_bytes()
        rows = list(raw_rows(fixture.file, load_mapping(manifest.mapping_path(fixture.mapping))))
        self._head = data[: rows[0].start] if rows else data
        self._rows = [data[row.start : row.end].rstrip(b"\r\n") + b"\n" for row in rows]
        self._spoilt = spoilers(load_mapping(manifest.mapping_path(fixture.mapping)))[0]

    @contextmanager
    def bench(self, folder: Path) -> Iterator[Bench]:
        file, rows = folder / self._fixture.file.name, itertools.cycle(self._rows)
        file.write_bytes(self._head)

        def add(count: int) -> None:
            _append(file, *itertools.islice(rows, count))

        yield Bench(
            lambda: self._source(file),
            add,
            lambda item: item.where,
            live=lambda: self._source(file, True),
            garble=lambda: _append(file, self._spoilt),
            cannot=_CANNOT_OF_FILES,
        )

    def _source(self, file: Path, follow: bool = False) -> FileSource:
        intake = MappingSet(self._manifest)
        given = Input(file=file, mapping=self._fixture.mapping, join=self._fixture.join)
        context = Context(self._manifest.domain, intake.outcome, intake.mapping, batch_items=2)
        return FileSource(file_config(inputs=(given,), follow=follow), context)


def _append(file: Path, *lines: bytes) -> None:
    with file.open("ab") as out:
        out.writelines(lines)


def main(names: list[str]) -> int:
    """Try these connectors, or all. 1 if one keeps less than it declares."""
    logging.getLogger().addHandler(logging.NullHandler())  # what a run says of invented rows is nothing to mend
    settings, below = Settings.from_env(), 0
    for manifest in [find_manifest(name) for name in names] or discover().values():
        tested = tried(manifest)
        write(settings, tested)
        say(f"{manifest.domain}: {tested.tier or 'no tier'} ({manifest.quality} is declared)")
        for rule in tested.failing:
            say(f"  {rule.verdict} {rule.name.removeprefix('test_').replace('_', ' ')} ({rule.tier}): {rule.why}")
        order = list(Quality)
        below += tested.tier is None or order.index(tested.tier) < order.index(manifest.quality)
    return 1 if below else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except FatalError as error:
        say(f"Error: {error}", err=True)
        sys.exit(1)
