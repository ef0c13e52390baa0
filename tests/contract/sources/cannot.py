"""Why systems cannot do what rules of the kit ask of others. No tests of its own."""

from __future__ import annotations

NO_CALLS = {"busy": "a file system takes no calls", "slow": "a file system takes no calls, and has no budget of them"}
