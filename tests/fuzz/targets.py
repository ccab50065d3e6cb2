"""Everything that reads what strangers wrote, with what it promises to do with any bytes at all."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path

import openpyxl
import xlwt  # type: ignore[import-untyped]  # it has no annotations

from monitor.control import BadOrderError, read_order
from monitor.inventory import InventoryError
from monitor.inventory import read as read_ledger
from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.image.memory import from_json, to_json
from probes.image.messages import (
    LENGTH_BYTES,
    MAX_BLOB_BYTES,
    MessageError,
    header_length,
    pack_job,
    pack_judgement,
    parse_header,
    parse_job,
    parse_judgement,
)
from probes.image.pool import DecodePool
from probes.observation import Credential, Light, Observation, PictureMemory, Reference, Target
from probes.observe import observe
from probes.onvif import OnvifProbe
from probes.picture import PictureProbe
from probes.probe import Probe
from probes.wire import soap
from probes.wire.assembler import MAX_PICTURE, PictureAssembler
from probes.wire.digest import MAX_CHALLENGES, Login, best_challenge, parse_challenges
from probes.wire.jpeg import JpegAssembler
from probes.wire.mpeg4 import Mpeg4Assembler
from probes.wire.nal import MAX_PARAMETER_SET, MAX_PARAMETER_SETS, H264Assembler, H265Assembler
from probes.wire.rtp import MalformedPacket, SequenceCheck, Sorter, parse_packet
from probes.wire.rtsp_message import MAX_BODY, MAX_HEADERS, MalformedMessage, MessageReader, Response, request
from probes.wire.sdp import MAX_CODEC, MAX_CONTROL, aggregate_url, base_url, control_urls, parse_video
from tests.fuzz.engine import Run, parser
from tests.fuzz.engine import Target as FuzzTarget
from tests.probes import older_streams, streams

CREDENTIAL = Credential(id="c", username="admin", password="p@ss:w/rd 密码")
LOOK_S = 5.0
"""The deadline of a look at a scripted peer, which hangs up when it has said everything."""
UNASKED_S = 0.02
"""How long that peer waits to be asked: who got no whole answer asks nothing more."""


def pieces(data: bytes) -> list[bytes]:
    """``data`` in pieces of many sizes, the same ones for the same data."""
    sizes = zlib.crc32(data)
    cut: list[bytes] = []
    at = 0
    while at < len(data):
        size = 1 + (sizes & 0xFF if len(cut) % 3 else sizes & 0x3)
        sizes = sizes * 1_103_515_245 + 12_345 & 0xFFFFFFFF
        cut.append(data[at : at + size])
        at += size
    return cut


def _brief(said: str) -> None:
    """Whoever reads a refusal is not drowned by it."""
    assert len(said) < 4000


def frames(data: bytes) -> list[bytes]:
    """The payloads of interleaved frames, however the data was damaged."""
    found: list[bytes] = []
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at + 2 : at + 4])
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


# RTSP messages


def _read_all(parts: Sequence[bytes]) -> list[object]:
    events: list[object] = []

    def on_response(response: Response) -> None:
        assert len(response.body) <= MAX_BODY
        assert len(response.headers) <= MAX_HEADERS
        events.append(response)

    reader = MessageReader(on_response, lambda channel, payload: events.append((channel, bytes(payload))))
    try:
        for part in parts:
            reader.feed(part)
    except MalformedMessage:
        events.append(MalformedMessage)
    return [*events, reader.answered]


def read_messages(data: bytes) -> None:
    """Whole or in pieces, a stream reads the same."""
    whole, cut = _read_all([data]), _read_all(pieces(data))
    assert whole == cut, "cut in pieces, the stream reads differently"


def message_seeds() -> list[bytes]:
    sdp = streams.description("H264")
    head = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: %d\r\n\r\n" % len(sdp)
    return [
        head + sdp,
        b'RTSP/1.0 401 No\nwww-authenticate: Digest realm="r",\n nonce="n"\n\nRTSP/1.0 100 C\r\n\r\n',
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n<html></>",
        b"ANNOUNCE rtsp://h/ RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 2\r\n\r\nhi\r\n$\0\0\3abc$\1\0\0",
        b"RTSP/1.0 200 OK\r\n\r\n" + streams.interleaved(streams.packets("H264", streams.access_units("H264")[:2])[:6]),
    ]


# logins


def read_challenges(data: bytes) -> None:
    headers = [line.decode("latin-1") for line in data.split(b"\n")[:64]]
    challenges = parse_challenges(headers)
    assert len(challenges) <= MAX_CHALLENGES
    challenge = best_challenge(challenges)
    if challenge is not None:
        login = Login(challenge, CREDENTIAL.username, CREDENTIAL.password)
        for number in range(2):
            answer = login.authorization("DESCRIBE", "rtsp://h/", cnonce=f"c{number}", body=b"x")
            assert len(answer.encode("latin-1")) <= 2 * len(data) + 1000
            assert CREDENTIAL.password not in answer


CHALLENGES = (
    b'Digest realm="IP Camera(1)", nonce="n=1", qop="auth,auth-int", opaque="o", stale=TRUE, algorithm=SHA-256',
    b'Basic realm="x"\nDigest realm="a, b", nonce="b" , Basic realm="\\"c"\nNegotiate, Digest algorithm=MD5-sess',
)


# descriptions


def read_description(data: bytes) -> None:
    media = parse_video(data)
    if media is None:
        return
    assert len(media.codec) <= MAX_CODEC
    assert media.codec.isascii()
    assert 0 < media.clock_rate < 10**9
    assert sum(map(len, media.parameter_sets)) + len(media.configuration) <= len(data)
    base = base_url("rtsp://h/live", media.control, media.session_control)
    urls = (*control_urls(base, media.control), aggregate_url(base, media.session_control))
    for url in urls:
        assert len(url) <= 3 * MAX_CONTROL + 100
        assert len(request("SETUP", url, 1).split()) == 5, f"{url!r} breaks the request line"


def description_seeds() -> list[bytes]:
    configuration, _ = older_streams.mpeg4_clip()
    fmtp = f"a=fmtp:96 profile-level-id=1;config={configuration.hex()}\r\n".encode()
    return [
        streams.description("H264"),
        streams.description("H265"),
        streams.plain_description("MP4V-ES") + fmtp,
        b"v=0\na=control:rtsp://h/x/\nm=video 0 RTP/SAVP 26 97\na=control:/trackID=1?a=b\n",
    ]


# packets


def read_packets(data: bytes) -> None:
    check, sorter = SequenceCheck(), Sorter()
    sorted_bytes = 0
    for frame in frames(data):
        try:
            packet = parse_packet(memoryview(frame))
        except MalformedPacket:
            continue
        assert len(packet.payload) < len(frame)
        assert check.follow(packet) >= -1
        sorted_bytes += sum(map(len, sorter.push(frame)))
    assert sorted_bytes <= len(data)


def assembling(make: Callable[[], PictureAssembler]) -> Run:
    """All pictures that come of the packets in the data, which are no larger than what was sent."""

    def run(data: bytes) -> None:
        assembler = make()
        spare = MAX_PARAMETER_SETS * MAX_PARAMETER_SET + 2048
        for frame in frames(data):
            try:
                packet = parse_packet(memoryview(frame))
            except MalformedPacket:
                continue
            picture = assembler.push(packet)
            if picture is not None:
                assert picture.data
                assert len(picture.data) <= min(MAX_PICTURE, 5 * len(data)) + spare

    return run


@lru_cache(maxsize=4)
def stream_seeds(codec: str) -> list[bytes]:
    units = streams.access_units(codec)
    sets, rest = units[0][:2], units[0][2:]
    aggregate = streams.Rtp(sequence=1, timestamp=0, payload=streams.aggregate(codec, sets))
    return [
        streams.interleaved(streams.packets(codec, units[:2], limit=4000)),
        streams.interleaved(streams.packets(codec, units[4:7], limit=200))[:20_000],
        streams.interleaved([aggregate, *streams.packets(codec, [rest], first_sequence=2)])[:20_000],
        streams.interleaved([streams.Rtp(sequence=9, timestamp=1, payload=b"\x06\x06\x01\xc4\x80", marker=True)]),
    ]


def jpeg_seeds() -> list[bytes]:
    made = []
    for quality, restart in ((50, 0), (older_streams.DYNAMIC, 4)):
        payloads = older_streams.jpeg_payloads(older_streams.jpeg(50, restart), quality, restart_interval=restart)
        made.append(streams.interleaved(older_streams.packets([payloads], payload_type=26)))
    return made


def mpeg4_seeds() -> list[bytes]:
    configuration, pictures = older_streams.mpeg4_clip()
    payloads = [older_streams.mpeg4_payloads(picture)[:20] for picture in (configuration + pictures[0], pictures[1])]
    return [streams.interleaved(older_streams.packets(payloads, payload_type=96))]


# SOAP

SOAP_PARSERS = (
    soap.parse_system_date_and_time,
    soap.parse_device_information,
    soap.parse_media_address,
    soap.parse_profiles,
    soap.parse_stream_uri,
)


def read_soap(data: bytes) -> None:
    soap.find_fault(data)
    for parse in SOAP_PARSERS:
        try:
            told = parse(data)
        except soap.SoapError as error:
            _brief(str(error))
            continue
        if isinstance(told, str):
            assert len(told) <= soap.MAX_ADDRESS_CHARACTERS
        elif isinstance(told, tuple):
            assert len(told) <= soap.MAX_PROFILES
        else:
            assert len(repr(told)) < 10 * soap.MAX_TEXT_CHARACTERS


def _soap(body: str) -> bytes:
    names = f'xmlns:s="{soap.SOAP}" xmlns:d="{soap.DEVICE}" xmlns:m="{soap.MEDIA}" xmlns:t="{soap.SCHEMA}"'
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {names}><s:Body>{body}</s:Body></s:Envelope>'.encode()


SOAP_SEEDS = (
    _soap(
        "<d:GetSystemDateAndTimeResponse><t:UTCDateTime><t:Time><t:Hour>8</t:Hour><t:Minute>30</t:Minute><t:Second>5"
        "</t:Second></t:Time><t:Date><t:Year>2026</t:Year><t:Month>11</t:Month><t:Day>24</t:Day></t:Date>"
        "</t:UTCDateTime></d:GetSystemDateAndTimeResponse>"
    ),
    _soap(
        "<d:GetDeviceInformationResponse><d:Manufacturer>大华</d:Manufacturer><d:Model>IPC</d:Model>"
        "</d:GetDeviceInformationResponse>"
    ),
    _soap(
        "<d:GetCapabilitiesResponse><t:Media><t:XAddr>http://10.0.0.1/onvif/Media</t:XAddr></t:Media>"
        "</d:GetCapabilitiesResponse>"
    ),
    _soap(
        '<m:GetProfilesResponse><m:Profiles token="a"><t:Name>n</t:Name><t:VideoSourceConfiguration><t:SourceToken>s'
        "</t:SourceToken></t:VideoSourceConfiguration><t:VideoEncoderConfiguration><t:Encoding>H264</t:Encoding>"
        "<t:Resolution><t:Width>1920</t:Width><t:Height>1080</t:Height></t:Resolution></t:VideoEncoderConfiguration>"
        "</m:Profiles></m:GetProfilesResponse>"
    ),
    _soap(
        "<m:GetStreamUriResponse><m:MediaUri><t:Uri>rtsp://10.0.0.1:554/a?b=c&amp;d</t:Uri></m:MediaUri>"
        "</m:GetStreamUriResponse>"
    ),
    _soap(
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode>"
        '</s:Code><s:Reason><s:Text xml:lang="en">no</s:Text></s:Reason></s:Fault>'
    ),
)


# what our own processes and the store say to each other

THUMB = bytes(range(256)) * 56 + bytes(64)
MEMORY = PictureMemory(at=1.0, hash=bytes(32), thumb=THUMB, clock_strip=(1, 2, 3, 4)).with_reference(
    Light.DAY, Reference(at=2.0, thumb=THUMB, approved_by="张三")
)


def read_messages_of_workers(data: bytes) -> None:
    try:
        size = header_length(data[:LENGTH_BYTES])
        header, lengths = parse_header(data[LENGTH_BYTES : LENGTH_BYTES + size])
    except MessageError:
        return
    assert sum(length or 0 for length in lengths) <= MAX_BLOB_BYTES
    blobs = [None if length is None else bytes(min(length, 100)) for length in lengths]
    for parse in (parse_job, parse_judgement):
        try:
            parse(header, blobs)
        except MessageError:
            continue


def worker_seeds() -> list[bytes]:
    judgement = PictureJudgement(
        judged=Judged.JUDGED, width=640, height=360, faults=("black",), measures={"mean": 1.5}, jpeg=b"j", memory=MEMORY
    )
    return [
        pack_job(PictureJob(codec="h264", first=b"a", second=b"b", at=1.0, memory=MEMORY)),
        pack_judgement(judgement),
        pack_judgement(PictureJudgement(judged=Judged.REFUSED, said="no")),
    ]


def read_memory(data: bytes) -> None:
    try:
        kept = from_json(data.decode("utf-8", "replace"))
    except ValueError:
        return
    assert from_json(to_json(kept)) == kept or kept.at != kept.at


def read_orders(data: bytes) -> None:
    try:
        order = read_order(data, "camera", "depth")
    except BadOrderError as error:
        _brief(str(error))
        return
    assert set(order) == {"camera", "depth"}


# ledgers


@contextmanager
def ledgers() -> Iterator[Run]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"

        def run(data: bytes) -> None:
            path.write_bytes(data)
            try:
                read_ledger(path)
            except InventoryError as error:
                _brief(error.zh)

        yield run


LEDGER = (
    ("国标编码", "点位名称", "乡镇", "村", "IP地址", "RTSP路径", "启用日期", "重点点位"),
    ("34020000001320000001", "村口", "泌水镇", "东村", "10.1.1.1", "/live", "2024-01-31", "是"),
)


@lru_cache(maxsize=1)
def ledger_seeds() -> list[bytes]:
    text = "\r\n".join(",".join(row) for row in LEDGER)
    modern, old = io.BytesIO(), io.BytesIO()
    book = openpyxl.Workbook()
    for row in LEDGER:
        book.worksheets[0].append(list(row))
    book.save(modern)
    older = xlwt.Workbook()
    sheet = older.add_sheet("台账")
    for number, row in enumerate(LEDGER):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    older.save(old)
    return [text.encode(), text.encode("gb18030"), text.encode("utf-16"), modern.getvalue(), old.getvalue()]


# whole looks, at a peer that says the data piece by piece and hangs up

SEPARATOR = b"\x00<then>\x00"


@contextmanager
def looks(probe: Probe, *, http: bool = False) -> Iterator[Run]:
    """One look at a peer that answers each request with the next part of the data."""
    answers: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while answers:
                with suppress(TimeoutError):
                    async with asyncio.timeout(UNASKED_S):
                        await reader.readuntil(b"\r\n\r\n")
                writer.write(answers.pop(0) if answers else b"")
            writer.write_eof()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def end() -> None:
        if isinstance(probe, OnvifProbe):
            await probe.close()
        await server.wait_closed()

    async def look(data: bytes) -> Observation:
        answers[:] = data.split(SEPARATOR)[:16]
        port = server.sockets[0].getsockname()[1]
        where = {"rtsp_port": None, "onvif_port": port} if http else {"rtsp_port": port}
        target = Target(camera="c", host="127.0.0.1", rtsp_path="/live", credential=CREDENTIAL, **where)
        return await observe(probe, target, at=0.0, deadline_s=LOOK_S)

    def run(data: bytes) -> None:
        observation = runner.run(look(data))
        assert observation.facts.get("ours") != "probe error", "a bug of ours, see the log"
        assert CREDENTIAL.password not in repr(observation)
        assert all(step.said.isprintable() for step in observation.steps)
        assert len(json.dumps(dict(observation.facts))) < 5000

    with asyncio.Runner() as runner:
        server = runner.run(asyncio.start_server(serve, "127.0.0.1", 0))
        try:
            yield run
        finally:
            server.close()
            runner.run(end())


class NoDecoder:
    """Judges nothing: the decoder has a target of its own."""

    async def judge(self, job: PictureJob) -> PictureJudgement:
        assert len(job.first) < 2 * MAX_PICTURE
        return PictureJudgement(judged=Judged.JUDGED, width=640, height=360)


LOOK = PictureProbe(
    decoder=NoDecoder(), now=lambda: 5000.0, reply_timeout_s=0.1, first_rtp_timeout_s=0.1, key_frame_timeout_s=0.1
)


def look_seeds() -> list[bytes]:
    sdp = streams.description("H264")
    described = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Base: rtsp://h/\r\nContent-Length: %d\r\n\r\n" % len(sdp) + sdp
    refused = b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n\r\n'
    set_up = b"RTSP/1.0 200 OK\r\nSession: 1;timeout=60\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"
    packets = streams.packets("H264", streams.access_units("H264")[:2], limit=4000)
    played = b"RTSP/1.0 200 OK\r\n\r\n" + streams.interleaved(packets)
    moved = b"RTSP/1.0 302 Moved\r\nLocation: /other\r\n\r\n"
    return [
        SEPARATOR.join((refused, described, set_up, played, b"RTSP/1.0 200 OK\r\n\r\n")),
        SEPARATOR.join((described, b"RTSP/1.0 461 No\r\n\r\n", set_up)),
        SEPARATOR.join((moved, described, set_up, b"RTSP/1.0 454 No\r\n\r\n")),
    ]


@contextmanager
def onvif_looks() -> Iterator[Run]:
    probe = OnvifProbe(now=lambda: 5000.0, connect_timeout_s=0.2, reply_timeout_s=0.1)
    with looks(probe, http=True) as run:
        yield run


def onvif_seeds() -> list[bytes]:
    def reply(status: str, body: bytes, *headers: str) -> bytes:
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    date = "Date: Tue, 24 Nov 2026 08:30:05 GMT"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
    return [
        SEPARATOR.join((reply("200 OK", SOAP_SEEDS[0], date), reply("200 OK", SOAP_SEEDS[1]))),
        SEPARATOR.join((reply("401 No", b"", challenge, date), reply("400 Bad", SOAP_SEEDS[5]))),
        SEPARATOR.join((chunked % (len(SOAP_SEEDS[0]), SOAP_SEEDS[0]), reply("302 Moved", b"", "Location: /x"))),
    ]


# the decoder, in its own process


@contextmanager
def decoding(codec: str) -> Iterator[Run]:
    """A worker may die of a picture, and is replaced; only a bug of ours is raised."""

    async def judge(data: bytes) -> None:
        job = PictureJob(codec=codec, first=data, at=0.0, memory=MEMORY)
        judgement = await pool.judge(job)
        assert len(judgement.jpeg or b"") < 1024 * 1024
        assert all(value == value for value in judgement.measures.values()), "a measure is no number"

    with asyncio.Runner() as runner:
        pool = DecodePool(1, wait_limit_s=60.0)
        runner.run(pool.start())
        try:
            yield lambda data: runner.run(judge(data))
        finally:
            runner.run(pool.close())


def picture_seeds(codec: str) -> Callable[[], list[bytes]]:
    def h26x() -> list[bytes]:
        return [b"".join(b"\0\0\0\1" + unit for unit in streams.access_units(codec)[0])]

    def jpeg() -> list[bytes]:
        return [older_streams.jpeg(50)]

    def mpeg4() -> list[bytes]:
        configuration, pictures = older_streams.mpeg4_clip()
        return [configuration + pictures[0]]

    return {"H264": h26x, "H265": h26x, "JPEG": jpeg, "MP4V-ES": mpeg4}[codec]


def _target(name: str, seeds: Callable[[], Sequence[bytes]], run: Run, *tokens: bytes, quick: int = 150) -> FuzzTarget:
    return FuzzTarget(name=name, seeds=seeds, open=parser(run), tokens=tokens, quick=quick)


RTP_TOKENS = (b"$\0\0\x0d", b"$\0\xff\xff", b"\x80\x60\0\1", b"\x80\xe0\0\2", b"\x18\0\0", b"\x7c\x85", b"\x06\x06\x01")
XML_TOKENS = (b"<a>", b"</a>", b"<!DOCTYPE a [", b"<!ENTITY a 'b'>", b"&a;", b"<![CDATA[", b"&#x0;", b"&#65;")

TARGETS = {
    target.name: target
    for target in (
        _target(
            "rtsp_message", message_seeds, read_messages, b"RTSP/1.0 200 OK\r\n", b"Content-Length: 5\r\n", b"$\0\0\4"
        ),
        _target("digest", lambda: CHALLENGES, read_challenges, b'="', b"Digest ", b",", b'\\"', b" " * 40),
        _target("sdp", description_seeds, read_description, b"m=video 0 RTP/AVP 96\n", b"a=control:", b"a=fmtp:96 "),
        _target("rtp", lambda: stream_seeds("H264"), read_packets, *RTP_TOKENS),
        _target("h264", lambda: stream_seeds("H264"), assembling(lambda: H264Assembler([b"\x67\x42"])), *RTP_TOKENS),
        _target("h265", lambda: stream_seeds("H265"), assembling(H265Assembler), *RTP_TOKENS, b"\x62\x01\x93"),
        _target("jpeg", jpeg_seeds, assembling(JpegAssembler), *RTP_TOKENS),
        _target("mpeg4", mpeg4_seeds, assembling(lambda: Mpeg4Assembler(b"\0\0\1\x20")), b"\0\0\1\xb6", *RTP_TOKENS),
        _target("soap", lambda: SOAP_SEEDS, read_soap, *XML_TOKENS),
        _target("worker_message", worker_seeds, read_messages_of_workers, b"[", b"{", b"null", b"Infinity", b"1e999"),
        _target("picture_memory", lambda: [to_json(MEMORY).encode()], read_memory, b"[", b"NaN", b"1e999", b"null"),
        _target(
            "control", lambda: [b'{"camera": "c1", "depth": "light"}'], read_orders, b"[", b"{", b"null", b"\\ud800"
        ),
        FuzzTarget(name="ledger", seeds=ledger_seeds, open=ledgers, tokens=(b'"', b",", b"\t"), quick=40, allowance=20),
        FuzzTarget(
            name="rtsp_look",
            seeds=look_seeds,
            open=lambda: looks(LOOK),
            tokens=(SEPARATOR, *RTP_TOKENS),
            quick=30,
            allowance=4,
        ),
        FuzzTarget(
            name="onvif_look",
            seeds=onvif_seeds,
            open=onvif_looks,
            tokens=(SEPARATOR, *XML_TOKENS),
            quick=30,
            allowance=4,
        ),
        *(
            FuzzTarget(
                name=f"decode_{name}",
                seeds=picture_seeds(codec),
                open=partial(decoding, name),
                quick=15,
                allowance=100,
            )
            for name, codec in (("h264", "H264"), ("hevc", "H265"), ("mjpeg", "JPEG"), ("mpeg4", "MP4V-ES"))
        ),
    )
}
