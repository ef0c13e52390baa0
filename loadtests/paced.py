"""A process that publishes live events at a steady rate, each reported at the instant it is sent, until its time is up or it
is told to stop. Started by scenarios; a process of its own, so that what else the runner does cannot delay it.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

from loadtests.cluster import Feeder
from loadtests.job.events import SOURCES, Block, Events, source_of
from loadtests.peers.given import Given

_SLICE_SECONDS = 0.02


def main() -> None:
    """Publishes to `given.events`, where `{source}` stands for the event's own. Says at the end what it has sent, as JSON."""
    given = Given.from_env()
    rate, seconds = float(given.settings["rate"]), float(given.settings["seconds"])
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    late = given.settings.get("late_repeats")
    events = Events(given.rules(), int(given.settings["seed"]), late=None if late is None else int(late))
    feeder = Feeder(given.bootstrap, given.events, linger_ms=int(given.settings["linger_ms"]))
    began = time.time()
    latest = 0.0
    while not told and (now := time.time()) < began + seconds:
        due = int((now - began) * rate) - events.records
        if due > 0:
            latest = max(latest, due / rate)
            for topic, block in split(given.events, events.make(due, int(now * 1000))).items():
                feeder.send(block, topic)
        time.sleep(_SLICE_SECONDS)
    feeder.close()
    seconds = time.time() - began
    truth = events.truth()
    if "truth" in given.settings:
        truth.save(Path(given.settings["truth"]))
    said = {"records": events.records, "fresh": truth.orders, "seconds": seconds, "latest": latest}
    sys.stdout.write(json.dumps(said) + "\n")


def split(topic: str, block: Block) -> dict[str, Block]:
    """A block by topic, if the topic's name asks for the source."""
    if "{source}" not in topic:
        return {topic: block}
    found: dict[str, Block] = defaultdict(lambda: Block([], []))
    names = {source: topic.format(source=source) for source in SOURCES}
    for key, value in zip(block.keys, block.values, strict=True):
        to = found[names[source_of(key)]]
        to.keys.append(key)
        to.values.append(value)
    return found


if __name__ == "__main__":
    main()
