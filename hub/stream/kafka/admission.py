"""Asks once whether Kafka lets this hub in, and says in a sentence why not.

librdkafka goes on trying with a wrong password or certificate: every call of it then ends by a time-out that does not say why.
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
import time

from confluent_kafka import KafkaError, KafkaException, Producer

from hub.errors import FatalError
from hub.settings import Security, Settings, variable
from hub.stream.kafka.secure import secured

_ASK_SECONDS = 15.0
_TURN_SECONDS = 0.2
_ONES_OWN_CERTIFICATE = re.compile(r"alert .*(certificate|unknown ca)")
"""What a broker answers over TLS that does not accept the certificate shown to it."""
_HUNG_UP = re.compile(r"SSL connection closed by peer.* in state UP")
_OFTEN = 3
_AROUND = re.compile(r"^\S+/\w+: | \(after \d+ms in state \w+\)$")
"""What librdkafka writes before and behind a reason."""
_ASKED: set[frozenset[tuple[str, str]]] = set()
"""The brokers that this process has asked, each with the settings by which it asked."""


def require_admission(settings: Settings) -> None:
    """Return if Kafka lets this hub in, or if nobody answers: waiting for Kafka is for the caller to do.

    Asks once in a process, before its first client; blocks for some milliseconds, 15 s at most. Raises FatalError if
    one of the two turns the other away, or if something that the settings name cannot be used.
    """
    config = {"bootstrap.servers": settings.bootstrap_servers, **secured(settings)}
    door = frozenset(config.items())
    if door not in _ASKED:
        _ask(settings, config)
        _ASKED.add(door)


def refusal(settings: Settings, error: KafkaError) -> str | None:
    """A sentence on what this connection error says of the settings, with the way out; None if it says nothing of
    them."""
    kafka, why = f"Kafka at {settings.bootstrap_servers}", _AROUND.sub("", error.str())
    if error.code() == KafkaError._AUTHENTICATION:
        return f"{kafka} does not let this hub in ({why}): check {_credentials(settings)}"
    if error.code() == KafkaError._SSL:
        return f"the certificate of {kafka} is not to be trusted ({why}): check {variable('kafka_ca')}"
    if error.code() == KafkaError._TRANSPORT and _ONES_OWN_CERTIFICATE.search(why):
        own = f"{variable('kafka_certificate')} and {variable('kafka_key')}"
        return f"{kafka} does not accept this hub's certificate, or asks for one ({why}): check {own}"
    return None


def _credentials(settings: Settings) -> str:
    fields = ["kafka_user", "kafka_password"]
    if settings.kafka_security is Security.OAUTH:
        fields.append("kafka_token_url")
    return ", ".join(variable(field) for field in fields)


def _ask(settings: Settings, config: dict[str, str]) -> None:
    heard = _Heard()
    logger = logging.Logger("admission")  # one of its own: what is heard here is not for the log
    logger.addHandler(heard)
    try:
        producer = Producer({**config, "log_level": 6, "logger": logger, "error_cb": heard.errors.append})
    except KafkaException as error:
        raise FatalError(f"what {variable('kafka_*')} names cannot be used: {error.args[0].str()}") from error
    until = time.monotonic() + _ASK_SECONDS
    while time.monotonic() < until:
        try:
            producer.list_topics(timeout=_TURN_SECONDS)
        except KafkaException:
            producer.poll(0)
        else:
            return
        if why := heard.refusal(settings):
            raise FatalError(why)
        if heard.nobody_is_there():
            return


class _Heard(logging.Handler):
    """Collects what librdkafka says of its connections, as errors and in its log."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[KafkaError] = []
        self._hung_up = 0

    def emit(self, record: logging.LogRecord) -> None:
        self._hung_up += _HUNG_UP.search(record.getMessage()) is not None

    def refusal(self, settings: Settings) -> str | None:
        if why := next((why for error in self.errors if (why := refusal(settings, error))), None):
            return why
        kafka, security = f"Kafka at {settings.bootstrap_servers}", variable("kafka_security")
        if self._hung_up >= _OFTEN:
            return f"{kafka} does not speak with {security}={settings.kafka_security}: set what its listener asks for"
        if (
            settings.kafka_security is Security.PLAINTEXT
            and self._is_down()
            and _speaks_tls(settings.bootstrap_servers)
        ):
            return f"{kafka} speaks TLS, and this hub would not: set {security} to tls, scram or oauth"
        return None

    def nobody_is_there(self) -> bool:
        """True if no address of the brokers can be connected to."""
        return self._is_down() and any(e.code() in (KafkaError._TRANSPORT, KafkaError._RESOLVE) for e in self.errors)

    def _is_down(self) -> bool:
        return any(error.code() == KafkaError._ALL_BROKERS_DOWN for error in self.errors)


def _speaks_tls(bootstrap_servers: str) -> bool:
    """True if the server at the first address shows a certificate, to be trusted or not."""
    host, _, port = bootstrap_servers.split(",", 1)[0].strip().rpartition(":")
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.check_hostname, looking.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=1.0) as plain:
            looking.wrap_socket(plain).close()
    except (OSError, ValueError):
        return False
    return True
