"""The only I/O of the petition connector: the files its system exports."""

from hub.sdk.sources.file.source import FileClient


class PetitionClient(FileClient):
    """Opens the files; a live interface of the system would replace this class only."""
