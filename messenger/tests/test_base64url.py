"""One text for one value, without padding."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from messenger.lib import base64url


@given(some.binary(max_size=100))
def test_bytes_come_back(data: bytes) -> None:
    text = base64url.encode(data)

    assert base64url.decode(text) == data
    assert not set(text) & set("+/=")


@given(some.text(alphabet="AQgw-_=+/ \n", max_size=12))
def test_a_value_has_one_spelling(text: str) -> None:
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text


@pytest.mark.parametrize("text", ["A", "AA=", "AA==", "AB", "AAB", "A+", "A/", "A A", "AA\n", "é", "AAAAA"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base64url.decode(text)
