"""What the files that a process goes by let be foreseen, said by its metrics: certificates that run out, a disk that fills."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from hub.certificates import watch_authorities, watch_own
from hub.metrics import DISK_FREE
from hub.settings import Settings

OWN_CERTIFICATES = ("kafka_certificate",)
"""Settings that name what the hub shows to others."""
AUTHORITIES = ("kafka_ca", "kafka_token_ca", "oidc_ca", "registry_ca")
"""Settings that name what vouches for others."""


def watch_files(settings: Settings) -> None:
    """For a process that serves /metrics: asked anew at each scrape."""
    for names, watch in ((OWN_CERTIFICATES, watch_own), (AUTHORITIES, watch_authorities)):
        for name in names:
            path = getattr(settings, name)
            if path is not None:
                watch(name, path)
    DISK_FREE.labels("state_dir").set_function(partial(_free, settings.state_dir.resolve()))


def _free(folder: Path) -> float:
    """A folder that is not made yet will lie where the first that is there does."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    usage = shutil.disk_usage(there)
    return usage.free / usage.total if usage.total else 1.0
