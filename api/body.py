"""Reading a request's body without trusting its size."""

from fastapi import Request

from api.errors import ApiError


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes. Raises ApiError 413 as soon as it is longer."""
    too_large = ApiError(413, "too_large", f"the body is larger than {limit} bytes", headers={"Connection": "close"})
    stated = request.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit() and int(stated) > limit:
        raise too_large
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)
