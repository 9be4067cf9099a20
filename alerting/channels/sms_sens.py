"""SMS through Naver Cloud SENS, SMS API v2, as its published contract has it.

Source: https://api.ncloud-docs.com/docs/sens-overview, /sens-sms-send, /sens-sms-list, /sens-sms-get (read 2026-11):
signature `HMAC-SHA256(secret, "METHOD URI\\nTIMESTAMP\\nACCESS_KEY")` in base64, clock within five minutes, at most 100
recipients a request, SMS 90 bytes and LMS 2,000 in EUC-KR (longer is cut by the vendor, an unknown character makes the
send fail), sender numbers registered beforehand, 202 = taken over.

SENS has no idempotency key. After an attempt of unknown outcome we ask instead: the list of requests of those minutes,
then each message's content, which holds a link that exists once.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import httpx

from alerting.channels.port import (
    Accepted,
    Delivered,
    NotFound,
    Outcome,
    OutgoingMessage,
    Receipt,
    Refusal,
    TryLater,
    Unknown,
)
from alerting.euckr import LMS_BYTES, LMS_SUBJECT_BYTES, SMS_BODY_BYTES, encoded_length
from alerting.settings import AlertSettings
from jikimi.clock import Clock

_SEOUL = ZoneInfo("Asia/Seoul")
_BEFORE = timedelta(minutes=1)
_AFTER = timedelta(minutes=3)
_LISTED_AT_ONCE = 50
"""A list this long may have further pages: then its silence proves nothing."""


def signature(secret: str, *, method: str, uri: str, timestamp: str, access_key: str) -> str:
    """The header `x-ncp-apigw-signature-v2`; `uri` is path and query, `timestamp` milliseconds since 1970."""
    text = f"{method} {uri}\n{timestamp}\n{access_key}"
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


class SensChannel:
    """One SENS project."""

    name = "sens"
    kind: Literal["sms"] = "sms"
    resend_is_safe = False

    def __init__(self, settings: AlertSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._messages = f"/sms/v2/services/{quote(settings.sens_service_id, safe=':')}/messages"
        self._http = httpx.AsyncClient(base_url=settings.sens_url, timeout=settings.send_timeout_seconds)

    async def send(self, message: OutgoingMessage) -> Outcome:
        try:
            to = domestic_number(message.to)
            body = _request(message, sender=_digits(self._settings.sens_from), to=to)
        except ValueError as error:
            return Refusal(str(error))
        try:
            answer = await self._call("POST", self._messages, body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return TryLater(f"SENS cannot be reached: {type(error).__name__}")
        except httpx.HTTPError as error:
            return Unknown(f"the connection to SENS was lost: {type(error).__name__}")
        return _outcome(answer)

    async def receipt(self, ref: str) -> Receipt | None:
        """`ref` is the request id; one request holds one message."""
        listed = await self._ask(f"{self._messages}?{urlencode({'requestId': ref})}")
        for message in _messages_of(listed):
            if message.get("status") != "COMPLETED":
                return None
            words = f"{message.get('statusCode', '')} {message.get('statusMessage', '')}".strip()
            return Delivered(words) if message.get("statusName") == "success" else Refusal(words)
        return None

    async def find(self, message: OutgoingMessage, attempted_at: datetime) -> Accepted | NotFound | None:
        window = {
            "requestStartTime": _seoul(attempted_at - _BEFORE),
            "requestEndTime": _seoul(attempted_at + _AFTER),
        }
        listed = await self._ask(f"{self._messages}?{urlencode(window, quote_via=quote)}")
        if listed is None:
            return None
        candidates = _messages_of(listed)
        to = domestic_number(message.to)
        for candidate in candidates:
            if candidate.get("to") != to:
                continue
            shown = await self._ask(f"{self._messages}/{quote(str(candidate.get('messageId')))}")
            if shown is None:
                return None
            if any(one.get("content") == message.body for one in _messages_of(shown)):
                return Accepted(ref=str(candidate.get("requestId", "")), detail="found at the provider afterwards")
        incomplete = len(candidates) >= _LISTED_AT_ONCE or bool(listed.get("hasMore"))
        return None if incomplete else NotFound()

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, uri: str) -> dict[str, Any] | None:
        """A successful answer's object, or None: asking can wait."""
        try:
            answer = await self._call("GET", uri)
            document = answer.json() if answer.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    async def _call(self, method: str, uri: str, body: dict[str, Any] | None = None) -> httpx.Response:
        timestamp = str(int(self._clock().timestamp() * 1000))
        access_key = self._settings.sens_access_key.get_secret_value()
        signed = signature(
            self._settings.sens_secret_key.get_secret_value(),
            method=method,
            uri=uri,
            timestamp=timestamp,
            access_key=access_key,
        )
        headers = {
            "x-ncp-apigw-timestamp": timestamp,
            "x-ncp-iam-access-key": access_key,
            "x-ncp-apigw-signature-v2": signed,
        }
        return await self._http.request(method, uri, json=body, headers=headers)


def domestic_number(text: str) -> str:
    """`010…` from any usual spelling of a Korean number. Raises ValueError, without the number, for anything else."""
    digits = _digits(text)
    if text.strip().startswith("+"):
        if not digits.startswith("82"):
            raise ValueError("not a Korean telephone number: write it as 010-… or +82 10-…")
        digits = "0" + digits[2:].lstrip("0")
    if not (digits.startswith("0") and 9 <= len(digits) <= 11):
        raise ValueError("not a Korean telephone number: write it as 010-… or +82 10-…")
    return digits


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isascii() and character.isdigit())


def _request(message: OutgoingMessage, *, sender: str, to: str) -> dict[str, Any]:
    """The request's body. Raises ValueError when the text would be cut or refused."""
    length = encoded_length(message.body)
    limit = LMS_BYTES if message.subject else SMS_BODY_BYTES
    if length > limit:
        raise ValueError(f"the text is {length} bytes in EUC-KR, {limit} are sent uncut")
    if encoded_length(message.subject) > LMS_SUBJECT_BYTES:
        raise ValueError(f"the subject is more than {LMS_SUBJECT_BYTES} bytes in EUC-KR")
    body: dict[str, Any] = {
        "type": "LMS" if message.subject else "SMS",
        "contentType": "COMM",
        "countryCode": "82",
        "from": sender,
        "content": message.body,
        "messages": [{"to": to}],
    }
    return body | ({"subject": message.subject} if message.subject else {})


def _outcome(answer: httpx.Response) -> Outcome:
    try:
        document = answer.json()
    except ValueError:
        document = {}
    words = _vendor_words(answer.status_code, document)
    status = answer.status_code
    if status == httpx.codes.ACCEPTED:
        ref = document.get("requestId")
        return Accepted(ref=str(ref), detail=words) if ref else Unknown(f"{words}: an answer without a request id")
    if status in (401, 403, 404, 408, 429, 503):  # our keys, clock, project or rate: the message itself is fine
        return TryLater(words)
    return Unknown(words) if status >= 500 else Refusal(words)


def _vendor_words(status: int, document: Any) -> str:
    if not isinstance(document, dict):
        return str(status)
    error = document.get("error")
    inner = error.get("message", "") if isinstance(error, dict) else ""
    said = inner or document.get("errorMessage") or document.get("statusName") or ""
    listed = document.get("errors")
    reasons = "; ".join(str(reason) for reason in listed[:3]) if isinstance(listed, list) else ""
    return " ".join(part for part in (str(status), str(said), reasons) if part)[:300]


def _messages_of(document: dict[str, Any] | None) -> list[dict[str, Any]]:
    listed = (document or {}).get("messages")
    return [message for message in listed if isinstance(message, dict)] if isinstance(listed, list) else []


def _seoul(moment: datetime) -> str:
    return moment.astimezone(_SEOUL).strftime("%Y-%m-%d %H:%M:%S")
