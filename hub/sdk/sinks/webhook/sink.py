"""Deliveries as signed calls to addresses of departments' and systems' own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hub.errors import FatalError
from hub.sdk.access.paths import LocalPath
from hub.sdk.access.signature import signing_secrets
from hub.sdk.contract import Config
from hub.sdk.errors import ConfigurationError
from hub.sdk.secrets import Secret
from hub.sdk.sink_contract import Answer, Delivery, DeliveryBatch, Never, Sink, SinkContext
from hub.sdk.sinks.addresses import CallAddress, networks
from hub.sdk.sinks.caller import trusting
from hub.sdk.sinks.webhook.client import Receiver
from hub.sdk.sinks.webhook.messages import cloud_event


def _sound(given: Any, read: Callable[[Any], object]) -> Any:
    try:
        read(given)
    except FatalError as error:
        raise ValueError(str(error)) from None
    return given


Url = Annotated[str, AfterValidator(lambda text: _sound(text, CallAddress.parsed))]
Signing = Annotated[
    Secret, AfterValidator(lambda text: _sound(text, lambda it: signing_secrets(it.get_secret_value())))
]
Networks = Annotated[tuple[str, ...], AfterValidator(lambda listed: _sound(listed, networks))]


class _Address(BaseModel):
    """Where one receiver is, and what its calls are signed with."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Url = Field(description="https://HOST/PATH")
    secret: Signing = Field(description="whsec_…; two, with a blank between, while one takes the place of the other")


class WebhookSettings(Config):
    """url and secret of one receiver, or receivers by department or source."""

    url: Url | None = Field(None, description="https://HOST/PATH of the one receiver")
    secret: Signing | None = Field(None, description="what its calls are signed with: whsec_…")
    receivers: dict[str, _Address] = Field({}, description="in place of these: by department or source, url and secret")
    allow: Networks = Field((), description="networks that calls may go to though not public, also by http")
    ca: LocalPath | None = Field(
        None, description="certificates (PEM) that vouch for receivers, else public authorities"
    )

    @model_validator(mode="after")
    def _one_or_many(self) -> Self:
        if bool(self.receivers) == bool(self.url) or bool(self.url) != bool(self.secret):
            raise ValueError("give url and secret of one receiver, or receivers by department, and not both")
        return self

    @property
    def addresses(self) -> Mapping[str, _Address]:
        if self.url and self.secret:
            return {"": _Address(url=self.url, secret=self.secret)}
        return self.receivers


class WebhookSink(Sink):
    """One receiver, or one for each department or source; each fails and waits by itself."""

    Config = WebhookSettings
    parallel: ClassVar[int] = 8

    def __init__(self, config: Any, context: SinkContext) -> None:
        super().__init__(config, context)
        self._receivers: dict[str, Receiver] = {}

    def check(self) -> str:
        try:
            with_names = sorted(self._made().items())
            return "; ".join(each.check() for _, each in with_names)
        finally:
            self.close()

    def connect(self) -> None:
        self._made()

    def _made(self) -> dict[str, Receiver]:
        if not self._receivers:
            listed = networks(self.config.allow)
            try:
                context = trusting(self.config.ca)
                self._receivers = {
                    name: Receiver(each.url, signing_secrets(each.secret.get_secret_value()), listed, context)
                    for name, each in self.config.addresses.items()
                }
            except FatalError as error:
                raise ConfigurationError(str(error)) from error
        return self._receivers

    def receiver(self, delivery: Delivery) -> str:
        return delivery.party if self.config.receivers else ""

    def write(self, batch: DeliveryBatch) -> Sequence[Answer]:
        return [self._deliver(each) for each in batch.deliveries]

    def _deliver(self, delivery: Delivery) -> Answer:
        receiver = self._receivers.get(self.receiver(delivery))
        if receiver is None:
            return Never(f"no receiver is named for {delivery.party or delivery.stream}")
        return receiver.deliver(delivery.id, cloud_event(delivery, self.context.namespace))

    def close(self) -> None:
        for each in self._receivers.values():
            each.close()
        self._receivers = {}
