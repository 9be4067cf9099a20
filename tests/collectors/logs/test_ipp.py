"""Print jobs as CUPS keeps them."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from collectors.logs.ipp import Job, attributes, job_of

RECORDED = base64.b64decode(
    "AgAABQAAAAQBRwASYXR0cmlidXRlcy1jaGFyc2V0AAV1dGYtOEgAG2F0dHJpYnV0ZXMtbmF0dXJhbC1sYW5ndWFnZQACZW4CRQAL"
    "cHJpbnRlci11cmkAHmlwcDovL2xvY2FsaG9zdC9wcmludGVycy9maWxlcEIAGWpvYi1vcmlnaW5hdGluZy11c2VyLW5hbWUABHJv"
    "b3RCAAhqb2ItbmFtZQAe6riI7ZiVIOyEpOqzhOuPhCDstZzsooUoMSkudHh0IQAGY29waWVzAAQAAAABIwAKZmluaXNoaW5ncwAE"
    "AAAAAyEAEGpvYi1jYW5jZWwtYWZ0ZXIABAAAKjBEAA5qb2ItaG9sZC11bnRpbAAHbm8taG9sZCEADGpvYi1wcmlvcml0eQAEAAAA"
    "MkIACmpvYi1zaGVldHMABG5vbmVCAAAABG5vbmUhAAludW1iZXItdXAABAAAAAFEABBwcmludC1jb2xvci1tb2RlAAptb25vY2hy"
    "b21lRQAIam9iLXV1aWQALXVybjp1dWlkOjZkYjlmOGZlLWUxM2ItMzRjNi02MDc5LTc3ODNmYTAzZmExZUIAGWpvYi1vcmlnaW5h"
    "dGluZy1ob3N0LW5hbWUACWxvY2FsaG9zdDEAFmRhdGUtdGltZS1hdC1jb21wbGV0ZWQACwfqDAEDKwIAKwAAMQAVZGF0ZS10aW1l"
    "LWF0LWNyZWF0aW9uAAsH6gwBAysCACsAADEAF2RhdGUtdGltZS1hdC1wcm9jZXNzaW5nAAsH6gwBAysCACsAACEAEXRpbWUtYXQt"
    "Y29tcGxldGVkAARrDkJGIQAQdGltZS1hdC1jcmVhdGlvbgAEaw5CRiEAEnRpbWUtYXQtcHJvY2Vzc2luZwAEaw5CRiEABmpvYi1p"
    "ZAAEAAAAASMACWpvYi1zdGF0ZQAEAAAACUQAEWpvYi1zdGF0ZS1yZWFzb25zABhwcm9jZXNzaW5nLXRvLXN0b3AtcG9pbnQhABlq"
    "b2ItaW1wcmVzc2lvbnMtY29tcGxldGVkAAQAAAAAIQAaam9iLW1lZGlhLXNoZWV0cy1jb21wbGV0ZWQABAAAAABFAA9qb2ItcHJp"
    "bnRlci11cmkAF2lwcDovL3ZtL3ByaW50ZXJzL2ZpbGVwIQAMam9iLWstb2N0ZXRzAAQAAAABSQAYZG9jdW1lbnQtZm9ybWF0LXN1"
    "cHBsaWVkABhhcHBsaWNhdGlvbi9vY3RldC1zdHJlYW1JABhkb2N1bWVudC1mb3JtYXQtZGV0ZWN0ZWQACnRleHQvcGxhaW5JAA9k"
    "b2N1bWVudC1mb3JtYXQACnRleHQvcGxhaW5CABZkb2N1bWVudC1uYW1lLXN1cHBsaWVkAB7quIjtmJUg7ISk6rOE64+EIOy1nOyi"
    "hSgxKS50eHRBABlqb2ItcHJpbnRlci1zdGF0ZS1tZXNzYWdlAABEABlqb2ItcHJpbnRlci1zdGF0ZS1yZWFzb25zAARub25lAw=="
)
"""Of CUPS 2.4.2, a job of `lp` with a Korean file name."""
CREATED = 1796096582


def test_a_recorded_job_tells_its_document_and_who_printed_it() -> None:
    assert job_of(RECORDED) == Job(1, "filep", "금형 설계도 최종(1).txt", "root", "localhost", CREATED, 1)


def test_a_job_that_breaks_off_tells_what_came_before() -> None:
    for end in range(len(RECORDED)):
        assert attributes(RECORDED[:end]).items() <= attributes(RECORDED).items()


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_nothing_is_raised(noise: bytes) -> None:
    attributes(noise)
    job_of(RECORDED[:100] + noise)
