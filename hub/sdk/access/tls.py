"""How the line to a broker is guarded, as it is declared."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hub.certificates import watch_authorities, watch_own
from hub.sdk.access.paths import LocalPath


class Tls(BaseModel):
    """With the system's own authorities or another's; with a certificate of ours where brokers ask for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: LocalPath | None = Field(None, description="file with the authorities to believe (PEM)")
    certificate: LocalPath | None = Field(None, description="of this client (PEM)")
    key: LocalPath | None = Field(None, description="of the certificate (PEM, not encrypted)")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("give certificate and key, or neither")
        return self

    def watch(self, edge: str) -> None:
        """Have the metrics of this process say when they run out."""
        if self.ca is not None:
            watch_authorities(f"{edge} ca", self.ca)
        if self.certificate is not None:
            watch_own(f"{edge} certificate", self.certificate)
