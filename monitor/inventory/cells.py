"""What does one cell of a ledger mean? People's ways of writing numbers, dates, yes and no."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta

from monitor.core.address import split_address
from monitor.core.fleet import Registration
from monitor.inventory.sheets import EPOCH_1900, Absent, Cell

LONGEST = 200
LONGEST_ID = 64
EXACT_DIGITS = 15
"""A spreadsheet keeps 15 digits of a number; the rest become zeros."""
GB_CODE_LENGTH = 20
GB_CAMERA_TYPES = ("131", "132")
"""Digits 11 to 13 of a GB/T 28181-2016 code, annex D: 131 camera, 132 network camera."""

ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#GETTING_DATA"})
NOTHING = frozenset({"", "-", "--", "—", "——", "/", "\\", "无", "暂无", "空", "none", "n/a", "null"})
TRUE = frozenset({"是", "y", "yes", "true", "1", "√", "✓", "✔", "★", "●", "有", "重点"})
FALSE = frozenset({"否", "n", "no", "false", "0", "×", "✗", "x", "○", "非重点"}) | NOTHING
STATES = {
    Registration.IN_USE: ("在用", "使用中", "正常", "启用", "在线", "in_use", "in use"),
    Registration.REPAIR: ("维修", "维修中", "检修", "故障", "repair"),
    Registration.RETIRED: ("拆除", "已拆除", "停用", "已停用", "报废", "已报废", "注销", "retired"),
}

SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?[Ee]\+?[0-9]+")
DATE = re.compile(r"(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*日?(?:[T ]\s*[\d:.]+)?")
COMPACT_DATE = re.compile(r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})")


class CellError(Exception):
    """A cell that cannot be taken as what its column holds."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en


def text_of(cell: Cell) -> str:
    """A cell as text on one line, without invisible characters. Raises CellError for errors and empty formulas."""
    text = visible(raw_text(cell))
    if len(text) > LONGEST:
        raise CellError(f"超过 {LONGEST} 个字", f"is longer than {LONGEST} characters")
    return text


def is_empty(cell: Cell) -> bool:
    """True for a cell with nothing in it but space."""
    return cell is None or (isinstance(cell, str) and not visible(cell))


def raw_text(cell: Cell) -> str:
    """A cell as text as it stands. Raises CellError for errors and empty formulas."""
    if cell is None:
        return ""
    if cell is Absent.FORMULA:
        raise CellError(
            "是公式但没有计算结果，请用 Excel 打开并保存一次",
            "is a formula without a stored value; open and save it in Excel",
        )
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**EXACT_DIGITS:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat(" ")
    text = str(cell)
    if text.strip() in ERRORS:
        raise CellError(f"是错误值 {text.strip()}", f"is the error value {text.strip()}")
    # ="0012" is how CSV files keep Excel from dropping zeros.
    quoted = re.fullmatch(r'="([^"]*)"', text.strip())
    return quoted[1] if quoted else text


def visible(text: str) -> str:
    """``text`` on one line, without control, zero-width and direction-changing characters.

    >>> visible("泌水\\u200b镇\\n ")
    '泌水镇'
    """
    flat = re.sub(r"[\t\r\n\x0b\x0c\u2028\u2029]+", " ", text[: LONGEST * 10])
    return "".join(character for character in flat if unicodedata.category(character) not in HIDDEN).strip(
        " \u3000\xa0"
    )


HIDDEN = frozenset({"Cc", "Cf", "Cs"})


def has_hidden(cell: Cell) -> bool:
    """True when ``visible`` takes more from a cell than line breaks and spaces."""
    return isinstance(cell, str) and any(
        unicodedata.category(character) in HIDDEN and character not in "\t\r\n" for character in cell[: LONGEST * 10]
    )


def plain(text: str) -> str:
    """Full-width letters, digits and signs as ASCII: for all that machines read, not for names.

    >>> plain("１０．１．２．３")
    '10.1.2.3'
    """
    return unicodedata.normalize("NFKC", text).strip()


def camera_id(cell: Cell) -> str:
    """An id: a 20-digit GB/T 28181 code or the county's own."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if abs(cell) >= 10**EXACT_DIGITS:
            raise _digits_lost(f"{cell:.4g}")
        if isinstance(cell, float) and not cell.is_integer():
            raise CellError(f"应为编号，现为小数 {cell}", f"should be an id, is the fraction {cell}")
    text = plain(text_of(cell)).lstrip("'")
    if not text:
        raise CellError("为空", "is empty")
    if SCIENTIFIC.fullmatch(text):
        raise _digits_lost(text)
    if len(text) > LONGEST_ID:
        raise CellError(f"超过 {LONGEST_ID} 个字符", f"is longer than {LONGEST_ID} characters")
    if text.isdigit() and len(text) > EXACT_DIGITS and len(text) != GB_CODE_LENGTH:
        raise CellError(
            f"国标编码应为 20 位，现为 {len(text)} 位", f"a GB/T 28181 code has 20 digits, this has {len(text)}"
        )
    return text


def is_camera_code(text: str) -> bool:
    """False for a GB/T 28181 code that says it is something else than a camera; True for all other ids."""
    return not (text.isdigit() and len(text) == GB_CODE_LENGTH) or text[10:13] in GB_CAMERA_TYPES


def _digits_lost(shown: str) -> CellError:
    return CellError(
        f"在 Excel 中丢失末位数字（存成了数字 {shown}），请把该列设为“文本”后重新填写",
        f"digits lost in Excel (stored as the number {shown}); format the column as text and enter it again",
    )


def name(cell: Cell) -> str:
    """Required text."""
    text = text_of(cell)
    if not text:
        raise CellError("为空", "is empty")
    return text


def text_or_nothing(cell: Cell) -> str:
    """Optional text; "无" and dashes count as nothing."""
    text = text_of(cell)
    return "" if text.casefold() in NOTHING else text


def password(cell: Cell) -> str:
    """A password as it stands. No message repeats it."""
    if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) >= 10**EXACT_DIGITS:
        raise CellError(
            "在 Excel 中丢失末位数字，请设为“文本”后重填", "digits lost in Excel; format the column as text"
        )
    if isinstance(cell, date | timedelta):
        raise CellError(
            "被 Excel 当成了日期，请设为“文本”后重填", "was taken for a date by Excel; format the column as text"
        )
    return text_of(cell)


def host(cell: Cell) -> tuple[str, int | None]:
    """An address, with the port if the cell names one."""
    text = plain(text_or_nothing(cell)).strip("/")
    if not text:
        return "", None
    try:
        return split_address(text)
    except ValueError:
        raise CellError(
            f"应为 IP 地址或主机名，现为“{text}”", f'should be an IP address or host name, is "{text}"'
        ) from None


def port(cell: Cell) -> int | None:
    """A port; nothing and 0 mean that there is none."""
    number = _whole(cell)
    if not number:
        return None
    if not 0 < number < 65536:
        raise CellError(f"应为 1 到 65535，现为 {number}", f"should be 1 to 65535, is {number}")
    return number


def rtsp_port(cell: Cell) -> int | None:
    """A port, 554 for an empty cell; "无" and 0 mean that there is none."""
    return 554 if text_of(cell) == "" else port(cell)


def channel(cell: Cell) -> int | None:
    """The channel of a recorder, counted from 1; "通道3", "CH03" and "D3" are 3."""
    text = plain(text_or_nothing(cell))
    if not text:
        return None
    match = re.fullmatch(r"(?:通道|ch|channel|d|a)?[\s_-]*0*([1-9][0-9]{0,3})(?:\.0)?(?:通道|号)?", text, re.IGNORECASE)
    if not match:
        raise CellError(f"应为从 1 开始的通道号，现为“{text}”", f'should be a channel number from 1, is "{text}"')
    return int(match[1])


def _whole(cell: Cell) -> int | None:
    text = plain(text_or_nothing(cell))
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise CellError(f"应为整数，现为“{text}”", f'should be a whole number, is "{text}"')
    return int(text)


def yes_or_no(cell: Cell) -> bool:
    """是/否 and their many variants; an empty cell is no."""
    text = plain(text_of(cell)).casefold()
    if text in TRUE or text_of(cell) in TRUE:
        return True
    if text in FALSE or text_of(cell) in FALSE:
        return False
    raise CellError(f"应为“是”或“否”，现为“{text}”", f'should be 是 or 否, is "{text}"')


def state(cell: Cell) -> Registration:
    """在用, 维修 or 拆除; an empty cell is 在用."""
    text = plain(text_or_nothing(cell)).casefold()
    if not text:
        return Registration.IN_USE
    for registration, words in STATES.items():
        if text in words:
            return registration
    raise CellError(f"应为“在用”“维修”或“拆除”，现为“{text}”", f'should be 在用, 维修 or 拆除, is "{text}"')


def day(cell: Cell, epoch: datetime = EPOCH_1900) -> date | None:
    """A day as a date, a serial number, 2026-10-1, 2026/10/1, 2026.10.1, 20261001 or 2026年10月1日."""
    if isinstance(cell, datetime):
        return _plausible(cell.date(), cell.date().isoformat())
    if isinstance(cell, date):
        return _plausible(cell, cell.isoformat())
    text = plain(text_or_nothing(cell))
    if not text:
        return None
    match = DATE.fullmatch(text) or COMPACT_DATE.fullmatch(text)
    if match:
        try:
            return _plausible(date(int(match["y"]), int(match["m"]), int(match["d"])), text)
        except ValueError:
            raise CellError(f"没有“{text}”这一天", f'there is no day "{text}"') from None
    serial = re.fullmatch(r"([0-9]{4,5})(?:\.[0-9]+)?", text)
    if serial and isinstance(cell, int | float):
        return _plausible((epoch + timedelta(days=int(serial[1]))).date(), text)
    raise CellError(f"应为日期，例如 2026-10-01，现为“{text}”", f'should be a date such as 2026-10-01, is "{text}"')


def _plausible(value: date, shown: str) -> date:
    if not 1980 <= value.year <= 2100:
        raise CellError(
            f"年份不在 1980 到 2100 之间，现为“{shown}”", f'the year is not between 1980 and 2100, is "{shown}"'
        )
    return value


def longitude(cell: Cell) -> float | None:
    """Degrees east, −180 to 180."""
    return _degrees(cell, 180)


def latitude(cell: Cell) -> float | None:
    """Degrees north, −90 to 90."""
    return _degrees(cell, 90)


def _degrees(cell: Cell, limit: int) -> float | None:
    text = plain(text_or_nothing(cell)).rstrip("°")
    if not text:
        return None
    if not re.fullmatch(r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,20})?", text):
        raise CellError(f"应为以度为单位的数字，现为“{text}”", f'should be a number of degrees, is "{text}"')
    if abs(float(text)) > limit:
        raise CellError(
            f"应在 -{limit} 到 {limit} 之间，现为 {text}", f"should be between -{limit} and {limit}, is {text}"
        )
    return float(text)
