"""Letters through real channels: what arrives, what a refusal says, and what nobody gets to see."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from monitor.alerts.by_apprise import AppriseChannel
from monitor.alerts.channel import ChannelError, DeliveryError, Letter
from monitor.alerts.gateway import Gateway
from monitor.config.alerting import ChannelEntry
from monitor.secrets import redact
from tests.monitor.alerts.peers import http_peer, mail_peer

LETTER = Letter(
    title="【离线】重点点位 县政府门口",
    text='自 "08:12" 起\n联系维护：甲公司',
    kind="key_point",
    at="2026-11-24T08:12:00+08:00",
)
SOON_S = 10.0


def secret_file(folder: Path, content: str, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def by_url(folder: Path, url: str, **more: object) -> AppriseChannel:
    entry = ChannelEntry.model_validate({"name": "值班群", "url_file": secret_file(folder, url), **more})
    return AppriseChannel(entry)


def gateway(url: str, **more: object) -> Gateway:
    return Gateway(ChannelEntry.model_validate({"name": "短信", "gateway": url, **more}), county="示范县")


URLS = [
    ("wecombot://693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa", 2048),
    ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa", 2048),
    ("dingtalk://f3c8a5d0b1", 18_000),
    ("dingtalk://SEC0123abcd@f3c8a5d0b1/13800000000", 18_000),
    ("feishu://6e1a-9f4c", 18_000),
    ("lark://6e1a-9f4c", 18_000),
    ("mailtos://duty:geheim@smtp.county.example:465?from=duty@county.example&to=a@county.example&mode=ssl", 18_000),
    ("mailto://127.0.0.1:25?from=duty@county.example&to=a@county.example", 18_000),
    ("json://10.1.0.9:8080/alerts", 18_000),
    ("jsons://10.1.0.9/alerts", 18_000),
]


@pytest.mark.parametrize(
    ("url", "longest"), URLS, ids=[url.partition(":")[0] + str(n) for n, (url, _) in enumerate(URLS)]
)
def test_the_services_of_a_county_are_known_by_their_urls(tmp_path: Path, url: str, longest: int) -> None:
    assert by_url(tmp_path, url).longest == longest
    assert by_url(tmp_path, url, longest=900).longest == 900


@pytest.mark.parametrize("url", ["nosuch://x", "http://example.com/x.yml", "wecombot://", "", "json://a\njson://b"])
def test_what_is_no_apprise_url_is_refused_without_repeating_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(ChannelError) as refused:
        by_url(tmp_path, url)
    assert "url_file" in refused.value.zh
    assert "apprise URL" in refused.value.en
    assert "example.com" not in refused.value.text("en")


def test_apprise_is_given_no_plugins_and_follows_no_redirects(tmp_path: Path) -> None:
    asset = by_url(tmp_path, "json://127.0.0.1/x")._service.asset
    assert list(asset.plugin_paths) == []
    assert asset.http_redirects is False
    assert asset.secure_logging is True


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = secret_file(tmp_path, "json://127.0.0.1/x", mode=0o644)
    with pytest.raises(ChannelError, match="chmod 600"):
        AppriseChannel(ChannelEntry(name="a", url_file=path))
    with pytest.raises(ChannelError, match="无法读取"):
        AppriseChannel(ChannelEntry(name="a", url_file=str(tmp_path / "nowhere")))


def test_a_credential_of_systemd_is_taken_instead_of_the_file(tmp_path: Path) -> None:
    credential = tmp_path / "wecom.url"
    credential.write_text("# the duty group\nwecombot://abc-def\n", encoding="utf-8")
    credential.chmod(0o444)
    channel = AppriseChannel(ChannelEntry(name="a", url_file="/nowhere/wecom.url"), credentials=tmp_path)
    assert channel.longest == 2048


async def test_a_webhook_gets_title_and_text(tmp_path: Path) -> None:
    async with http_peer() as peer:
        await by_url(tmp_path, f"json://{peer.url.removeprefix('http://')}/alerts").send(LETTER, deadline_s=SOON_S)
    ((path, _, body),) = peer.requests
    assert path == "/alerts"
    assert (body["title"], body["message"]) == (LETTER.title, LETTER.text)


async def test_a_webhook_that_fails_is_a_refusal_with_its_reason(tmp_path: Path) -> None:
    async with http_peer() as peer:
        channel = by_url(tmp_path, f"json://{peer.url.removeprefix('http://')}/")
        channel._service.request_rate_per_sec = 0
        peer.status = 500
        with pytest.raises(DeliveryError, match="error=500") as refused:
            await channel.send(LETTER, deadline_s=SOON_S)
        assert not refused.value.permanent
        peer.status = 302
        with pytest.raises(DeliveryError, match="302"):
            await channel.send(LETTER, deadline_s=SOON_S)
        peer.status = 200
        await channel.send(LETTER, deadline_s=SOON_S)


@pytest.mark.parametrize("url", ["wecombot://geheimer-schluessel", "dingtalk://geheimertoken"])
async def test_chat_services_that_refuse_with_an_http_200_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    async with http_peer() as peer:
        channel = by_url(tmp_path, url)
        channel._service.request_rate_per_sec = 0
        monkeypatch.setattr(type(channel._service), "notify_url", f"{peer.url}/send")
        monkeypatch.setattr(channel._service, "api_url", f"{peer.url}/send", raising=False)
        await channel.send(LETTER, deadline_s=SOON_S)
        peer.answer = '{"errcode": 93000, "errmsg": "invalid webhook url"}'
        with pytest.raises(DeliveryError, match="errcode 93000: invalid webhook url"):
            await channel.send(LETTER, deadline_s=SOON_S)
        peer.answer = "no JSON at all"
        await channel.send(LETTER, deadline_s=SOON_S)
    assert LETTER.title in str(peer.bodies[0])


async def test_one_that_hangs_is_left_at_the_deadline_and_not_asked_twice(tmp_path: Path) -> None:
    async with http_peer() as peer:
        peer.hangs = True
        channel = by_url(tmp_path, f"json://{peer.url.removeprefix('http://')}/")
        with pytest.raises(DeliveryError, match=r"no answer within 0\.3 s"):
            await channel.send(LETTER, deadline_s=0.3)
        with pytest.raises(DeliveryError, match="still on its way"):
            await channel.send(LETTER, deadline_s=0.3)
        assert len(peer.requests) <= 1


async def test_a_mail_arrives_with_its_subject_in_chinese(tmp_path: Path) -> None:
    async with mail_peer() as peer:
        url = f"mailto://127.0.0.1:{peer.port}?from=duty@county.example&to=a@county.example,b@county.example"
        await by_url(tmp_path, url).send(LETTER, deadline_s=SOON_S)
        subjects = {str(mail["subject"]) for mail in peer.mails}
        texts = {mail.get_body(("plain",)) for mail in peer.mails}
    assert subjects == {LETTER.title}
    assert all(text is not None and "联系维护：甲公司" in text.get_content() for text in texts)
    assert sorted(peer.recipients) == ["<a@county.example>", "<b@county.example>"]


async def test_a_mailbox_that_is_refused_is_a_refusal(tmp_path: Path) -> None:
    async with mail_peer() as peer:
        peer.refuses = True
        url = f"mailto://127.0.0.1:{peer.port}?from=duty@county.example&to=a@county.example"
        with pytest.raises(DeliveryError):
            await by_url(tmp_path, url).send(LETTER, deadline_s=SOON_S)


async def test_a_gateway_gets_the_countys_own_json_and_secret_headers(tmp_path: Path) -> None:
    headers = secret_file(tmp_path, "Authorization: Bearer geheimes-wort\nX-App: 7\n")
    body = '{"msg": "{{ title }} {{ text }}", "phones": "{{ recipients | join(",") }}", "org": "{{ county }}"}'
    async with http_peer() as peer:
        channel = gateway(peer.url + "/sms", headers_file=headers, body=body, recipients=("13800000000", "13900000000"))
        await channel.send(LETTER, deadline_s=SOON_S)
        await channel.close()
    ((path, sent, json),) = peer.requests
    assert path == "/sms"
    assert (sent["Authorization"], sent["X-App"]) == ("Bearer geheimes-wort", "7")
    assert json == {"msg": f"{LETTER.title} {LETTER.text}", "phones": "13800000000,13900000000", "org": "示范县"}
    assert redact.text("it said Bearer geheimes-wort") == "it said ***"


@pytest.mark.parametrize(
    ("status", "answer", "permanent", "why"),
    [
        (500, "overloaded", False, "HTTP 500 overloaded"),
        (400, "bad number", True, "HTTP 400 bad number"),
        (401, "who are you", False, "HTTP 401 who are you"),
        (302, "", False, "HTTP 302"),
        (200, '{"code":7,"msg":"余额不足"}', False, "the answer lacks '\"code\":0'"),
    ],
)
async def test_a_gateway_that_refuses_says_why(status: int, answer: str, permanent: bool, why: str) -> None:
    async with http_peer() as peer:
        channel = gateway(peer.url, taken='"code":0')
        peer.status, peer.answer = status, answer
        with pytest.raises(DeliveryError) as refused:
            await channel.send(LETTER, deadline_s=SOON_S)
        assert why in str(refused.value)
        assert refused.value.permanent is permanent
        peer.status, peer.answer = 200, '{"code":0}'
        await channel.send(LETTER, deadline_s=SOON_S)
        await channel.close()


async def test_a_gateway_that_is_not_there_or_hangs_is_a_refusal() -> None:
    channel = gateway("http://127.0.0.1:1/")
    with pytest.raises(DeliveryError, match="ClientConnectorError"):
        await channel.send(LETTER, deadline_s=SOON_S)
    await channel.close()
    async with http_peer() as peer:
        peer.hangs = True
        channel = gateway(peer.url)
        with pytest.raises(DeliveryError, match=r"no answer within 0\.2 s"):
            await channel.send(LETTER, deadline_s=0.2)
        await channel.close()


def test_a_line_that_is_no_header_is_refused_without_repeating_it(tmp_path: Path) -> None:
    with pytest.raises(ChannelError) as refused:
        gateway("http://127.0.0.1/", headers_file=secret_file(tmp_path, "geheim"))
    assert "geheim" not in refused.value.text("zh") + refused.value.text("en")


async def test_no_secret_of_a_channel_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = "json://nutzer:geheimes-passwort@127.0.0.1:1/pfad?+X-Token=geheimes-token"
    channel = by_url(tmp_path, url)
    with pytest.raises(DeliveryError) as refused:
        await channel.send(LETTER, deadline_s=SOON_S)
    told = redact.text(str(refused.value) + caplog.text + repr(channel))
    assert "geheimes" not in told
