"""Only tokens that this server signed, of the right kind and with every claim, mean anything (RFC 8725)."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

from accounts import signing_key, tokens
from accounts.tests.people import Person, Terminal, api, get, is_signed_in, post
from messenger.lib import base64url

FOREIGN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return claims


def signed(claims: dict[str, Any], **header: Any) -> str:
    key = signing_key.current()
    return jwt.encode(claims, key.private, "RS256", headers={"kid": key.kid, **header})


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(base64url.encode(part) for part in [*parts, signature])


def test_the_claims_signed_by_this_server_are_good(laptop: Terminal) -> None:
    assert is_signed_in(signed(claims_of(laptop.access)))


def test_a_token_says_who_what_and_until_when(laptop: Terminal) -> None:
    claims = claims_of(laptop.access)

    assert claims["iss"] == settings.JWT_ISSUER
    assert claims["aud"] == settings.JWT_AUDIENCE
    assert claims["sub"] == laptop.owner.id
    assert claims["exp"] - claims["iat"] == 900
    assert jwt.get_unverified_header(laptop.access)["alg"] == "RS256"
    assert jwt.get_unverified_header(laptop.access)["kid"] == signing_key.current().kid


@pytest.mark.parametrize("claim", ["exp", "iat", "jti", "aud", "iss", "sub", "token_type", "sid", "dev"])
def test_a_token_without_a_claim_is_refused(laptop: Terminal, claim: str) -> None:
    claims = claims_of(laptop.access)
    del claims[claim]

    assert not is_signed_in(signed(claims))


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1},
        {"exp": "never"},
        {"iat": int(time.time()) + 3600},
        {"aud": "another-service"},
        {"iss": "another-issuer"},
        {"sub": "not an id"},
        {"sub": "01a1f940-aa88-7763-896d-c402c0cc6e0f"},
        {"sid": 5},
        {"dev": "01a1f940-aa88-7763-896d-c402c0cc6e0f"},
        {"token_type": "account"},
        {"token_type": "access"},
        {"token_type": ["device"]},
        {"gen": "x"},
    ],
)
def test_a_token_with_another_claim_is_refused(laptop: Terminal, change: dict[str, Any]) -> None:
    token = signed({**claims_of(laptop.access), **change})

    # "account" with a device's session is a kind that this session does not have.
    assert not is_signed_in(token)


def test_a_token_that_nobody_signed_is_refused(laptop: Terminal) -> None:
    claims, kid = claims_of(laptop.access), signing_key.current().kid

    for algorithm in ("none", "None", "NONE"):
        assert not is_signed_in(unsigned({"alg": algorithm, "typ": "JWT", "kid": kid}, claims))
        assert not is_signed_in(unsigned({"alg": algorithm, "kid": kid}, claims, b"x"))


def test_the_public_key_is_no_shared_secret(laptop: Terminal) -> None:
    import hashlib
    import hmac

    key = signing_key.current()
    pem = key.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = unsigned({"alg": "HS256", "typ": "JWT", "kid": key.kid}, claims_of(laptop.access)).split(".")
    tag = hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()

    assert not is_signed_in(f"{head}.{body}.{base64url.encode(tag)}")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_of_the_same_key_is_refused(laptop: Terminal, algorithm: str) -> None:
    key = signing_key.current()

    assert not is_signed_in(jwt.encode(claims_of(laptop.access), key.private, algorithm, headers={"kid": key.kid}))


def test_a_foreign_key_is_refused_under_any_name(laptop: Terminal) -> None:
    claims = claims_of(laptop.access)

    for header in ({"kid": signing_key.current().kid}, {"kid": "other"}, {}, {"jku": "https://evil.example/jwks.json"}):
        assert not is_signed_in(jwt.encode(claims, FOREIGN_KEY, "RS256", headers=header))
    assert not is_signed_in(signed(claims, kid="other"))


def test_kinds_are_never_taken_for_one_another(alice: Person, laptop: Terminal) -> None:
    for refresh in (alice.tokens["refresh"], laptop.refresh):
        assert get("accounts/me", refresh).status_code == 401
        assert post("auth/logout", {}, refresh).status_code == 401
        assert post("devices", {}, refresh).status_code == 401
    for access in (alice.access, laptop.access):
        assert post("auth/token/refresh", {"refresh": access}).status_code == 401
        with pytest.raises(tokens.InvalidToken):
            tokens.read_refresh(access)
    assert get("accounts/me", alice.access).status_code == 403
    assert post("devices", {}, laptop.access).status_code == 403


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer a b", "Bearer é", "Basic YTpi", "Token x", "x" * 9000])
def test_a_header_that_is_no_token_signs_nobody_in(db: None, header: str) -> None:
    client = api()
    answer = client.get("/api/v1/accounts/me", HTTP_AUTHORIZATION=header)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_signed_in"


def test_a_token_in_the_url_or_a_cookie_signs_nobody_in(laptop: Terminal) -> None:
    client = api()
    client.cookies["access"] = laptop.access

    assert client.get(f"/api/v1/accounts/me?access={laptop.access}&token={laptop.access}").status_code == 401


def test_anybody_can_check_a_token_against_the_published_keys(laptop: Terminal) -> None:
    answer = api().get("/.well-known/jwks.json")

    (published,) = answer.json()["keys"]
    assert set(published) == {"kty", "n", "e", "kid", "use", "alg"}
    assert "max-age" in answer["Cache-Control"]
    verified = jwt.decode(laptop.access, jwt.PyJWK(published), ["RS256"], audience=settings.JWT_AUDIENCE)
    assert verified["dev"] == laptop.id


def test_the_key_is_in_a_file_of_mode_600_and_does_not_print_itself(laptop: Terminal) -> None:
    assert settings.JWT_PRIVATE_KEY_FILE.stat().st_mode & 0o777 == 0o600
    assert "private=<secret>" in repr(signing_key.current())
