"""The few ONVIF messages that we need, as SOAP 1.2 bytes and as values.

    Operation ──envelope()──► bytes ──(HTTP, elsewhere)──► bytes ──► parse_…() ──► values

    SoapError
    ├── DoctypeRefusedError   the reply carries a document type, the door of entity bombs and of XXE
    ├── NotSoapError          not XML, not an envelope, or not the reply that was asked for
    └── SoapFaultError        the device answered with a Fault

Sources: SOAP 1.2 part 1 (W3C, 2007), ONVIF Core Specification §5 and §8, ONVIF Media Service Specification,
Web Services Security UsernameToken Profile 1.0 (OASIS, 2004). Nonces and times are handed in.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from xml.sax.saxutils import escape

from lxml import etree

SOAP = "http://www.w3.org/2003/05/soap-envelope"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PASSWORD_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"  # noqa: S105  # the name of a scheme
BASE64_BINARY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

MAX_MESSAGE_BYTES = 64 * 1024
"""A larger reply is refused unread."""

MAX_PROFILES_BYTES = 1024 * 1024
"""The same for GetProfiles: a profile takes 2.7 KB, and a recorder of 64 channels has 192 of them."""

MAX_TEXT_CHARACTERS = 128
"""Names, models and serial numbers are cut to this."""

MAX_ADDRESS_CHARACTERS = 2048
"""A longer address is none."""

MAX_FAULT_CODES = 4

MAX_PROFILES = 1024
"""Profiles behind these are passed over."""


class SoapError(ValueError):
    """A reply that cannot be used."""


class DoctypeRefusedError(SoapError):
    """The reply carries a document type declaration, which SOAP 1.2 part 1 §5 forbids."""


class NotSoapError(SoapError):
    """The reply isn't well-formed XML, isn't a SOAP envelope, or isn't the answer to what was asked."""


class SoapFaultError(SoapError):
    """The device answered with a Fault; ``codes`` are its Value and nested Subcode values without prefixes."""

    def __init__(self, codes: tuple[str, ...], reason: str) -> None:
        super().__init__(f"SOAP fault {'/'.join(codes)}: {reason}")
        self.codes = codes
        self.reason = reason

    @property
    def not_authorized(self) -> bool:
        """Whether the device wants a (better) login: ONVIF Core §5.8.2.4, ``ter:NotAuthorized`` as a Subcode.

        ``FailedAuthentication`` is what WS-Security 1.0 §12 has for a token that did not verify.
        """
        return not {"NotAuthorized", "FailedAuthentication", "InvalidSecurityToken"}.isdisjoint(self.codes)


@dataclass(frozen=True, slots=True)
class Operation:
    """One request: its SOAP action and its body element."""

    action: str
    body: str


GET_SYSTEM_DATE_AND_TIME = Operation(f"{DEVICE}/GetSystemDateAndTime", f'<GetSystemDateAndTime xmlns="{DEVICE}"/>')
GET_DEVICE_INFORMATION = Operation(f"{DEVICE}/GetDeviceInformation", f'<GetDeviceInformation xmlns="{DEVICE}"/>')
GET_MEDIA_CAPABILITIES = Operation(
    f"{DEVICE}/GetCapabilities", f'<GetCapabilities xmlns="{DEVICE}"><Category>Media</Category></GetCapabilities>'
)
GET_PROFILES = Operation(f"{MEDIA}/GetProfiles", f'<GetProfiles xmlns="{MEDIA}"/>')


def get_stream_uri(profile: str) -> Operation:
    """Ask for the RTSP address of the profile with the token ``profile`` (ONVIF Media §5.15.1)."""
    body = (
        f'<GetStreamUri xmlns="{MEDIA}">'
        f'<StreamSetup><Stream xmlns="{SCHEMA}">RTP-Unicast</Stream>'
        f'<Transport xmlns="{SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
        f"<ProfileToken>{_escaped(profile)}</ProfileToken></GetStreamUri>"
    )
    return Operation(f"{MEDIA}/GetStreamUri", body)


def envelope(operation: Operation, security: str = "") -> bytes:
    """The request as bytes; ``security`` is a header made by :func:`username_token`."""
    header = f"<s:Header>{security}</s:Header>" if security else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}">'
        f"{header}<s:Body>{operation.body}</s:Body></s:Envelope>"
    ).encode()


def content_type(operation: Operation) -> str:
    """The Content-Type header for ``operation`` (RFC 3902 §5)."""
    return f'application/soap+xml; charset=utf-8; action="{operation.action}"'


def username_token(username: str, password: str, *, nonce: bytes, created: datetime) -> str:
    """A WS-Security header with a password digest; ``created`` is the device's idea of now, timezone-aware.

    UsernameToken Profile 1.0 §3.1: ``Base64(SHA-1(nonce + created + password))``. The time has no fraction and
    ends in ``Z``: some Hikvision firmware refuses ``+00:00``.
    """
    stamp = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    proof = hashlib.sha1(nonce + stamp.encode() + password.encode(), usedforsecurity=False).digest()
    return (
        f'<Security s:mustUnderstand="1" xmlns="{SECURITY}"><UsernameToken>'
        f"<Username>{_escaped(username)}</Username>"
        f'<Password Type="{PASSWORD_DIGEST}">{_base64(proof)}</Password>'
        f'<Nonce EncodingType="{BASE64_BINARY}">{_base64(nonce)}</Nonce>'
        f'<Created xmlns="{UTILITY}">{stamp}</Created></UsernameToken></Security>'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInformation:
    """What the device says it is; empty strings for what it does not say."""

    maker: str
    model: str
    firmware: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaProfile:
    """One encoder setting of one video source. ``encoding`` is H264, H265, JPEG …; 0 × 0 when not said."""

    token: str
    name: str
    source: str
    encoding: str
    width: int
    height: int


def parse_system_date_and_time(message: bytes) -> datetime | None:
    """The device's UTC time (ONVIF Core §8.3.5), or None when it says none or an impossible one."""
    reply = _reply(message, f"{{{DEVICE}}}GetSystemDateAndTimeResponse")
    stated = reply.find(f".//{{{SCHEMA}}}UTCDateTime")
    if stated is None:
        return None
    names = ("Year", "Month", "Day", "Hour", "Minute", "Second")
    try:
        year, month, day, hour, minute, second = (int(_text(stated, f".//{{{SCHEMA}}}{name}")) for name in names)
        if not 1970 <= year < 2106:
            # beyond what 32 bits of seconds can say, and so no clock's idea of now
            return None
        # 60 is a leap second to some clocks; datetime knows none
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def parse_device_information(message: bytes) -> DeviceInformation:
    """Who made the device and what it runs (ONVIF Core §8.3.1)."""
    reply = _reply(message, f"{{{DEVICE}}}GetDeviceInformationResponse")
    return DeviceInformation(
        maker=_text(reply, f"{{{DEVICE}}}Manufacturer"),
        model=_text(reply, f"{{{DEVICE}}}Model"),
        firmware=_text(reply, f"{{{DEVICE}}}FirmwareVersion"),
        serial=_text(reply, f"{{{DEVICE}}}SerialNumber"),
    )


def parse_media_address(message: bytes) -> str:
    """The address of the device's media service, as the device states it; empty when it states none."""
    reply = _reply(message, f"{{{DEVICE}}}GetCapabilitiesResponse")
    return _address(reply, f".//{{{SCHEMA}}}Media/{{{SCHEMA}}}XAddr")


def parse_profiles(message: bytes) -> tuple[MediaProfile, ...]:
    """The media profiles in the device's order (ONVIF Media §5.2.2); one without a token is left out."""
    reply = _reply(message, f"{{{MEDIA}}}GetProfilesResponse", limit=MAX_PROFILES_BYTES)
    found = islice(reply.iterfind(f"{{{MEDIA}}}Profiles"), MAX_PROFILES)
    return tuple(_profile(element) for element in found if element.get("token"))


def parse_stream_uri(message: bytes) -> str:
    """The RTSP address of a profile, as the device states it."""
    reply = _reply(message, f"{{{MEDIA}}}GetStreamUriResponse")
    address = _address(reply, f".//{{{SCHEMA}}}Uri")
    if not address:
        raise NotSoapError("GetStreamUriResponse holds no Uri")
    return address


def find_fault(message: bytes) -> SoapFaultError | None:
    """The Fault that ``message`` holds; None when it is anything else, XML or not."""
    try:
        _reply(message, f"{{{SOAP}}}Fault")
    except SoapFaultError as fault:
        return fault
    except SoapError:
        pass
    return None


def _profile(element: etree._Element) -> MediaProfile:
    encoder = f"{{{SCHEMA}}}VideoEncoderConfiguration"
    resolution = f"{encoder}/{{{SCHEMA}}}Resolution"
    return MediaProfile(
        token=element.get("token", "")[:MAX_TEXT_CHARACTERS],
        name=_text(element, f"{{{SCHEMA}}}Name"),
        source=_text(element, f"{{{SCHEMA}}}VideoSourceConfiguration/{{{SCHEMA}}}SourceToken"),
        encoding=_text(element, f"{encoder}/{{{SCHEMA}}}Encoding"),
        width=_number(element, f"{resolution}/{{{SCHEMA}}}Width"),
        height=_number(element, f"{resolution}/{{{SCHEMA}}}Height"),
    )


def _reply(message: bytes, tag: str, limit: int = MAX_MESSAGE_BYTES) -> etree._Element:
    """The body element called ``tag``; a Fault is raised as what it is."""
    root = _parse(message, limit)
    body = root.find(f"{{{SOAP}}}Body") if root.tag == f"{{{SOAP}}}Envelope" else None
    if body is None:
        raise NotSoapError("not a SOAP 1.2 envelope")
    fault = body.find(f"{{{SOAP}}}Fault")
    if fault is not None:
        raise _fault(fault)
    reply = body.find(tag)
    if reply is None:
        raise NotSoapError(f"no {etree.QName(tag).localname} in the body")
    return reply


def _parse(message: bytes, limit: int) -> etree._Element:
    if len(message) > limit:
        raise NotSoapError(f"a reply of {len(message)} bytes")
    text = _decoded(message)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DoctypeRefusedError("the reply carries a document type declaration")
    # The encoding is given, so that a declared one (UTF-7, say) cannot spell a document type past the line above.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise NotSoapError(f"not well-formed XML: {error.msg}"[:160]) from None


def _decoded(message: bytes) -> str:
    # Some devices declare UTF-8 and send a site name in GBK.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return message.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotSoapError("neither UTF-8 nor GB 18030")


def _fault(element: etree._Element) -> SoapFaultError:
    """SOAP 1.2 part 1 §5.4: Code/Value, then Subcode/Value nested to any depth."""
    values = islice(element.iterfind(f"{{{SOAP}}}Code//{{{SOAP}}}Value"), MAX_FAULT_CODES)
    codes = tuple((value.text or "").strip().rpartition(":")[2][:MAX_TEXT_CHARACTERS] for value in values)
    return SoapFaultError(codes, _text(element, f"{{{SOAP}}}Reason/{{{SOAP}}}Text"))


def _text(element: etree._Element, path: str) -> str:
    return " ".join((element.findtext(path) or "").split())[:MAX_TEXT_CHARACTERS]


def _address(element: etree._Element, path: str) -> str:
    address = (element.findtext(path) or "").strip()
    return address if len(address) <= MAX_ADDRESS_CHARACTERS else ""


def _number(element: etree._Element, path: str) -> int:
    text = _text(element, path)
    return int(text) if text.isdecimal() and len(text) <= 5 else 0


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _escaped(text: str) -> str:
    """``text`` as XML character data; what XML 1.0 §2.2 cannot carry is left out."""
    # a parser would turn a bare carriage return into a line feed
    return escape("".join(character for character in text if _allowed(character)), {"\r": "&#13;"})


_ALLOWED_CONTROLS = "\t\n\r"


def _allowed(character: str) -> bool:
    code = ord(character)
    return character in _ALLOWED_CONTROLS or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
