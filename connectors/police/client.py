"""The only I/O of the police connector: the files its system exports."""

from hub.sdk.sources.file.source import FileClient


class PoliceClient(FileClient):
    """Opens the files; a live interface of the system would replace this class only."""
