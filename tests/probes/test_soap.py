"""SOAP messages as bytes and values: what we ask, what devices answer, what we refuse to read."""

from __future__ import annotations

import base64
import functools
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import onvif  # type: ignore[import-untyped]  # ships no type hints
import pytest
import zeep
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from zeep.wsdl import Document

from probes.wire import soap

NAMESPACES = {"s": soap.SOAP, "wsse": soap.SECURITY, "wsu": soap.UTILITY, "tds": soap.DEVICE, "trt": soap.MEDIA}
CREATED = datetime(2026, 11, 24, 8, 30, 0, 999_999, tzinfo=UTC)

HEAD = (
    f'<env:Envelope xmlns:env="{soap.SOAP}" xmlns:tds="{soap.DEVICE}" xmlns:trt="{soap.MEDIA}" '
    f'xmlns:tt="{soap.SCHEMA}" xmlns:ter="http://www.onvif.org/ver10/error"><env:Body>'
)
TAIL = "</env:Body></env:Envelope>"

PARSERS: list[Callable[[bytes], object]] = [
    soap.parse_system_date_and_time,
    soap.parse_device_information,
    soap.parse_media_address,
    soap.parse_profiles,
    soap.parse_stream_uri,
]


def reply(body: str) -> bytes:
    return (HEAD + body + TAIL).encode()


def clock_reply(year: str, month: str, day: str, hour: str, minute: str, second: str) -> bytes:
    return reply(
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime>"
        f"<tt:Time><tt:Hour>{hour}</tt:Hour><tt:Minute>{minute}</tt:Minute><tt:Second>{second}</tt:Second></tt:Time>"
        f"<tt:Date><tt:Year>{year}</tt:Year><tt:Month>{month}</tt:Month><tt:Day>{day}</tt:Day></tt:Date>"
        "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def test_a_token_proves_the_password_without_showing_it() -> None:
    nonce = bytes(range(16))
    root = etree.fromstring(
        soap.envelope(
            soap.GET_DEVICE_INFORMATION, soap.username_token("admin", "p@ss<&>", nonce=nonce, created=CREATED)
        )
    )
    token = root.find("s:Header/wsse:Security/wsse:UsernameToken", NAMESPACES)
    assert token is not None
    assert token.findtext("wsse:Username", None, NAMESPACES) == "admin"
    assert base64.b64decode(token.findtext("wsse:Nonce", "", NAMESPACES)) == nonce
    expected = hashlib.sha1(nonce + b"2026-11-24T08:30:00Z" + b"p@ss<&>").digest()
    assert base64.b64decode(token.findtext("wsse:Password", "", NAMESPACES)) == expected
    assert b"p@ss" not in etree.tostring(root)


def test_the_time_of_a_token_is_utc_with_z_and_without_fraction() -> None:
    shanghai = CREATED.astimezone(timezone(timedelta(hours=8)))
    assert ">2026-11-24T08:30:00Z<" in soap.username_token("admin", "secret", nonce=b"n" * 16, created=shanghai)


@given(username=st.text(max_size=40), password=st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_login_makes_a_well_formed_request(username: str, password: str) -> None:
    token = soap.username_token(username, password, nonce=b"n" * 16, created=CREATED)
    root = etree.fromstring(soap.envelope(soap.GET_PROFILES, token))
    carried = root.findtext(".//wsse:Username", "", NAMESPACES)
    assert carried == "".join(character for character in username if soap._allowed(character))
    assert [child.tag for child in root.findall("s:Body/*", NAMESPACES)] == [f"{{{soap.MEDIA}}}GetProfiles"]


def test_a_profile_token_cannot_break_out_of_its_element() -> None:
    root = etree.fromstring(soap.envelope(soap.get_stream_uri("</ProfileToken><Reboot/>")))
    assert root.findtext(".//trt:ProfileToken", "", NAMESPACES) == "</ProfileToken><Reboot/>"
    assert root.find(".//{*}Reboot") is None


def test_the_clock_is_read_as_utc() -> None:
    message = clock_reply("2026", "11", "24", "8", "30", "5")
    assert soap.parse_system_date_and_time(message) == datetime(2026, 11, 24, 8, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        ("0", "0", "0", "0", "0", "0"),
        ("2026", "13", "1", "0", "0", "0"),
        ("2026", "2", "30", "0", "0", "0"),
        ("2026", "11", "24", "24", "0", "0"),
        ("", "11", "24", "8", "30", "5"),
        ("9" * 40, "11", "24", "8", "30", "5"),
        ("two thousand", "11", "24", "8", "30", "5"),
    ],
)
def test_an_impossible_date_is_no_date(fields: tuple[str, str, str, str, str, str]) -> None:
    assert soap.parse_system_date_and_time(clock_reply(*fields)) is None


def test_a_leap_second_is_read_as_the_second_before() -> None:
    message = clock_reply("2016", "12", "31", "23", "59", "60")
    assert soap.parse_system_date_and_time(message) == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_clock_reply_without_utc_is_no_date() -> None:
    message = reply("<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime/></tds:GetSystemDateAndTimeResponse>")
    assert soap.parse_system_date_and_time(message) is None


def test_device_information_is_trimmed_and_cut() -> None:
    message = reply(
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>\n HIK  VISION </tds:Manufacturer>"
        f"<tds:Model>{'M' * 5000}</tds:Model><tds:SerialNumber><![CDATA[<7>]]></tds:SerialNumber>"
        "</tds:GetDeviceInformationResponse>"
    )
    told = soap.parse_device_information(message)
    assert told == soap.DeviceInformation(maker="HIK VISION", model="M" * 128, firmware="", serial="<7>")


def test_a_name_in_gbk_under_a_utf8_declaration_is_read() -> None:
    body = "<tds:GetDeviceInformationResponse><tds:Model>球机</tds:Model></tds:GetDeviceInformationResponse>"
    message = f'<?xml version="1.0" encoding="UTF-8"?>{HEAD}{body}{TAIL}'.encode("gbk")
    assert soap.parse_device_information(message).model == "球机"


def test_a_byte_order_mark_is_no_obstacle() -> None:
    message = b"\xef\xbb\xbf" + reply("<tds:GetDeviceInformationResponse/>")
    assert soap.parse_device_information(message).maker == ""


def test_profiles_come_in_the_order_of_the_device() -> None:
    message = reply(
        "<trt:GetProfilesResponse>"
        '<trt:Profiles token="main"><tt:Name>mainStream</tt:Name>'
        "<tt:VideoSourceConfiguration><tt:SourceToken>VideoSource_1</tt:SourceToken></tt:VideoSourceConfiguration>"
        "<tt:VideoEncoderConfiguration><tt:Encoding>H264</tt:Encoding>"
        "<tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution>"
        "</tt:VideoEncoderConfiguration></trt:Profiles>"
        '<trt:Profiles token="bare"/><trt:Profiles/></trt:GetProfilesResponse>'
    )
    main, bare = soap.parse_profiles(message)
    assert main == soap.MediaProfile(
        token="main", name="mainStream", source="VideoSource_1", encoding="H264", width=1920, height=1080
    )
    assert bare == soap.MediaProfile(token="bare", name="", source="", encoding="", width=0, height=0)


def test_the_profiles_of_a_large_recorder_fit() -> None:
    profiles = "".join(
        f'<trt:Profiles token="p{number}">{"<tt:Name>n</tt:Name>" * 100}</trt:Profiles>' for number in range(192)
    )
    message = reply(f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>")
    assert len(message) > soap.MAX_MESSAGE_BYTES
    assert len(soap.parse_profiles(message)) == 192


def test_addresses_are_read_as_stated() -> None:
    uri = "rtsp://10.0.0.9:554/Streaming/Channels/101?transportmode=unicast&amp;profile=Profile_1"
    message = reply(
        f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri> {uri} </tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>"
    )
    assert soap.parse_stream_uri(message) == uri.replace("&amp;", "&")
    message = reply(
        "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>http://h/device</tt:XAddr></tt:Device>"
        "<tt:Media><tt:XAddr>http://h/media</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
    )
    assert soap.parse_media_address(message) == "http://h/media"


def test_a_stream_reply_without_an_address_is_refused() -> None:
    with pytest.raises(soap.NotSoapError, match="no Uri"):
        soap.parse_stream_uri(reply("<trt:GetStreamUriResponse/>"))


FAULT = (
    "<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>ter:NotAuthorized</env:Value>"
    "</env:Subcode></env:Code><env:Reason><env:Text>Sender not\n Authorized</env:Text></env:Reason></env:Fault>"
)


def test_a_fault_says_its_codes_and_its_reason() -> None:
    with pytest.raises(soap.SoapFaultError) as caught:
        soap.parse_device_information(reply(FAULT))
    assert caught.value.codes == ("Sender", "NotAuthorized")
    assert caught.value.reason == "Sender not Authorized"
    assert caught.value.not_authorized


def test_not_authorized_is_read_from_the_subcode_and_never_from_the_reason() -> None:
    fault = soap.find_fault(reply(FAULT.replace("ter:NotAuthorized", "ter:ActionNotSupported")))
    assert fault is not None
    assert not fault.not_authorized


def test_a_deeper_subcode_counts_too() -> None:
    nested = FAULT.replace(
        "<env:Value>ter:NotAuthorized</env:Value>",
        "<env:Value>ter:X</env:Value><env:Subcode><env:Value>wsse:FailedAuthentication</env:Value></env:Subcode>",
    )
    fault = soap.find_fault(reply(nested))
    assert fault is not None
    assert fault.not_authorized


@pytest.mark.parametrize("message", [b"", b"<html/>", reply("<tds:GetDeviceInformationResponse/>"), b"\xff\xfe"])
def test_what_is_no_fault_holds_none(message: bytes) -> None:
    assert soap.find_fault(message) is None


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {name} "{f"&{chr(ord(name) - 1)};" * 10}">' for name in "bcdefghij")
    + "]><s>&j;</s>"
)
XXE = '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]><s>&a;</s>'
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE s SYSTEM "http://127.0.0.1:9/evil.dtd"><s/>'


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)
@pytest.mark.parametrize("text", [LAUGHS, XXE, EXTERNAL], ids=["billion laughs", "XXE", "external DTD"])
def test_a_document_type_is_refused_before_it_is_parsed(parser: Callable[[bytes], object], text: str) -> None:
    began = time.process_time()
    with pytest.raises(soap.DoctypeRefusedError):
        parser(text.encode())
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-7", "cp037"])
def test_a_document_type_hidden_in_another_encoding_is_refused(encoding: str) -> None:
    text = XXE.replace('"1.0"', f'"1.0" encoding="{encoding}"')
    with pytest.raises(soap.SoapError):
        soap.parse_device_information(text.encode(encoding))
    if encoding == "utf-7":
        disguised = b'<?xml version="1.0" encoding="UTF-7"?>' + XXE.partition("?>")[2].replace("<", "+ADw-").encode()
        with pytest.raises(soap.NotSoapError):
            soap.parse_device_information(disguised)


HOSTILE = {
    "empty": b"",
    "html": b"<html><body>login</body></html>",
    "cut": reply("<tds:GetDeviceInformationResponse/>")[:-9],
    "deep": reply("<a>" * 5000 + "</a>" * 5000),
    "large": reply("<a/>" + " " * soap.MAX_PROFILES_BYTES),
    "gzip": b"\x1f\x8b\x08\x00" + bytes(range(256)),
    "soap 1.1": reply("").replace(soap.SOAP.encode(), b"http://schemas.xmlsoap.org/soap/envelope/"),
    "another answer": reply("<tds:RebootResponse/>"),
    "entity": reply("<tds:GetDeviceInformationResponse>&nbsp;</tds:GetDeviceInformationResponse>"),
    "zeros": bytes(4000),
}


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.__name__)
@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_the_answer_is_refused_by_name(parser: Callable[[bytes], object], message: bytes) -> None:
    with pytest.raises(soap.NotSoapError):
        parser(message)


@given(message=st.binary(max_size=300))
def test_any_bytes_give_a_value_or_a_named_error(message: bytes) -> None:
    for parser in PARSERS:
        with pytest.raises(soap.SoapError):
            parser(message)


@pytest.mark.parametrize(
    ("wsdl", "operation", "meant"),
    [
        ("devicemgmt.wsdl", soap.GET_SYSTEM_DATE_AND_TIME, None),
        ("devicemgmt.wsdl", soap.GET_DEVICE_INFORMATION, None),
        ("devicemgmt.wsdl", soap.GET_MEDIA_CAPABILITIES, ["Media"]),
        ("media.wsdl", soap.GET_PROFILES, None),
        ("media.wsdl", soap.get_stream_uri("Profile_1"), "Profile_1"),
    ],
)
def test_our_requests_are_those_of_the_published_wsdl(wsdl: str, operation: soap.Operation, meant: object) -> None:
    bindings = _published(wsdl).bindings.values()
    (published,) = (
        described
        for binding in bindings
        for described in binding._operations.values()
        if described.soapaction == operation.action
    )
    token = soap.username_token("admin", "secret", nonce=b"n" * 16, created=CREATED)
    read = published.input.deserialize(etree.fromstring(soap.envelope(operation, token)))
    if operation.action.endswith("GetStreamUri"):
        assert (read.StreamSetup.Stream, read.StreamSetup.Transport.Protocol) == ("RTP-Unicast", "RTSP")
        read = read.ProfileToken
    assert read == meant


@functools.cache
def _published(name: str) -> Document:
    """ONVIF's own description of a service, as onvif-zeep-async carries it."""
    path = str(Path(onvif.__file__).parent / "wsdl" / name)
    return zeep.Client(path).wsdl  # type: ignore[no-untyped-call]  # half of zeep is typed


def test_the_content_type_names_the_action() -> None:
    assert soap.content_type(soap.GET_PROFILES) == (
        'application/soap+xml; charset=utf-8; action="http://www.onvif.org/ver10/media/wsdl/GetProfiles"'
    )
