"""A real Mosquitto on a free loopback address, with the access list that deploy/mosquitto installs."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.e2e.site import until

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
PASSWORDS = shutil.which("mosquitto_passwd")
DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
WRITER, READER = ("xunjian", "writer's password"), ("centre", "reader's password")


@dataclass(kw_only=True)
class Mosquitto:
    """A broker that can be killed, stopped and started again on the same port, with the files in ``home``."""

    home: Path
    port: int
    tls: bool
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it takes connections."""
        assert PROGRAM is not None
        with (self.home / "mosquitto.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                PROGRAM, "-c", str(self.home / "mosquitto.conf"), stdout=log, stderr=log
            )
        await until("mosquitto listens", self._listens, bool, within_s=20)

    async def kill(self) -> None:
        """End it without warning."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def end(self) -> None:
        """End it in order: it saves what it knows."""
        assert self.process is not None
        self.process.terminate()
        await self.process.wait()

    async def save(self) -> None:
        """Let it save what it knows, as it does by itself every autosave_interval."""
        assert self.process is not None
        saved = self.home / "mosquitto.db"
        saved.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        await until("mosquitto has saved", lambda: asyncio.to_thread(saved.exists), bool, within_s=20)

    def freeze(self) -> None:
        """Let it answer nobody, its connections open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True


@asynccontextmanager
async def mosquitto(home: Path, *, tls: bool = False) -> AsyncIterator[Mosquitto]:
    """A running broker; the xunjian.conf and xunjian.acl of deploy/ decide who may do what."""
    home.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if tls:
        make_certificates(home)
    write_settings(home, port, tls=tls)
    broker = Mosquitto(home=home, port=port, tls=tls)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.kill()


def write_settings(home: Path, port: int, *, tls: bool) -> None:
    """What deploy/ installs, with its paths and its listener moved."""
    assert PASSWORDS is not None
    passwords = home / "xunjian.passwd"
    passwords.write_text("".join(f"{name}:{password}\n" for name, password in (WRITER, READER)))
    subprocess.run([PASSWORDS, "-U", str(passwords)], check=True)
    shutil.copy(DEPLOY / "xunjian.acl", home / "xunjian.acl")
    for secret in (passwords, home / "xunjian.acl"):
        secret.chmod(0o600)
    text = (DEPLOY / "xunjian.conf").read_text("utf-8")
    listener = f"listener {port} 127.0.0.1\n"
    if tls:
        listener += f"cafile {home}/ca.crt\ncertfile {home}/server.crt\nkeyfile {home}/server.key\n"
    assert "listener 1883 127.0.0.1\n" in text
    text = text.replace("listener 1883 127.0.0.1\n", listener).replace("/etc/mosquitto/", f"{home}/")
    # What Debian's mosquitto.conf says beside it; root would otherwise become a user who cannot read this folder.
    text += f"persistence true\npersistence_location {home}/\n"
    text += "user root\n" if os.geteuid() == 0 else ""
    (home / "mosquitto.conf").write_text(text, "utf-8")


def make_certificates(home: Path) -> None:
    """An authority, and a certificate of 127.0.0.1 that it has signed."""
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)

    def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    own = certificate(authority, authority_key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    its = certificate(server, server_key).add_extension(names, False)
    (home / "ca.crt").write_bytes(own.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (home / "server.crt").write_bytes(its.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (home / "server.key").write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


Name = tuple[str, int]
"""epoch and seq"""


@dataclass(kw_only=True)
class Subscriber:
    """What somebody at the centre hears: connects again when the broker is gone, knows events by epoch and seq."""

    broker: Mosquitto
    client_id: str = "centre"
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """topic and document of each event, the first time that it came"""
    repeated: int = 0
    retained: dict[str, dict[str, Any]] = field(default_factory=dict)
    """what is said of states, by topic, the newest"""
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    _names: set[Name] = field(default_factory=set)

    async def listen(self) -> None:
        """Hear until cancelled."""
        while True:
            with suppress(aiomqtt.MqttError):
                await self._session()
            self.connected.clear()
            await asyncio.sleep(0.1)

    async def _session(self) -> None:
        tls = ssl.create_default_context(cafile=self.broker.home / "ca.crt") if self.broker.tls else None
        make: Callable[[int], Properties] = Properties  # paho does not annotate it
        session = make(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        async with aiomqtt.Client(
            "127.0.0.1",
            self.broker.port,
            username=READER[0],
            password=READER[1],
            identifier=self.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=session,
            tls_context=tls,
        ) as client:
            await client.subscribe("xunjian/v1/#", qos=1)
            self.connected.set()
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                self._hear(str(message.topic), message.payload)

    def _hear(self, topic: str, payload: bytes) -> None:
        if not payload:
            self.retained.pop(topic, None)
            return
        document = json.loads(payload)
        if "seq" not in document:
            self.retained[topic] = document
            return
        name = document["epoch"], document["seq"]
        if name in self._names:
            self.repeated += 1
            return
        self._names.add(name)
        self.events.append((topic, document))

    async def until(self, what: str, is_so: Callable[[Subscriber], object], *, within_s: float = 30.0) -> None:
        """Wait until ``is_so`` holds of what was heard."""

        async def told() -> Mapping[str, object]:
            return {"events": len(self.events), "retained": len(self.retained), "repeated": self.repeated}

        await until(what, told, lambda _: is_so(self), within_s=within_s)


@asynccontextmanager
async def subscriber(broker: Mosquitto, client_id: str = "centre") -> AsyncIterator[Subscriber]:
    """A subscriber that is connected."""
    ears = Subscriber(broker=broker, client_id=client_id)
    listening = asyncio.create_task(ears.listen())
    try:
        await asyncio.wait_for(ears.connected.wait(), 20)
        yield ears
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
