"""A SENS that runs here: verifies what the vendor's gateway verifies, answers as it does, sends nothing.

Contract: see alerting/channels/sms_sens.py. Text longer than the type allows is cut, as the vendor does, and marked; a
character outside EUC-KR is taken over and then fails, as the vendor's documentation has it.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote
from uuid import uuid4
from zoneinfo import ZoneInfo

from alerting.euckr import LMS_BYTES, SMS_BYTES, byte_length, cut, to_euckr
from jikimi.clock import Clock

Fault = Literal["unavailable", "too_many", "drop_before", "drop_after", "server_error"]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_SEOUL = ZoneInfo("Asia/Seoul")
_WINDOW = timedelta(minutes=5)
_MOST_RECIPIENTS = 100
_LARGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """One project at the vendor."""

    service_id: str = "ncp:sms:kr:000000000000:sandbox"
    access_key: str = "sandbox-access-key"
    secret_key: str = "sandbox-secret-key"  # noqa: S105 -- opens nothing but this sandbox
    senders: tuple[str, ...] = ("0200000000",)


@dataclass(frozen=True, slots=True)
class SandboxSms:
    """One message that the sandbox took over. `failure` is the vendor's reason why the handset never got it."""

    request_id: str
    message_id: str
    requested_at: str
    type: str
    sender: str
    to: str
    subject: str
    content: str
    was_cut: bool
    failure: str


@dataclass(slots=True)
class SensSandbox:
    """An ASGI application and its memory. `journal` keeps the messages over a restart, one JSON object a line."""

    account: SandboxAccount
    clock: Clock
    journal: Path
    faults: deque[Fault] = field(default_factory=deque)
    """What goes wrong with the next sends, one each."""
    latency: float = 0.0
    """Seconds between taking a message over and saying so."""
    unreachable: set[str] = field(default_factory=set)
    """Numbers whose handset never gets anything."""
    messages: list[SandboxSms] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.journal.exists():
            with self.journal.open(encoding="utf-8") as lines:
                self.messages.extend(SandboxSms(**json.loads(line)) for line in lines)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _whole_body(receive)
        path = unquote(scope["path"])
        fault = self.faults.popleft() if scope["method"] == "POST" and self.faults else None
        if fault in ("unavailable", "too_many", "server_error"):
            await _answer(send, {"unavailable": 503, "too_many": 429, "server_error": 500}[fault], {})
            return
        if fault == "drop_before":
            await _hang_up(send)
            return
        status, document = self._respond(scope, path, body)
        await asyncio.sleep(self.latency)
        if fault == "drop_after":
            await _hang_up(send)
        else:
            await _answer(send, status, document)

    def _respond(self, scope: Scope, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        refused = self._authenticate(scope)
        if refused:
            return 401, {"error": {"errorCode": "200", "message": "Authentication Failed", "details": refused}}
        root = f"/sms/v2/services/{self.account.service_id}/messages"
        if path == root and scope["method"] == "POST":
            return self._take(body)
        if path == root and scope["method"] == "GET":
            return self._list(parse_qs(scope["query_string"].decode()))
        if path.startswith(root + "/") and scope["method"] == "GET":
            found = [one for one in self.messages if one.message_id == path.removeprefix(root + "/")]
            return 200, {"statusCode": "200", "statusName": "success", "messages": [_shown(one) for one in found]}
        return 404, {"error": {"errorCode": "300", "message": "Not Found Exception", "details": "URL not found."}}

    def _authenticate(self, scope: Scope) -> str:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        stamp = headers.get("x-ncp-apigw-timestamp", "")
        if not stamp.isdigit():
            return "Invalid timestamp."
        if abs(self.clock().timestamp() * 1000 - int(stamp)) > _WINDOW.total_seconds() * 1000:
            return "Expired timestamp."
        if headers.get("x-ncp-iam-access-key") != self.account.access_key:
            return "Invalid access key."
        query = scope["query_string"].decode()
        uri = scope["raw_path"].decode().partition("?")[0] + (f"?{query}" if query else "")
        text = f"{scope['method']} {uri}\n{stamp}\n{self.account.access_key}"
        expected = hmac.new(self.account.secret_key.encode(), text.encode(), hashlib.sha256).digest()
        given = headers.get("x-ncp-apigw-signature-v2", "")
        return "" if hmac.compare_digest(base64.b64encode(expected).decode(), given) else "Invalid signature."

    def _take(self, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            document = json.loads(body)
        except ValueError:
            return _invalid("The request body is not JSON.")
        errors = self._errors_of(document) if isinstance(document, dict) else ["The request body is not an object."]
        if errors:
            return _invalid(*errors)
        request_id = f"SANDBOX-{uuid4().hex}"
        now = self.clock().astimezone(_SEOUL)
        for message in document["messages"]:
            self._remember(document, message, request_id, now)
        return 202, {
            "requestId": request_id,
            "requestTime": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            "statusCode": "202",
            "statusName": "success",
        }

    def _errors_of(self, document: dict[str, Any]) -> list[str]:
        errors = []
        messages = document.get("messages")
        if document.get("type") not in ("SMS", "LMS"):
            errors.append("The type must be SMS or LMS.")
        if document.get("from") not in self.account.senders:
            errors.append("The sender(from) is not a registered calling number.")
        if not isinstance(document.get("content"), str) or not document["content"]:
            errors.append("The content must not be empty.")
        if document.get("type") == "SMS" and document.get("subject"):
            errors.append("The subject is available for LMS and MMS only.")
        if not isinstance(messages, list) or not 1 <= len(messages) <= _MOST_RECIPIENTS:
            return [*errors, f"The messages must have 1 to {_MOST_RECIPIENTS} entries."]
        if not all(isinstance(one, dict) and _is_number(one.get("to")) for one in messages):
            errors.append("The receiver(to) must be numeric and cannot exceed 25 characters.")
        return errors

    def _remember(self, document: dict[str, Any], message: dict[str, Any], request_id: str, now: datetime) -> None:
        text = str(message.get("content") or document["content"])
        limit = SMS_BYTES if document["type"] == "SMS" else LMS_BYTES
        strange = any(byte_length(character) is None for character in text)
        kept = cut(to_euckr(text) if strange else text, limit)
        failure = "3019 unsupported character" if strange else ""
        taken = SandboxSms(
            request_id=request_id,
            message_id=uuid4().hex,
            requested_at=now.strftime("%Y-%m-%d %H:%M:%S"),
            type=document["type"],
            sender=document["from"],
            to=message["to"],
            subject=str(message.get("subject") or document.get("subject") or ""),
            content=kept,
            was_cut=not strange and kept != text,
            failure=failure or ("3001 handset unreachable" if message["to"] in self.unreachable else ""),
        )
        self.messages.append(taken)
        with self.journal.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(taken), ensure_ascii=False) + "\n")

    def _list(self, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        request_id = query.get("requestId", [""])[0]
        start, end = query.get("requestStartTime", [""])[0], query.get("requestEndTime", [""])[0]
        if not request_id and not (start and end):
            return _invalid("One of requestId, requestStartTime and requestEndTime is required.")
        found = [
            one
            for one in self.messages
            if (one.request_id == request_id if request_id else start <= one.requested_at <= end)
        ]
        listed = [{key: value for key, value in _shown(one).items() if key != "content"} for one in found[:50]]
        return 200, {
            "statusCode": "202",
            "statusName": "success",
            "messages": listed,
            "itemCount": len(listed),
            "hasMore": len(found) > len(listed),
        }


def _shown(one: SandboxSms) -> dict[str, Any]:
    code, _, words = one.failure.partition(" ")
    return {
        "requestId": one.request_id,
        "messageId": one.message_id,
        "requestTime": one.requested_at,
        "contentType": "COMM",
        "type": one.type,
        "countryCode": "82",
        "from": one.sender,
        "to": one.to,
        "subject": one.subject,
        "content": one.content,
        "completeTime": one.requested_at,
        "telcoCode": "ETC",
        "status": "COMPLETED",
        "statusCode": code or "0",
        "statusName": "fail" if code else "success",
        "statusMessage": words or "success",
    }


def _is_number(text: Any) -> bool:
    return isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 25


def _invalid(*errors: str) -> tuple[int, dict[str, Any]]:
    return 400, {
        "status": 400,
        "errorMessage": f"Validation failed. {len(errors)} error(s)",
        "errors": list(errors),
    }


async def _whole_body(receive: Receive) -> bytes:
    body = b""
    while len(body) < _LARGEST_BODY:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    return body


async def _answer(send: Send, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _hang_up(send: Send) -> None:
    """Promises a body and closes without it: to the client the line broke."""
    await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
