"""The kinds of values that stand in config.toml, with their limits."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields
from decimal import Decimal
from typing import Annotated, Any, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, PydanticCustomError

from monitor.core.address import is_host, split_address

STRICT = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,6})?")
AMOUNT = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")


class Table(BaseModel):
    """A table of config.toml: immutable, strict about types, closed to unknown keys."""

    model_config = STRICT


class SettingsOf:
    """Makes a table of a probe: the fields of its class are the keys, their defaults the defaults.

    So a probe declares its settings once, and ``probes.rtsp.prot = 1`` still fails with its path. What the
    program hands in is no setting: the fields of ``without``, and those with the mark ``handed_in`` in their metadata.
    """

    def __init__(self, probe: type[Any], *, without: Collection[str] = ()) -> None:
        hints = get_type_hints(probe)
        keys: dict[str, Any] = {
            field.name: (_bounded(field.name, hints[field.name]), field.default)
            for field in fields(probe)
            if field.init and field.name not in without and not field.metadata.get("handed_in")
        }
        self._table = create_model(probe.__name__, __base__=Table, **keys)

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self._table)

    def defaults(self) -> Table:
        """The table as it is without a file."""
        return self._table()


def _bounded(name: str, hint: Any) -> Any:
    """Durations (``…_s``) must be positive, other numbers must not be negative."""
    if hint is int:
        return Annotated[int, Field(gt=0) if name.endswith("_s") else Field(ge=0)]
    if hint is float:
        return Annotated[float, Field(gt=0.0) if name.endswith("_s") else Field(ge=0.0)]
    return hint


def complaint(zh: str, en: str) -> PydanticCustomError:
    """A rule of ours that a value breaks, said in both languages."""
    return PydanticCustomError("rule", "{en}", {"zh": zh, "en": en})


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise complaint(f"没有名为“{name}”的时区，例如 Asia/Shanghai", f'there is no time zone "{name}"') from None
    return name


def _percent(text: str) -> str:
    if not (PERCENT.fullmatch(text) and Decimal(text) <= 100):
        raise complaint(
            f'应为 0 到 100 的百分数并加引号，例如 "95"，现为“{text}”',
            f'should be a percentage such as "95", is "{text}"',
        )
    return text


def _amount(text: str) -> str:
    if not AMOUNT.fullmatch(text):
        raise complaint(
            f'应为不小于 0 的数并加引号，例如 "100" 或 "0.5"，现为“{text}”',
            f'should be a number such as "100" or "0.5", is "{text}"',
        )
    return text


def _month_or_nothing(text: str) -> str:
    if text and not MONTH.fullmatch(text):
        raise complaint(
            f'应为月份并加引号，例如 "2026-10"，现为“{text}”', f'should be a month such as "2026-10", is "{text}"'
        )
    return text


def _address(text: str) -> str:
    try:
        split_address(text)
    except ValueError:
        raise complaint(
            f"应为 IP 地址或主机名，可带端口，例如 10.1.2.1 或 10.1.2.1:554，现为“{text}”",
            f'should be an IP address or host name, with or without a port, is "{text}"',
        ) from None
    return text


def _host(text: str) -> str:
    if not is_host(text):
        raise complaint(
            f"应为 IP 地址或主机名，不带端口，现为“{text}”",
            f'should be an IP address or host name without a port, is "{text}"',
        )
    return text


def _host_or_nothing(text: str) -> str:
    return _host(text) if text else text


def _address_or_nothing(text: str) -> str:
    return _address(text) if text else text


Seconds = Annotated[float, Field(ge=0.2)]
"""A duration or interval; fractions are allowed so that a demonstration can run a day in minutes."""
WholeSeconds = Annotated[int, Field(ge=1)]
NoSeconds = Annotated[int, Field(ge=0)]
"""A span that may be nothing."""
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
PortOrAny = Annotated[int, Field(ge=0, le=65535)]
"""0 lets the system choose a free port."""
Words = Annotated[str, Field(min_length=1)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Percent = Annotated[str, AfterValidator(_percent)]
Amount = Annotated[str, AfterValidator(_amount)]
"""A number with its exact decimals, as text: binary fractions would make 0.1 something else."""
MonthOrNothing = Annotated[str, AfterValidator(_month_or_nothing)]
Host = Annotated[str, AfterValidator(_host)]
HostOrNothing = Annotated[str, AfterValidator(_host_or_nothing)]
Address = Annotated[str, AfterValidator(_address)]
AddressOrNothing = Annotated[str, AfterValidator(_address_or_nothing)]
