"""No aiokafka error gets out untranslated."""

import inspect

import pytest
from aiokafka import errors as kafka

from jikimi.errors import Fenced, JikimiError, Misconfigured, Poison, Refused, Transient
from jikimi.stream.kafka_errors import MAPPING, translate, translated

THEIRS = [
    kind
    for _, kind in inspect.getmembers(kafka, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__.startswith("aiokafka")
]


@pytest.mark.parametrize("theirs", THEIRS, ids=lambda kind: kind.__name__)
def test_every_error_of_aiokafka_has_a_row_of_its_own(theirs: type[Exception]) -> None:
    assert theirs in MAPPING


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (kafka.KafkaConnectionError(), Transient),
        (kafka.NotEnoughReplicasError(), Transient),
        (TimeoutError(), Transient),
        (ConnectionResetError(), Transient),
        (kafka.CommitFailedError(), Fenced),
        (kafka.MessageSizeTooLargeError(), Poison),
        (kafka.TopicAuthorizationFailedError(), Refused),
        (kafka.InvalidTopicError(), Misconfigured),
    ],
    ids=repr,
)
def test_errors_decide_what_happens_next(theirs: Exception, ours: type[JikimiError]) -> None:
    assert type(translate(theirs, "appending")) is ours


def test_an_error_that_aiokafka_adds_later_is_retried_like_its_parent() -> None:
    class Newer(kafka.CommitFailedError):  # type: ignore[misc] # aiokafka publishes no types
        """Not in the table."""

    assert isinstance(translate(Newer(), "committing"), Fenced)


def test_the_text_says_what_was_tried_and_what_kafka_said() -> None:
    with (
        pytest.raises(Misconfigured, match=r"Kafka, making topic events: .*bad name"),
        translated("making topic events"),
    ):
        raise kafka.InvalidTopicError("bad name")


def test_our_own_errors_pass_untouched() -> None:
    with pytest.raises(Poison, match=r"^mine$"), translated("appending"):
        raise Poison("mine")
