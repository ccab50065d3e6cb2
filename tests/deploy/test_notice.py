"""Whether NOTICE says of everything in a bundle under which licence it is, and refuses what says nothing."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy.bundle.notice import UNSAID, NoticeError, of_deb, of_wheel, parts_of, write

SCRIPT = Path(__file__).parents[2] / "deploy" / "bundle" / "notice.py"
MIT = "Permission is hereby granted, free of charge, to any person …"


def wheel(folder: Path, metadata: str, *carried: str, name: str = "example") -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Name: {name}\nVersion: 1.0\n{metadata}\n\nLong words.\n")
        archive.writestr(f"{name}-1.0.dist-info/licenses/LICENSE", MIT)
        for library in carried:
            archive.writestr(f"{name}.libs/{library}", b"\x7fELF")
    return path


def deb(folder: Path, copyright_: str | None, name: str = "example") -> Path:
    """A Debian package as deb(5) describes it."""

    def packed(files: dict[str, str]) -> bytes:
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:xz") as tar:
            for member, text in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(text.encode())
                tar.addfile(info, io.BytesIO(text.encode()))
        return content.getvalue()

    doc = {f"./usr/share/doc/{name}/copyright": copyright_} if copyright_ is not None else {}
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": packed({"./control": f"Package: {name}\nVersion: 2.0-1\nArchitecture: all\n"}),
        "data.tar.xz": packed({f"./usr/bin/{name}": "#!/bin/sh\n", **doc}),
    }
    path = folder / f"{name}_2.0-1_all.deb"
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for member, body in members.items():
            file.write(f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode() + body)
            file.write(b"\n" * (len(body) % 2))
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    for folder in ("wheels", "debs", "fonts"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: BSD-3-Clause", "BSD-3-Clause"),
        ("Classifier: License :: OSI Approved\nClassifier: License :: OSI Approved :: MIT License", "MIT License"),
        ("License: Apache 2.0", "Apache 2.0"),
        ("License: BSD\nClassifier: Topic :: Multimedia", "BSD"),
        ("", UNSAID),
    ],
)
def test_a_wheels_licence_is_what_its_metadata_says(tmp_path: Path, metadata: str, licence: str) -> None:
    part = of_wheel(wheel(tmp_path, metadata))
    assert (part.name, part.version, part.licence) == ("example", "1.0", licence)
    assert part.texts == {"licenses-LICENSE": MIT.encode()}


def test_a_debian_packages_licences_are_those_of_its_copyright_file(tmp_path: Path) -> None:
    part = of_deb(deb(tmp_path, "Files: *\nLicense: EPL-2.0\n\nFiles: debian/*\nLicense: GPL-2+\n text\n"))
    assert (part.name, part.version, part.licence) == ("example", "2.0-1", "EPL-2.0, GPL-2+")
    assert of_deb(deb(tmp_path, None, name="silent")).licence == UNSAID


def test_a_wheel_that_carries_x264_is_said_to_be_under_the_gpl_whatever_it_calls_itself(bundle: Path) -> None:
    carried = ("libx264-d6533a8d.so.165", "libx265-f5385bb8.so.216", "libavcodec-5e6b81c2.so.62.28.102")
    wheel(bundle / "wheels", "License-Expression: BSD-3-Clause", *carried, name="av")
    wheel(bundle / "wheels", "License-Expression: MIT", name="plain")
    write(bundle)
    text = (bundle / "NOTICE").read_text(encoding="utf-8")
    assert "av 1.0 calls itself BSD-3-Clause and carries x264 and x265, which are GPL-2.0-or-later" in text
    assert "plain 1.0 calls itself" not in text
    assert "    carries libavcodec: LGPL-2.1-or-later" in text


def test_everything_is_named_and_its_texts_lie_beside(bundle: Path) -> None:
    wheel(bundle / "wheels", "License: MIT")
    deb(bundle / "debs", "License: EPL-2.0\n", name="broker")
    (bundle / "fonts" / "FandolKai-Regular.otf").touch()
    assert write(bundle) == 3
    text = (bundle / "NOTICE").read_text(encoding="utf-8")
    for line in (
        "example 1.0: MIT",
        "broker 2.0-1: EPL-2.0",
        "FandolKai-Regular.otf Fandol Kai: GPL-3.0-or-later WITH Font-exception-2.0",
    ):
        assert line in text.splitlines()
    assert (bundle / "LICENCES/wheels/example/licenses-LICENSE").read_text(encoding="utf-8") == MIT
    assert (bundle / "LICENCES/debs/broker/copyright").is_file()


def test_a_font_that_nobody_has_written_down_is_refused(bundle: Path) -> None:
    (bundle / "fonts" / "Stranger-Regular.ttf").touch()
    with pytest.raises(NoticeError, match=r"Stranger-Regular\.ttf: no licence is written down"):
        parts_of(bundle)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"!<arch>\nrubbish"])
def test_what_is_no_package_is_refused(bundle: Path, content: bytes) -> None:
    (bundle / "wheels" / "broken-1.0-py3-none-any.whl").write_bytes(content)
    with pytest.raises(NoticeError, match="is not a wheel"):
        parts_of(bundle)
    (bundle / "wheels" / "broken-1.0-py3-none-any.whl").unlink()
    (bundle / "debs" / "broken_1_all.deb").write_bytes(content)
    with pytest.raises(NoticeError, match="is not a Debian package"):
        parts_of(bundle)


def test_every_font_that_we_fetch_is_written_down() -> None:
    listed = SCRIPT.parents[1] / "setup" / "fonts.txt"
    files = [line.split("\t")[4] for line in listed.read_text(encoding="utf-8").splitlines() if line[:1] not in "#"]
    known = SCRIPT.with_name("fonts.tsv").read_text(encoding="utf-8")
    assert files
    assert [file for file in files if f"{Path(file).name}\t" not in known] == []


def test_the_script_ends_with_one_sentence_when_a_package_cannot_be_read(bundle: Path) -> None:
    (bundle / "debs" / "broken_1_all.deb").touch()
    ended = subprocess.run([sys.executable, str(SCRIPT), str(bundle)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("broken_1_all.deb is not a Debian package")
    assert not (bundle / "NOTICE").exists()
