"""Scripted peers on real loopback sockets: what stands where a camera is expected."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_REQUEST = re.compile(r"(\w+) (\S+) RTSP/1\.0")


@dataclass(frozen=True)
class Request:
    """What the prober asked."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """One well-formed answer; ``then`` is written right behind it."""

    status: int = 200
    reason: str | bytes = "OK"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    then: bytes = b""

    def packed(self, cseq: str) -> bytes:
        reason = self.reason if isinstance(self.reason, bytes) else self.reason.encode()
        lines = [f"RTSP/1.0 {self.status} ".encode() + reason, f"CSeq: {cseq}".encode()]
        lines += [f"{name}: {value}".encode() for name, value in self.headers]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}".encode())
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body + self.then


@dataclass(frozen=True)
class Raw:
    """Bytes written as they are, and whether the peer hangs up behind them."""

    data: bytes = b""
    hang_up: bool = False


Act = Reply | Raw | Callable[[Request, "Session"], Awaitable[Reply | Raw]]
Script = Mapping[str, Act | list[Act]]
"""Method → what is answered; a list answers the first, second … request, and the last one ever after."""


@dataclass
class Session:
    """One connection to a peer."""

    writer: asyncio.StreamWriter
    requests: list[Request] = field(default_factory=list)


@dataclass
class Peer:
    """A server that follows a script and remembers what it was asked, over all connections."""

    script: Script
    greeting: Raw | None = None
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def asked(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        session = Session(writer)
        self.sessions.append(session)
        try:
            if self.greeting is not None:
                writer.write(self.greeting.data)
                if self.greeting.hang_up:
                    return
            while (request := await _read_request(reader)) is not None:
                self.requests.append(request)
                session.requests.append(request)
                if not await self._answer(request, session):
                    return
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, session: Session) -> bool:
        act = self.script.get(request.method, Reply())
        if isinstance(act, list):
            act = act[min(len(self.asked(request.method)), len(act)) - 1]
        answer = act if isinstance(act, Reply | Raw) else await act(request, session)
        if isinstance(answer, Reply):
            session.writer.write(answer.packed(request.headers.get("cseq", "")))
            return True
        session.writer.write(answer.data)
        return not answer.hang_up


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    found = _REQUEST.fullmatch(first)
    assert found, f"the prober sent a malformed request line: {first!r}"
    pairs = (line.partition(":") for line in lines if line)
    return Request(found[1], found[2], {name.lower(): value.strip() for name, _, value in pairs})


@asynccontextmanager
async def serving(
    script: Script | None = None,
    *,
    greeting: Raw | None = None,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Peer]:
    """A peer that listens on a free port until the block is left."""
    peer = Peer(script or {}, greeting)
    server = await asyncio.start_server(peer.serve, host, 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for session in peer.sessions:
            session.writer.close()
        await asyncio.gather(*peer.tasks)
        await server.wait_closed()


@lru_cache(maxsize=1)
def self_signed() -> tuple[ssl.SSLContext, str]:
    """A server's TLS context as a camera has it, and the SHA-256 fingerprint of its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "IPC")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2015, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2016, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(certificate.public_bytes(Encoding.PEM))
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        context.load_cert_chain(file.name)
    return context, certificate.fingerprint(hashes.SHA256()).hex()


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port of 127.0.0.1 that answers SYN with RST: bound, so that nobody else gets it, but not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port of 127.0.0.1 that answers no SYN: its queue of connections is full, and nobody accepts them."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


USERNAME, PASSWORD, REALM = "admin", "p@ss:w/rd?#%40 密码", "IP Camera(G1234)"


def challenge(nonce: str = "n1", *, algorithm: str = "MD5", qop: str = "", stale: str = "") -> Reply:
    """401 with one Digest challenge."""
    extra = (f', qop="{qop}"' if qop else "") + (f", stale={stale}" if stale else "")
    value = f'Digest realm="{REALM}", nonce="{nonce}", algorithm={algorithm}{extra}'
    return Reply(401, "Unauthorized", (("WWW-Authenticate", value),))


def guarded(answer: Reply, refusals: list[Reply]) -> Act:
    """Gives ``answer`` to who logs in rightly for the last of ``refusals``, which are given out one by one before."""

    async def act(request: Request, session: Session) -> Reply:
        given = len([earlier for earlier in session.requests if earlier.method == request.method]) - 1
        last = refusals[-1]
        if given < len(refusals) or not is_right_login(request, last):
            return refusals[min(given, len(refusals) - 1)]
        return answer

    return act


def is_right_login(request: Request, refusal: Reply) -> bool:
    """Whether a request answers the challenge of ``refusal``; worked out here from RFC 2617 and 7616 anew."""
    offered = _fields(dict(refusal.headers)["WWW-Authenticate"])
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        return text == base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    sent = _fields(text)
    algorithm = hashlib.sha256 if offered["algorithm"] == "SHA-256" else hashlib.md5

    def digest(*parts: str) -> str:
        return algorithm(":".join(parts).encode()).hexdigest()

    between = [offered["nonce"]]
    if "qop" in offered:
        between += [sent["nc"], sent["cnonce"], sent["qop"]]
    key, asked = digest(USERNAME, REALM, PASSWORD), digest(request.method, request.url)
    return sent.get("nonce") == offered["nonce"] and sent.get("response") == digest(key, *between, asked)


def _fields(text: str) -> dict[str, str]:
    pairs = re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]*))', text)
    return {name: quoted or plain for name, quoted, plain in pairs}
