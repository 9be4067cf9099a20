"""Reading a body without trusting its sender."""

import pytest
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import Message

from api.body import read_body


async def test_a_body_that_breaks_off_is_a_refusal_and_no_crash() -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b'{"agent_id"', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    with pytest.raises(HTTPException, match="the upload broke off after 11 bytes"):
        await read_body(Request({"type": "http", "headers": []}, receive), 100)
