"""When the certificates that this process goes by run out, said by a metric that is read anew at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from hub.metrics import CERTIFICATE_EXPIRES


def watch_own(use: str, path: Path) -> None:
    """Of a certificate that is shown to others, with those that vouch for it: the first to run out counts."""
    CERTIFICATE_EXPIRES.labels(use).set_function(partial(_expires, path, min))


def watch_authorities(use: str, path: Path) -> None:
    """Of certificates that vouch for others: as long as one is good it may be the one, so the last to run out counts."""
    CERTIFICATE_EXPIRES.labels(use).set_function(partial(_expires, path, max))


def _expires(path: Path, which: Callable[[Iterable[float]], float]) -> float:
    """Unix time; 0, which is long ago, of a file that has none or cannot be read."""
    from cryptography import x509

    try:
        return which(
            each.not_valid_after_utc.timestamp() for each in x509.load_pem_x509_certificates(path.read_bytes())
        )
    except (OSError, ValueError):  # the alert says which file, and whoever uses it why
        return 0.0
