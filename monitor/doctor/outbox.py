"""Whether other programs get what they are to be told, and whether the broker's password is a secret."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.config import Config
from monitor.doctor.finding import Finding, Level, finding
from monitor.store import Store

READERS = {"mqtt": "MQTT", "alerts": "告警"}
"""What people call the readers of the outbox."""


def outbox(store: Store) -> Iterator[Finding]:
    """What waits for each reader of the outbox, and what it has missed."""
    for reading in store.outbox_readings():
        name = READERS.get(reading.reader, reading.reader)
        zh, en = f"{name}：{reading.waiting} 条消息待送达", f"{reading.reader}: {reading.waiting} waiting in the outbox"
        if reading.dropped:
            zh += f"；{reading.dropped} 条过了保留期，已丢弃：请查接收者为什么收不下，或调大 [outbox] unread_days"
            en += f"; {reading.dropped} were dropped unread for their age: find out why they were not taken, or raise "
            en += "[outbox] unread_days"
        yield finding("outbox", zh, en, Level.WARNING if reading.dropped else Level.FINE)


def broker_password(config: Config) -> Iterator[Finding]:
    """Whether the file with the broker's password can be read, by us alone."""
    path = config.mqtt.password_file
    if not path:
        return
    try:
        is_open = config.mqtt.is_password_open()
    except OSError as error:
        zh, en = f"密码文件 {path} 不能读取（{error.strerror}）", f"{path} cannot be read ({error.strerror})"
        yield finding("mqtt", zh, en, Level.BROKEN)
        return
    if is_open:
        zh = f"其他用户也能读取密码文件 {path}：请执行 chmod 600 {path}"
        yield finding("mqtt", zh, f"others can read the password in {path}: run chmod 600 {path}", Level.WARNING)
