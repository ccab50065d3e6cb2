"""The example for nginx, run for real: TLS, a login, the page's own refusals, and nothing for Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from monitor.config import load
from monitor.daemon import running

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
OPENSSL = shutil.which("openssl")
EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx" / "xunjian.conf"
NAME = "xunjian.example"
STARTS_WITHIN_S = 10
SETTINGS = f"""
[web]
port = 0
names = ["{NAME}"]
[witness]
canary = false
[picture]
workers = 1
"""

pytestmark = [
    pytest.mark.real_peer,
    pytest.mark.skipif(NGINX is None or OPENSSL is None, reason="needs the Debian packages nginx-light and openssl"),
]


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def certificate(folder: Path) -> None:
    command = [OPENSSL or "", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    command += ["-keyout", str(folder / "xunjian.key"), "-out", str(folder / "xunjian.crt")]
    subprocess.run(command, check=True, capture_output=True)


def settings(folder: Path, page: str, plain: int, secure: int) -> Path:
    """nginx's settings around the example, its files and ports replaced by the test's own."""
    example = EXAMPLE.read_text(encoding="utf-8")
    for shipped, ours in (
        ("/etc/nginx/", f"{folder}/"),
        ("http://127.0.0.1:8420", page.rstrip("/")),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{secure} "),
    ):
        assert shipped in example
        example = example.replace(shipped, ours)
    (folder / "xunjian.htpasswd").write_text("duty:{PLAIN}opensesame\n", encoding="utf-8")
    (folder / "site.conf").write_text(example, encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # As root its workers would be nobody, who cannot read the test's folder.
    user = "user root;\n" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(
        f"{user}pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\ndaemon off;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {folder}/site.conf;\n}}\n",
        encoding="utf-8",
    )
    return main


@contextlib.asynccontextmanager
async def nginx(main: Path, port: int) -> AsyncIterator[None]:
    """nginx, once it listens."""
    assert NGINX is not None
    checked = subprocess.run([NGINX, "-t", "-c", str(main)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = await asyncio.create_subprocess_exec(NGINX, "-c", str(main))
    try:
        async with asyncio.timeout(STARTS_WITHIN_S):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser's session at the proxy before a real daemon; it trusts the test's certificate."""
    (tmp_path / "config.toml").write_text(SETTINGS, encoding="utf-8")
    certificate(tmp_path)
    plain, secure = free_ports(2)
    trust = ssl.create_default_context(cafile=str(tmp_path / "xunjian.crt"))
    async with running(load(tmp_path / "config.toml"), environment={}) as daemon:
        main = settings(tmp_path, daemon.url, plain, secure)
        async with (
            nginx(main, secure),
            aiohttp.ClientSession(
                f"https://127.0.0.1:{secure}",
                headers={"Host": f"{NAME}:{secure}"},
                connector=aiohttp.TCPConnector(ssl=trust),
            ) as session,
        ):
            yield session


LOGIN = {"Authorization": aiohttp.encode_basic_auth("duty", "opensesame")}


async def test_the_page_is_had_over_tls_with_a_login_and_by_its_own_name(proxy: aiohttp.ClientSession) -> None:
    async with proxy.get("/", server_hostname=NAME) as refused:
        assert refused.status == 401
    async with proxy.get("/", server_hostname=NAME, headers=LOGIN) as page:
        assert page.status == 200
        assert "示范县" in await page.text()
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    async with proxy.get("/", server_hostname=NAME, headers={**LOGIN, "Host": "evil.example"}) as stranger:
        assert stranger.status in (403, 421)
    async with proxy.get("/metrics", server_hostname=NAME, headers=LOGIN) as metrics:
        assert metrics.status == 403


async def test_a_form_is_taken_from_the_pages_own_name_and_from_no_other_site(proxy: aiohttp.ClientSession) -> None:
    own = f"https://{proxy.headers['Host']}"
    async with proxy.post("/nowhere", server_hostname=NAME, headers={**LOGIN, "Origin": own}) as answered:
        assert answered.status in (404, 405)
    async with proxy.post(
        "/nowhere", server_hostname=NAME, headers={**LOGIN, "Origin": "https://evil.example"}
    ) as other:
        assert other.status == 403
