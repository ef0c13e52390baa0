"""What the citymgmt connector is told."""

from hub.sdk.sources.file.source import FileConfig


class CityManagementConfig(FileConfig):
    """Files and whether to follow them; nothing of its own yet."""
