"""Logins against the examples printed in the RFCs."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.digest import Challenge, Login, best_challenge, parse_challenges

RFC_2617 = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_2069 = RFC_2617.replace(' qop="auth,auth-int",', "")
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def login(header: str, username: str, password: str) -> Login:
    challenge = best_challenge(parse_challenges([header]))
    assert challenge is not None
    return Login(challenge, username, password)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def field(authorization: str, name: str) -> str:
    return authorization.partition(f'{name}="')[2].partition('"')[0]


def test_the_example_of_rfc_2617() -> None:
    answer = login(RFC_2617, "Mufasa", "Circle Of Life").authorization("GET", "/dir/index.html", cnonce="0a4f113b")
    assert field(answer, "response") == "6629fae49393a05397450978507c4ef1"
    assert "qop=auth, nc=00000001" in answer
    assert field(answer, "opaque") == "5ccc069c403ebaf9f0171e9517f40e41"


def test_the_example_of_rfc_2069_as_corrected_by_its_erratum() -> None:
    answer = login(RFC_2069, "Mufasa", "CircleOfLife").authorization("GET", "/dir/index.html", cnonce="0a4f113b")
    assert field(answer, "response") == "1949323746fe6a43ef61f9606e7febea"
    assert "qop" not in answer
    assert "cnonce" not in answer


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    header = RFC_7616.format(algorithm=algorithm)
    answer = login(header, "Mufasa", "Circle of Life").authorization("GET", "/dir/index.html", cnonce=RFC_7616_CNONCE)
    assert field(answer, "response") == response
    assert f"algorithm={algorithm}" in answer


def test_the_uses_of_a_nonce_are_counted() -> None:
    user = login(RFC_2617, "Mufasa", "Circle Of Life")
    answers = [user.authorization("GET", "/", cnonce="c") for _ in range(17)]
    assert [answer.partition("nc=")[2][:8] for answer in (answers[0], answers[16])] == ["00000001", "00000011"]
    assert field(answers[0], "response") != field(answers[1], "response")


def test_a_session_key_is_made_once_with_the_first_client_nonce() -> None:
    key = md5(f"{md5('u:r:p')}:n:c1")
    expected = md5(f"{key}:n:{md5('DESCRIBE:rtsp://h/')}")
    user = login('Digest realm="r", nonce="n", algorithm=MD5-sess', "u", "p")
    first, second = (user.authorization("DESCRIBE", "rtsp://h/", cnonce=cnonce) for cnonce in ("c1", "c2"))
    assert field(first, "response") == field(second, "response") == expected
    assert (field(first, "cnonce"), field(second, "cnonce")) == ("c1", "c2")


def test_auth_int_counts_the_body_where_nothing_else_is_offered() -> None:
    user = login('Digest realm="r", nonce="n", qop="auth-int"', "u", "p")
    answer = user.authorization("POST", "/onvif", cnonce="c", body=b"<soap/>")
    asked = f"POST:/onvif:{md5('<soap/>')}"
    assert "qop=auth-int" in answer
    assert field(answer, "response") == md5(f"{md5('u:r:p')}:n:00000001:c:auth-int:{md5(asked)}")


def test_basic_encodes_in_utf_8() -> None:
    assert (
        login('Basic realm="x"', "用户", "密:码").authorization("GET", "/", cnonce="") == "Basic 55So5oi3OuWvhjrnoIE="
    )


def test_quotes_in_a_user_name_are_escaped() -> None:
    assert 'username="a\\"b\\\\c"' in login(RFC_2069, 'a"b\\c', "p").authorization("GET", "/", cnonce="")


def test_a_password_is_not_in_the_repr() -> None:
    assert "secret" not in repr(login(RFC_2617, "Mufasa", "secret"))


@pytest.mark.parametrize(
    ("headers", "schemes"),
    [
        (['Digest realm="a", nonce="b"', 'Basic realm="a"'], ["digest", "basic"]),
        (['Digest realm="a, b", nonce="b" , Basic realm="c"'], ["digest", "basic"]),
        (['Basic realm="a",Digest realm="a",nonce="b",stale=FALSE'], ["basic", "digest"]),
        (["DIGEST realm=unquoted, nonce=bare"], ["digest"]),
        (['Negotiate, Basic realm="x"'], ["negotiate", "basic"]),
        (["Basic"], ["basic"]),
        ([""], []),
        (['realm="no scheme"'], []),
    ],
)
def test_challenges_are_told_apart(headers: list[str], schemes: list[str]) -> None:
    assert [challenge.scheme for challenge in parse_challenges(headers)] == schemes


def test_all_fields_of_a_challenge_are_read() -> None:
    text = 'Digest  REALM="IP Camera(\\"1\\")",nonce="n=1", stale=TRUE, qop="auth-int, auth", opaque=""'
    text += ', algorithm="sha-256"'
    assert parse_challenges([text]) == [
        Challenge(
            scheme="digest",
            realm='IP Camera(\\"1\\")',
            nonce="n=1",
            algorithm="sha-256",
            qop=("auth-int", "auth"),
            opaque="",
            stale=True,
        )
    ]


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        (["Basic", "Digest algorithm=MD5", "Digest algorithm=SHA-256"], "SHA-256"),
        (["Digest algorithm=MD5", "Digest algorithm=SHA-256-sess"], "SHA-256-sess"),
        (["Digest algorithm=SHA-512-256", "Digest algorithm=MD5"], "MD5"),
        (["Digest algorithm=X", "Basic"], None),
    ],
)
def test_the_strongest_challenge_that_we_can_answer_is_chosen(offers: list[str], chosen: str | None) -> None:
    best = best_challenge(parse_challenges(offers))
    assert best is not None
    assert best.algorithm == chosen


@pytest.mark.parametrize("offers", [[], ["Negotiate"], ["Digest algorithm=X"], ['Digest realm="r", qop="token"']])
def test_nothing_is_chosen_where_nothing_can_be_answered(offers: list[str]) -> None:
    assert best_challenge(parse_challenges(offers)) is None


@given(st.lists(st.text(st.characters(max_codepoint=255)), max_size=3), st.text(), st.text())
def test_no_text_makes_it_raise(headers: list[str], username: str, password: str) -> None:
    challenge = best_challenge(parse_challenges(headers))
    if challenge is not None:
        Login(challenge, username, password).authorization("DESCRIBE", "rtsp://h/", cnonce="c").encode("latin-1")
