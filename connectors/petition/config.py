"""What the petition connector is told."""

from hub.sdk.sources.file.source import FileConfig


class PetitionConfig(FileConfig):
    """Files and whether to follow them; nothing of its own yet."""
