"""Fixtures of several rooms."""

from tests.integration.kafka.broker import kafka_broker

__all__ = ["kafka_broker"]
