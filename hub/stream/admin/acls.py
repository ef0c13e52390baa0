"""Asks the broker which rights its users have, and grants and takes away rights; makes users with passwords."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from hub.errors import FatalError
from hub.settings import Settings, variable
from hub.stream.admin.rights import Resource, Right, RightOperation
from hub.stream.kafka.client import client_config, translated

_TIMEOUT_SECONDS = 30.0
_ITERATIONS = 4096
_RESOURCES = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.TRANSACTION: ResourceType.TRANSACTIONAL_ID,
}
_RESOURCES_BACK = {kafkas: ours for ours, kafkas in _RESOURCES.items()}
_OPERATIONS = {each: AclOperation[each.name] for each in RightOperation}
_OPERATIONS_BACK = {kafkas: ours for ours, kafkas in _OPERATIONS.items()}
_PRINCIPAL = "User:"
_ANYWHERE = "*"


class RightsDifference(NamedTuple):
    """How one user's rights differ from the wanted ones: those missing, and those beyond."""

    lacks: frozenset[Right]
    extra: frozenset[Right]


class Acls:
    """The rights and users of one broker. Every method raises FatalError if the broker has no authoriser or forbids
    the question, and RetriableError if it does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = AdminClient(client_config(settings, "acl"))

    def differences(self, wanted: Mapping[str, Collection[Right]]) -> dict[str, RightsDifference]:
        """How the rights of these users differ from those wanted, by user. Only rights within this hub's namespace
        count as extra."""
        return {user: _difference(self._settings, set(rights), self._held(user)) for user, rights in wanted.items()}

    def grant(self, user: str, rights: Iterable[Right]) -> None:
        """Grant these rights to the user."""
        bindings = [_binding(user, right) for right in rights]
        if bindings:
            self._each("granting rights", self._client.create_acls(bindings, request_timeout=_TIMEOUT_SECONDS))

    def revoke(self, user: str, rights: Iterable[Right]) -> None:
        """Take these rights away from the user."""
        filters = [_filter(user, right) for right in rights]
        if filters:
            self._each("taking rights away", self._client.delete_acls(filters, request_timeout=_TIMEOUT_SECONDS))

    def without_password(self, users: Iterable[str]) -> list[str]:
        """The users among these that have no password."""
        asked = list(users)
        answers = self._client.describe_user_scram_credentials(asked, request_timeout=_TIMEOUT_SECONDS)
        return [user for user in asked if not _has_password(answers[user])]

    def set_password(self, user: str, password: str) -> None:
        """Set the user's password. The broker keeps only a hash."""
        hashed = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        wanted = UserScramCredentialUpsertion(user, hashed, password.encode())
        answers = self._client.alter_user_scram_credentials([wanted], request_timeout=_TIMEOUT_SECONDS)
        self._each("setting a password", answers)

    def _held(self, user: str) -> set[Right]:
        asked = AclBindingFilter(
            ResourceType.ANY, None, ResourcePatternType.ANY, _PRINCIPAL + user, None, AclOperation.ANY, AclPermissionType.ALLOW
        )  # fmt: skip
        found = self._result("asking for rights", self._client.describe_acls(asked, request_timeout=_TIMEOUT_SECONDS))
        return {right for each in found if (right := _right(each)) is not None}

    def _each(self, what: str, answers: Mapping[Any, Any]) -> None:
        for answer in answers.values():
            self._result(what, answer)

    def _result(self, what: str, answer: Any) -> Any:
        try:
            return answer.result(_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise self._said(what, error.args[0]) from error

    def _said(self, what: str, error: KafkaError) -> Exception:
        kafka = f"Kafka at {self._settings.bootstrap_servers}"
        if error.code() == KafkaError.SECURITY_DISABLED:
            return FatalError(
                f"{kafka} lets everybody do everything (it has no authorizer.class.name): see docs/security.md"
            )
        if error.code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED:
            who = f"{variable('kafka_user')} or {variable('kafka_certificate')}"
            return FatalError(f"{kafka} lets only its administrators see and grant rights: name one with {who}")
        return translated(error, what)


def _has_password(answer: Any) -> bool:
    try:
        return bool(answer.result(_TIMEOUT_SECONDS).scram_credential_infos)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.RESOURCE_NOT_FOUND:
            return False
        raise translated(error.args[0], "asking who has a password") from error


def _difference(settings: Settings, wanted: set[Right], granted: set[Right]) -> RightsDifference:
    extra = {right for right in granted - wanted if right.name.startswith(settings.namespace)}
    return RightsDifference(frozenset(wanted - granted), frozenset(extra))


def _pattern(right: Right) -> ResourcePatternType:
    return ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL


def _binding(user: str, right: Right) -> AclBinding:
    return AclBinding(
        _RESOURCES[right.resource], right.name, _pattern(right), _PRINCIPAL + user, _ANYWHERE,
        _OPERATIONS[right.operation], AclPermissionType.ALLOW,
    )  # fmt: skip


def _filter(user: str, right: Right) -> AclBindingFilter:
    return AclBindingFilter(
        _RESOURCES[right.resource], right.name, _pattern(right), _PRINCIPAL + user, _ANYWHERE,
        _OPERATIONS[right.operation], AclPermissionType.ALLOW,
    )  # fmt: skip


def _right(binding: AclBinding) -> Right | None:
    """The broker's right as a Right, or None for a kind that no role of a hub has."""
    resource = _RESOURCES_BACK.get(binding.restype)
    operation = _OPERATIONS_BACK.get(binding.operation)
    if resource is None or operation is None:
        return None
    prefixed = binding.resource_pattern_type is ResourcePatternType.PREFIXED
    return Right(resource, binding.name, operation, prefixed)
