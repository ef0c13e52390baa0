"""One connection of one client to a broker. What the library says becomes the hub's errors here, and nowhere else."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import NoReturn

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.sources.mqtt.config import Connection

_DAY_SECONDS = 86_400
_ONLY_NEW_SUBSCRIPTIONS = 1
"""A retained message comes when a topic is subscribed to for the first time, and not at each connection."""
_NOWHERE = "cityhub/no/such/subscription"
_SETTLE_SECONDS = 5.0
_REFUSED = {"Bad user name or password", "Not authorized", "Banned", "Bad authentication method"}
_AWAY = {
    "Server unavailable",
    "Server busy",
    "Use another server",
    "Connection rate exceeded",
    "Quota exceeded",
    "Unspecified error",
}


class Published(Enum):
    """What a broker said of a message."""

    TAKEN = "taken"
    UNHEARD = "unheard"
    """Taken, and gone: nobody is subscribed to its topic."""
    LATER = "later"
    NEVER = "never"


class _ClosedIfRefused(ssl.SSLSocket):
    """The library leaves it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except (OSError, ValueError):
            self.close()
            raise


class MqttSession:
    """Everything happens in the thread that calls; between two calls of `turn` nothing is read, so that what comes faster than it
    is used waits at the broker. Each method may raise TransientError: the connection is gone."""

    def __init__(self, connection: Connection, client_id: str) -> None:
        self._of, self._id = connection, client_id
        self._client: Client | None = None
        self._arrived: deque[MQTTMessage] = deque()
        self._answers: dict[int, list[ReasonCode]] = {}
        self._connected: ReasonCode | None = None
        self._ended: ReasonCode | None = None
        self._unsettled = False
        self.max_bytes: int | None = None
        """A longer packet ends the connection; None: any that MQTT allows."""
        self.resumed = False
        """Whether the broker knew this client, and had kept what it did not acknowledge."""

    def open(self, *, keep_days: float = 0, window: int | None = None) -> None:
        """`keep_days`: how long the broker keeps what comes while nobody is there; 0: nothing of an earlier session, and none of
        this. Raises AuthError, ConfigurationError, TransientError."""
        self.close()
        self._arrived.clear()
        self._answers.clear()
        self._connected = self._ended = None
        self._unsettled = False
        is_new = self._of.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._id,
            clean_session=None if is_new else not keep_days,
            protocol=MQTTProtocolVersion.MQTTv5 if is_new else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_unsubscribe = self._on_answer, self._on_answer
        client.on_message, client.on_publish = self._on_message, self._on_published
        if self._of.user is not None:
            password = self._of.password
            client.username_pw_set(self._of.user, password.get_secret_value() if password else None)
        if self._of.tls is not None:
            client.tls_set_context(self._tls())
        client.connect_timeout = self._of.timeout_seconds
        self._client = client
        try:
            self._dial(client, keep_days, window)
        except BaseException:
            self.close()
            raise

    def subscribe(self, filters: Iterable[str]) -> None:
        """At QoS 1. Raises AuthError, ConfigurationError, TransientError."""
        client = self._opened
        for each in filters:
            if self._of.protocol == "5":
                options = SubscribeOptions(qos=1, retainHandling=_ONLY_NEW_SUBSCRIPTIONS)
                _, mid = client.subscribe(each, options=options)
            else:
                _, mid = client.subscribe(each, qos=1)
            if mid is None:
                self._raise_ended()
            self._until(partial(self._answers.__contains__, mid), f"to the subscription to {each}")
            self._require_granted(each, self._answers.pop(mid)[0])

    def turn(self, seconds: float) -> None:
        """Read and write what there is; come back after `seconds` at most, or at once with a message."""
        if self._opened.loop(seconds) is not MQTTErrorCode.MQTT_ERR_SUCCESS or self._ended is not None:
            self._raise_ended()

    def next(self) -> MQTTMessage | None:
        """One that has arrived."""
        return self._arrived.popleft() if self._arrived else None

    def publish(self, messages: Sequence[tuple[str, bytes]], content_type: str, *, retain: bool) -> list[Published]:
        """Topics and payloads, at QoS 1; what the broker said of each, once it has said so of all.

        Raises TransientError: nobody knows which of them it has. AuthError: it does not let this client say so there.
        """
        client, properties = self._opened, None
        if self._of.protocol == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = content_type
        mids = []
        for topic, payload in messages:
            info = client.publish(topic, payload, 1, retain, properties)
            if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._raise_ended()
            mids.append(info.mid)
        self._until(lambda: self._answers.keys() >= set(mids), "to what was published")
        return [self._said(topic, self._answers.pop(mid)[0]) for (topic, _), mid in zip(messages, mids, strict=True)]

    def acknowledge(self, mid: int) -> None:
        """Nothing comes of it where the connection is gone: the broker sends the message again."""
        if self._client is not None:
            self._client.ack(mid, 1)
            self._unsettled = True

    def close(self) -> None:
        if self._client is not None:
            if self._unsettled:
                with suppress(TransientError):
                    self._settle(self._client)
            self._client.disconnect()
            self._client.loop(0)  # the library gives its sockets back at the end of a turn
            self._client = None

    def _settle(self, client: Client) -> None:
        """The broker answers in order: what was acknowledged before is done then. Else a client that comes back at once overtakes
        its own acknowledgements."""
        self._unsettled = False
        _, mid = client.unsubscribe(_NOWHERE)
        if mid is not None:
            self._until(partial(self._answers.__contains__, mid), "to the end", _SETTLE_SECONDS)

    # -- what the library calls, from within `turn` ----------------------------------------------------------------------------

    def _on_connect(
        self, _client: Client, _data: object, flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        self._connected, self.resumed = code, flags.session_present
        self.max_bytes = getattr(properties, "MaximumPacketSize", None)

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if self._ended is None:  # the broker's own word comes first, then the library's on the socket
            self._ended = code

    def _on_answer(
        self, _client: Client, _data: object, mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        self._answers[mid] = codes

    def _on_published(
        self, _client: Client, _data: object, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        self._answers[mid] = [code]

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._arrived.append(message)

    # -- errors ----------------------------------------------------------------------------------------------------------------

    @property
    def _opened(self) -> Client:
        if self._client is None:
            raise TransientError(f"{self._where} is not connected")
        return self._client

    @property
    def _where(self) -> str:
        return f"the broker at {self._of.host}:{self._of.port}"

    def _dial(self, client: Client, keep_days: float, window: int | None) -> None:
        properties: Properties | None = None
        if self._of.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = round(keep_days * _DAY_SECONDS)
            if window is not None:
                properties.ReceiveMaximum = window
        try:
            client.connect(
                self._of.host,
                self._of.port,
                self._of.keep_alive_seconds,
                clean_start=not keep_days if properties is not None else 3,
                properties=properties,
            )
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(
                f"{self._where} shows a certificate that is not believed ({error.verify_message}); look at tls.ca and host"
            ) from error
        except ssl.SSLError as error:
            raise TransientError(f"{self._where} does not speak TLS, or breaks it off ({error.reason})") from error
        except OSError as error:
            raise TransientError(
                f"{self._where} cannot be reached ({error.strerror or type(error).__name__})"
            ) from error
        self._until(lambda: self._connected is not None, "to the connection")
        assert self._connected is not None
        if self._connected.is_failure:
            self._refused(self._connected)

    def _until(self, done: Callable[[], bool], what: str, seconds: float | None = None) -> None:
        until = time.monotonic() + (seconds or self._of.timeout_seconds)
        while not done():
            left = until - time.monotonic()
            if left <= 0:
                raise TransientError(f"{self._where} has not answered {what} within {self._of.timeout_seconds:g} s")
            result = self._opened.loop(min(left, 0.2))
            if not done() and (result is not MQTTErrorCode.MQTT_ERR_SUCCESS or self._ended is not None):
                self._raise_ended()

    def _refused(self, code: ReasonCode) -> NoReturn:
        name = str(code)
        if name in _REFUSED:
            raise AuthError(
                f"{self._where} refuses {self._id} ({name}); look at user, password and the broker's rights"
            )
        if name in _AWAY:
            raise TransientError(f"{self._where} takes nobody now ({name})")
        raise ConfigurationError(f"{self._where} refuses the connection ({name}); look at client_id and protocol")

    def _said(self, topic: str, code: ReasonCode) -> Published:
        if str(code) == "Not authorized":
            raise AuthError(f"{self._where} does not let {self._id} say anything at {topic}; have it granted")
        if code.is_failure:
            return Published.LATER if str(code) in _AWAY else Published.NEVER
        return Published.UNHEARD if str(code) == "No matching subscribers" else Published.TAKEN

    def _require_granted(self, topic: str, code: ReasonCode) -> None:
        if code.is_failure:
            said = f"{self._where} does not let {self._id} hear {topic} ({code})"
            raise AuthError(f"{said}; have it granted, or take the topic out")
        if code.value == 0:
            raise ConfigurationError(
                f"{self._where} gives {topic} at QoS 0 only: what comes while nobody is there would be lost. Allow QoS 1"
            )

    def _raise_ended(self) -> NoReturn:
        code, self._ended = self._ended, None
        if code is not None and str(code) == "Session taken over":  # brokers that say so; others just end it
            raise ConfigurationError(
                f"{self._where}: another client is called {self._id}, and has the session now; give each edge its own client_id"
            )
        if code is not None and str(code) in _REFUSED:
            self._refused(code)
        raise TransientError(
            f"{self._where} has ended the connection; if it goes on doing so, see whether another client is called {self._id}"
        )

    def _tls(self) -> ssl.SSLContext:
        tls = self._of.tls
        assert tls is not None
        try:
            context = ssl.create_default_context(cafile=tls.ca)
            context.sslsocket_class = _ClosedIfRefused
            if tls.certificate is not None:
                context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
            return context
        except (OSError, ssl.SSLError, ValueError) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            raise ConfigurationError(
                f"tls: a file of {[tls.ca, tls.certificate, tls.key]} cannot be used ({said})"
            ) from error
