"""What this process counts for its operator: numbers of this process alone, and of nobody in particular."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

# One of our own: the library's default adds what it finds out about the machine.
_registry = CollectorRegistry()
sockets = Gauge("messenger_sockets", "Sockets that are open.", registry=_registry)
accepted = Counter("messenger_messages_accepted", "Messages that were accepted for delivery.", registry=_registry)
delivered = Counter("messenger_envelopes_delivered", "Envelopes that a device acknowledged.", registry=_registry)
_unreadable = Counter(
    "messenger_envelopes_unreadable",
    "Envelopes that a device could not read, by the protocol's name for the cause.",
    ["cause"],
    registry=_registry,
)


def unreadable(causes: Iterable[str]) -> None:
    """Count envelopes that could not be read. Causes are of a closed set: each is a row for good."""
    for cause in causes:
        _unreadable.labels(cause).inc()


def text() -> bytes:
    """Everything, in Prometheus's text format."""
    return generate_latest(_registry)


def value(name: str, **labels: str) -> float:
    """One number, for tests."""
    return _registry.get_sample_value(name, labels) or 0.0
