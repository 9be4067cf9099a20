"""aiokafka's errors in our words. Every one of them has a row here; tests/stream/test_kafka_errors.py checks it."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import errors as kafka

from jikimi.errors import Fenced, JikimiError, Misconfigured, Poison, Refused, Transient

_ROWS: dict[type[JikimiError], tuple[type[Exception], ...]] = {
    Fenced: (
        kafka.CommitFailedError,
        kafka.IllegalGenerationError,
        kafka.IllegalStateError,
        kafka.MemberIdRequired,
        kafka.RebalanceInProgressError,
        kafka.UnknownMemberIdError,
    ),
    Poison: (
        kafka.InvalidTimestampError,
        kafka.MessageSizeTooLargeError,
        kafka.OffsetMetadataTooLargeError,
        kafka.InvalidCommitOffsetSizeError,
        kafka.RecordListTooLargeError,
        kafka.RecordTooLargeError,
    ),
    Refused: (
        kafka.AuthenticationFailedError,
        kafka.ClusterAuthorizationFailedError,
        kafka.DelegationTokenAuthorizationFailed,
        kafka.DelegationTokenExpired,
        kafka.DelegationTokenNotFound,
        kafka.DelegationTokenOwnerMismatch,
        kafka.GroupAuthorizationFailedError,
        kafka.SaslAuthenticationFailed,
        kafka.TopicAuthorizationFailedError,
        kafka.TransactionalIdAuthorizationFailed,
    ),
    Misconfigured: (
        kafka.AuthenticationMethodNotSupported,
        kafka.DelegationTokenAuthDisabled,
        kafka.DelegationTokenRequestNotAllowed,
        kafka.IllegalArgumentError,
        kafka.IllegalOperation,
        kafka.IllegalSaslStateError,
        kafka.IncompatibleBrokerVersion,
        kafka.InconsistentGroupProtocolError,
        kafka.InvalidConfigurationError,
        kafka.InvalidGroupIdError,
        kafka.InvalidPartitionsError,
        kafka.InvalidPrincipalType,
        kafka.InvalidReplicationAssignmentError,
        kafka.InvalidReplicationFactorError,
        kafka.InvalidRequestError,
        kafka.InvalidRequiredAcksError,
        kafka.InvalidSessionTimeoutError,
        kafka.InvalidTopicError,
        kafka.InvalidTransactionTimeout,
        kafka.KafkaConfigurationError,
        kafka.PolicyViolationError,
        kafka.SecurityDisabled,
        kafka.TopicAlreadyExistsError,
        kafka.UnrecognizedBrokerVersion,
        kafka.UnsupportedCodecError,
        kafka.UnsupportedForMessageFormatError,
        kafka.UnsupportedSaslMechanismError,
        kafka.UnsupportedVersionError,
    ),
    Transient: (
        OSError,  # with TimeoutError below it
        kafka.BrokerNotAvailableError,
        kafka.BrokerResponseError,
        kafka.Cancelled,
        kafka.ConcurrentTransactions,
        kafka.ConsumerStoppedError,
        kafka.CoordinatorLoadInProgressError,
        kafka.CoordinatorNotAvailableError,
        kafka.CorrelationIdError,
        kafka.CorruptRecordException,
        kafka.DuplicateSequenceNumber,
        kafka.FetchSessionIdNotFound,
        kafka.GroupCoordinatorNotAvailableError,
        kafka.GroupIdNotFound,
        kafka.GroupLoadInProgressError,
        kafka.InvalidFetchRequestError,
        kafka.InvalidFetchSessionEpoch,
        kafka.InvalidMessageError,
        kafka.InvalidProducerEpoch,
        kafka.InvalidProducerIdMapping,
        kafka.InvalidTxnState,
        kafka.KafkaConnectionError,
        kafka.KafkaError,
        kafka.KafkaProtocolError,
        kafka.KafkaStorageError,
        kafka.KafkaTimeoutError,
        kafka.KafkaUnavailableError,
        kafka.LeaderNotAvailableError,
        kafka.ListenerNotFound,
        kafka.LogDirNotFound,
        kafka.MetadataEmptyBrokerList,
        kafka.NoBrokersAvailable,
        kafka.NodeNotReadyError,
        kafka.NoError,
        kafka.NonEmptyGroup,
        kafka.NoOffsetForPartitionError,
        kafka.NotControllerError,
        kafka.NotCoordinatorError,
        kafka.NotCoordinatorForGroupError,
        kafka.NotEnoughReplicasAfterAppendError,
        kafka.NotEnoughReplicasError,
        kafka.NotLeaderForPartitionError,
        kafka.OffsetOutOfRangeError,
        kafka.OperationNotAttempted,
        kafka.OutOfOrderSequenceNumber,
        kafka.ProducerClosed,
        kafka.ProducerFenced,
        kafka.QuotaViolationError,
        kafka.ReassignmentInProgress,
        kafka.ReplicaNotAvailableError,
        kafka.RequestTimedOutError,
        kafka.StaleControllerEpochError,
        kafka.StaleLeaderEpochCodeError,
        kafka.StaleMetadata,
        kafka.TooManyInFlightRequests,
        kafka.TransactionCoordinatorFenced,
        kafka.UnknownError,
        kafka.UnknownProducerId,
        kafka.UnknownTopicOrPartitionError,
    ),
}

MAPPING: dict[type[Exception], type[JikimiError]] = {theirs: ours for ours, row in _ROWS.items() for theirs in row}

BREAKS_PRODUCER = (
    kafka.InvalidProducerEpoch,
    kafka.InvalidProducerIdMapping,
    kafka.OutOfOrderSequenceNumber,
    kafka.ProducerClosed,
    kafka.ProducerFenced,
    kafka.UnknownProducerId,
)
"""After these an idempotent producer never sends again: it must be made anew."""


def translate(error: Exception, doing: str) -> JikimiError:
    """The nearest row in the error's ancestry decides."""
    ours = next(MAPPING[kind] for kind in type(error).__mro__ if kind in MAPPING)
    detail = " ".join(str(error).split()) or type(error).__name__
    return ours(f"Kafka, {doing}: {detail}")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Let aiokafka's errors out as ours; `doing` says what was tried."""
    try:
        yield
    except (kafka.KafkaError, kafka.ConsumerStoppedError, kafka.IllegalOperation, OSError) as error:
        raise translate(error, doing) from error
