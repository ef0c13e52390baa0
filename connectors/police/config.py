"""What the police connector is told."""

from hub.sdk.sources.file.source import FileConfig


class PoliceConfig(FileConfig):
    """Files and whether to follow them; nothing of its own yet."""
