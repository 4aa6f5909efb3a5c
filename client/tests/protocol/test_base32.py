"""Base 32 is read as people write it, and no two texts of one reading differ in what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger_client.protocol import base32, errors


@given(st.binary(max_size=200))
def test_every_byte_string_is_read_back(data: bytes) -> None:
    text = base32.encode(data)
    assert base32.decode(text, len(data)) == data
    assert base32.decode(text.lower(), len(data)) == data
    assert len(text) == base32.encoded_length(len(data))
    assert set(text) <= set(base32.ALPHABET)


# By hand, from the definition: five bits a character, the first ones first, zeros at the end.
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\x00", "00"),
        (b"\xff", "ZW"),
        (b"\x08\x42", "1110"),
        (b"\x00\x44\x32\x14\xc7", "01234567"),
        (b"\xff\xff\xff\xff\xff", "ZZZZZZZZ"),
    ],
)
def test_bytes_have_the_text_that_the_definition_gives(data: bytes, text: str) -> None:
    assert base32.encode(data) == text


@pytest.mark.parametrize("text", ["ilo01234", "ILO01234", "1l0-0l2 34", " 11 0\t01\r\n-2-34-", "I1OO1234"])
def test_what_people_type_is_read(text: str) -> None:
    assert base32.decode(text, 5) == base32.decode("11001234", 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000000",
        "000000000",
        "0000000U",
        "0000000u",
        "0000000*",
        "0000000=",
        "0000000_",
        "0000000\N{LATIN SMALL LETTER DOTLESS I}",
        "0000000\N{LATIN CAPITAL LETTER O WITH STROKE}",
        "0000000\N{ARABIC-INDIC DIGIT ONE}",
        "0000000\N{FULLWIDTH DIGIT ONE}",
        "0000\N{NO-BREAK SPACE}0000",
        "0000\N{EN DASH}0000",
        "0000\x000000",
    ],
)
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(errors.Malformed):
        base32.decode(text, 5)


@pytest.mark.parametrize(
    ("text", "size"), [("01", 1), ("03", 1), ("1111", 2), ("0001", 2), ("00001", 3), ("0000001", 4)]
)
def test_bits_left_over_are_zero_or_malformed(text: str, size: int) -> None:
    with pytest.raises(errors.Malformed):
        base32.decode(text, size)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_another_character_is_another_value(data: bytes, draw: st.DataObject) -> None:
    text = base32.encode(data)
    place = draw.draw(st.integers(0, len(text) - 1))
    other = draw.draw(st.sampled_from([one for one in base32.ALPHABET if one != text[place]]))
    try:
        assert base32.decode(text[:place] + other + text[place + 1 :], len(data)) != data
    except errors.Malformed:
        assert place == len(text) - 1
