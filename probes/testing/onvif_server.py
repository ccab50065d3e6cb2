"""The ONVIF side of a fictitious device: enough of the device and media services to be read, nothing to be changed.

Replies have the wording of common firmware; the namespaces and operations are those of ONVIF's device.wsdl and
media.wsdl, version 1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast
from xml.sax.saxutils import escape

from lxml import etree

from probes.testing.device import Channel, Device, OnvifLogin
from probes.testing.faults import Fault
from probes.testing.login import digest_fields, digest_is_right, wsse_is_right

REQUEST_LIMIT = 65_536
HTTP_REALM = "IP Camera"
CLOCK_OPERATION = "GetSystemDateAndTime"
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:ter="http://www.onvif.org/ver10/error"><env:Body>{body}</env:Body></env:Envelope>'
)
FAULT = (
    "<env:Fault><env:Code><env:Value>env:{party}</env:Value><env:Subcode><env:Value>ter:{subcode}</env:Value>"
    '</env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">{reason}</env:Text></env:Reason></env:Fault>'
)
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)


class OnvifConnection(asyncio.Protocol):
    """One HTTP client of a device."""

    def __init__(self, device: Device) -> None:
        self.dark = False
        self._device = device
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._logged_in = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.dark = self._device.has(Fault.TARPIT)
        self._device.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._device.disconnected(self)

    def go_dark(self) -> None:
        self.dark = True

    def drop(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.dark:
            return
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].decode("latin-1")
            headers = _headers(head)
            length = headers.get("content-length", "0")
            stop = end + 4 + (int(length) if length.isdecimal() else 0)
            if len(self._received) < stop:
                break
            body = bytes(self._received[end + 4 : stop])
            del self._received[:stop]
            delay = self._device.delay_s if self._device.has(Fault.SLOW) else 0.0
            self._loop.call_later(delay, self._answer, head, headers, body)
        if len(self._received) > REQUEST_LIMIT:
            self.drop()

    def _answer(self, head: str, headers: dict[str, str], body: bytes) -> None:
        if self.dark or self._transport.is_closing():
            return
        self._device.counts.requests += 1
        envelope, operation = _operation(body)
        if envelope is None:
            self._send("400 Bad Request", _fault("Sender", "WellFormed", "not a SOAP envelope"))
        elif not operation.startswith("Get"):
            self._device.violation(operation)
            self._send("400 Bad Request", _fault("Receiver", "ActionNotSupported", "optional action not implemented"))
        elif self._authorized(operation, head, headers, envelope):
            self._reply(operation, headers.get("host", self._device.host), envelope)

    def _authorized(self, operation: str, head: str, headers: dict[str, str], envelope: etree._Element) -> bool:
        access, password = self._device.access, self._device.password()
        if access.onvif is OnvifLogin.NONE or (operation == CLOCK_OPERATION and not access.onvif_clock_login):
            return True
        if access.onvif is OnvifLogin.WSSE:
            offered = any(etree.QName(node).localname == "UsernameToken" for node in envelope.iter(etree.Element))
            right = offered and wsse_is_right(
                envelope, username=access.username, password=password, clock=self._device.clock()
            )
        else:
            fields = digest_fields(headers.get("authorization", ""))
            offered = bool(fields)
            right = offered and digest_is_right(
                fields,
                method=head.partition(" ")[0],
                username=access.username,
                password=password,
                realm=HTTP_REALM,
                nonce=self._device.http_nonce,
            )
        if offered and self._device.judge_login(right, counts=not self._logged_in):
            self._logged_in = True
            return True
        self._challenge()
        return False

    def _challenge(self) -> None:
        if self._device.access.onvif is OnvifLogin.HTTP_DIGEST:
            fields = f'qop="auth", realm="{HTTP_REALM}", nonce="{self._device.http_nonce}", stale="FALSE"'
            self._send("401 Unauthorized", "", f"WWW-Authenticate: Digest {fields}")
        else:
            reason = "The action requested requires authorization and the sender is not authorized"
            self._send("400 Bad Request", _fault("Sender", "NotAuthorized", reason))

    def _reply(self, operation: str, host: str, envelope: etree._Element) -> None:
        build = OPERATIONS.get(operation)
        if build is None:
            self._send("400 Bad Request", _fault("Receiver", "ActionNotSupported", "optional action not implemented"))
        else:
            self._send("200 OK", build(self._device, host, envelope))

    def _send(self, status: str, body: str, *headers: str) -> None:
        raw = ENVELOPE.format(body=body).encode() if body else b""
        lines = [
            f"HTTP/1.1 {status}",
            "Server: App-webs/",
            "Content-Type: application/soap+xml; charset=utf-8",
            *headers,
            f"Content-Length: {len(raw)}",
            "Connection: keep-alive",
        ]
        reply = "\r\n".join([*lines, "", ""]).encode() + raw
        if self._device.has(Fault.RESET):
            self._transport.write(reply[: len(reply) // 2])
            self._loop.call_later(0.02, self._transport.abort)
        else:
            self._transport.write(reply)


def _headers(head: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.split("\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _operation(body: bytes) -> tuple[etree._Element | None, str]:
    """The envelope and the local name of the operation in its body, or (None, "")."""
    try:
        envelope = etree.fromstring(body, PARSER)
    except etree.XMLSyntaxError:
        return None, ""
    for node in envelope.iterchildren(etree.Element):
        if etree.QName(node).localname == "Body" and len(node):
            return envelope, etree.QName(node[0]).localname
    return None, ""


def _fault(party: str, subcode: str, reason: str) -> str:
    return FAULT.format(party=party, subcode=subcode, reason=reason)


def _moment(tag: str, moment: datetime) -> str:
    time = (
        f"<tt:Hour>{moment.hour}</tt:Hour><tt:Minute>{moment.minute}</tt:Minute><tt:Second>{moment.second}</tt:Second>"
    )
    date = f"<tt:Year>{moment.year}</tt:Year><tt:Month>{moment.month}</tt:Month><tt:Day>{moment.day}</tt:Day>"
    return f"<tt:{tag}><tt:Time>{time}</tt:Time><tt:Date>{date}</tt:Date></tt:{tag}>"


def _date_and_time(device: Device, host: str, envelope: etree._Element) -> str:
    now = datetime.fromtimestamp(device.clock(), UTC)
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8:00:00</tt:TZ></tt:TimeZone>"
        f"{_moment('UTCDateTime', now)}{_moment('LocalDateTime', now + timedelta(hours=8))}"
        "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def _device_information(device: Device, host: str, envelope: etree._Element) -> str:
    maker = device.maker
    return (
        f"<tds:GetDeviceInformationResponse><tds:Manufacturer>{escape(maker.name)}</tds:Manufacturer>"
        f"<tds:Model>{escape(maker.model)}</tds:Model><tds:FirmwareVersion>{escape(maker.firmware)}"
        f"</tds:FirmwareVersion><tds:SerialNumber>{escape(device.serial)}</tds:SerialNumber>"
        "<tds:HardwareId>88</tds:HardwareId></tds:GetDeviceInformationResponse>"
    )


def _capabilities(device: Device, host: str, envelope: etree._Element) -> str:
    base = f"http://{escape(host)}/onvif"
    return (
        "<tds:GetCapabilitiesResponse><tds:Capabilities>"
        f"<tt:Device><tt:XAddr>{base}/device_service</tt:XAddr></tt:Device>"
        f"<tt:Media><tt:XAddr>{base}/Media</tt:XAddr><tt:StreamingCapabilities><tt:RTPMulticast>false</tt:RTPMulticast>"
        "<tt:RTP_TCP>true</tt:RTP_TCP><tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>"
        "</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def _services(device: Device, host: str, envelope: etree._Element) -> str:
    services = "".join(
        f"<tds:Service><tds:Namespace>http://www.onvif.org/ver10/{name}/wsdl</tds:Namespace>"
        f"<tds:XAddr>http://{escape(host)}/onvif/{path}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for name, path in (("device", "device_service"), ("media", "Media"))
    )
    return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"


def _profile(device: Device, channel: Channel) -> str:
    fmt, number = device.studio.format, channel.number
    return (
        f'<trt:Profiles token="Profile_{number}" fixed="true"><tt:Name>mainStream_{number}</tt:Name>'
        f'<tt:VideoSourceConfiguration token="VideoSourceToken_{number}"><tt:Name>VideoSourceConfig</tt:Name>'
        f"<tt:UseCount>1</tt:UseCount><tt:SourceToken>VideoSource_{number}</tt:SourceToken>"
        f'<tt:Bounds x="0" y="0" width="{fmt.width}" height="{fmt.height}"/></tt:VideoSourceConfiguration>'
        f'<tt:VideoEncoderConfiguration token="VideoEncoderToken_{number}"><tt:Name>VideoEncoder_{number}</tt:Name>'
        # ONVIF's Media service 1 has no word for H.265; firmware reports H264 there
        "<tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding>"
        f"<tt:Resolution><tt:Width>{fmt.width}</tt:Width><tt:Height>{fmt.height}</tt:Height></tt:Resolution>"
        f"<tt:Quality>3</tt:Quality><tt:RateControl><tt:FrameRateLimit>{fmt.fps}</tt:FrameRateLimit>"
        "<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl>"
        f"<tt:H264><tt:GovLength>{fmt.fps * fmt.gop_s}</tt:GovLength><tt:H264Profile>Main</tt:H264Profile></tt:H264>"
        "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
        "<tt:Port>8860</tt:Port><tt:TTL>128</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        "<tt:SessionTimeout>PT5S</tt:SessionTimeout></tt:VideoEncoderConfiguration></trt:Profiles>"
    )


def _profiles(device: Device, host: str, envelope: etree._Element) -> str:
    profiles = "".join(_profile(device, channel) for channel in device.channels)
    return f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"


def _stream_uri(device: Device, host: str, envelope: etree._Element) -> str:
    asked = next((n.text for n in envelope.iter(etree.Element) if etree.QName(n).localname == "ProfileToken"), "")
    channel = next((c for c in device.channels if asked == f"Profile_{c.number}"), device.channels[0])
    uri = escape(f"rtsp://{device.host}:{device.rtsp_port}{channel.path}")
    return (
        f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri>"
        "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
        "<tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
    )


OPERATIONS: dict[str, Callable[[Device, str, etree._Element], str]] = {
    CLOCK_OPERATION: _date_and_time,
    "GetDeviceInformation": _device_information,
    "GetCapabilities": _capabilities,
    "GetServices": _services,
    "GetProfiles": _profiles,
    "GetStreamUri": _stream_uri,
}
