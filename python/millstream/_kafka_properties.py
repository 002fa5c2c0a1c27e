"""Properties of Kafka's Java client, by which programs are configured, as settings of the engine's source and sink.

Answers for those that mean something here. What is not among them is handed on to librdkafka, which knows most by
the same names and refuses the others by name.
Holds: nothing is dropped in silence, and no password is in a message.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Tuple

Named = List[Tuple[str, str]]
_As = Callable[[str, str], str]


def _same(name: str, value: str) -> str:
    return value


def _millis(name: str, value: str) -> str:
    return f"{_number(name, value)} ms"


def _bytes(name: str, value: str) -> str:
    return f"{_number(name, value)} B"


def _number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"the Kafka property {name} is a whole number, {value!r} was given") from None


def _never(name: str, value: str) -> str:
    """A time of which -1 says that it is not done at all."""
    return "0 ms" if _number(name, value) < 0 else f"{value} ms"


def _word(name: str, value: str) -> str:
    return value.strip().lower().replace("_", "-")


def _pem(name: str, value: str) -> str:
    if value.lower().endswith((".jks", ".p12", ".pfx")):
        raise ValueError(f"the Kafka property {name} names a key store of Java's: a PEM file is what is read here")
    return value


_CONNECTION: Dict[str, Tuple[str, _As]] = {
    "client.id": ("client-id", _same),
    "security.protocol": ("security", _word),
    "sasl.mechanism": ("sasl-mechanism", _same),
    "sasl.mechanisms": ("sasl-mechanism", _same),
    "sasl.username": ("sasl-user", _same),
    "sasl.password": ("sasl-password", _same),
    "ssl.ca.location": ("tls-ca", _pem),
    "ssl.truststore.location": ("tls-ca", _pem),
    "ssl.certificate.location": ("tls-certificate", _pem),
    "ssl.keystore.location": ("tls-certificate", _pem),
    "ssl.key.location": ("tls-key", _pem),
}
READING: Dict[str, Tuple[str, _As]] = {
    **_CONNECTION,
    "group.id": ("group", _same),
    "isolation.level": ("isolation", _word),
    "partition.discovery.interval.ms": ("discovery-interval", _never),
    "fetch.min.bytes": ("fetch-min", _bytes),
    "fetch.max.wait.ms": ("fetch-wait", _millis),
    "fetch.wait.max.ms": ("fetch-wait", _millis),
}
WRITING: Dict[str, Tuple[str, _As]] = {
    **_CONNECTION,
    "transaction.timeout.ms": ("transaction-timeout", _millis),
    "delivery.timeout.ms": ("delivery-timeout", _millis),
    "message.timeout.ms": ("delivery-timeout", _millis),
    "linger.ms": ("linger", _millis),
    "compression.type": ("compression", _word),
    "buffer.memory": ("send-buffer", _bytes),
    "batch.size": ("batch-size", _bytes),
    "max.request.size": ("record-max", _bytes),
}
_SCHEMAS = "the schema that the source or sink is given says how bytes and records become each other"
_POSITIONS = "positions are in the job's checkpoints"
_WITHOUT_EFFECT: Dict[str, str] = {
    "key.deserializer": _SCHEMAS,
    "value.deserializer": _SCHEMAS,
    "key.serializer": _SCHEMAS,
    "value.serializer": _SCHEMAS,
    "auto.offset.reset": "the program itself says where reading begins",
    "enable.auto.commit": _POSITIONS,
    "auto.commit.interval.ms": _POSITIONS,
    "max.poll.records": "records are taken as they come",
    "register.consumer.metrics": "the client's own metrics are not registered",
    "register.producer.metrics": "the client's own metrics are not registered",
    "enable.idempotence": "so it is in any case",
    "ssl.truststore.type": "PEM files are read",
    "ssl.keystore.type": "PEM files are read",
}
_LOGIN = re.compile(r"""(username|password)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;]+))""")


def text(name: Any, value: Any) -> Tuple[str, str]:
    """A name and a value as text; numbers and truth values are written as Java does."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"the name of a Kafka property is text, {name!r} was given")
    if isinstance(value, bool):
        return name, str(value).lower()
    if not isinstance(value, (str, int, float)):
        raise TypeError(f"the value of the Kafka property {name} is text, one of type {type(value).__name__} was given")
    return name, str(value)


def translated(properties: Dict[str, str], known: Dict[str, Tuple[str, _As]]) -> Tuple[Named, Named]:
    """Settings of the engine's, and properties that are handed on."""
    settings: Named = []
    others: Named = []
    for name, value in properties.items():
        if name in known:
            setting, read = known[name]
            settings.append((setting, read(name, value)))
        elif name == "sasl.jaas.config":
            settings.extend(_login(value))
        elif name == "acks":
            if value not in ("all", "-1"):
                raise ValueError(f"acks is all for whatever a job promises to keep, {value!r} was given")
        elif name in _WITHOUT_EFFECT:
            from millstream.flink._notices import without_effect

            without_effect(f"the Kafka property {name}", _WITHOUT_EFFECT[name])
        elif "." not in name:
            # A setting of the engine's by its own name, or one that it refuses.
            settings.append((name, value))
        else:
            others.append((name, value))
    return settings, others


def _login(value: str) -> Named:
    found = {}
    for name, *quoted in _LOGIN.findall(value):
        found[name] = re.sub(r"\\(.)", r"\1", next((one for one in quoted if one), ""))
    if set(found) != {"username", "password"}:
        raise ValueError(
            "the Kafka property sasl.jaas.config is to name a user and a password, as in "
            '... required username="..." password="...";'
        )
    return [("sasl-user", found["username"]), ("sasl-password", found["password"])]
