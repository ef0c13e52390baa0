"""What the hotline connector is told."""

from hub.sdk.sources.file.source import FileConfig


class HotlineConfig(FileConfig):
    """Files and whether to follow them; nothing of its own yet."""
