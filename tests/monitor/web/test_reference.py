"""The manual's reference pages say what the code is."""

import pytest

from monitor.config import Config
from monitor.web.manual import HELP
from tests.monitor.web.reference import METRICS, pages, rendered, settings_page


@pytest.mark.parametrize("name", ["settings", "metrics"])
def test_a_reference_page_is_what_the_code_gives_now(name: str) -> None:
    assert (HELP / f"{name}.md").read_text(encoding="utf-8") == pages()[name], "run `make reference` and commit"


def test_every_setting_of_the_program_is_on_the_page() -> None:
    page = pages()["settings"]
    for table, field in Config.model_fields.items():
        kind = field.annotation
        keys = getattr(kind, "model_fields", {})
        missing = [
            key
            for key in keys
            if f"| `{key}` |" not in page
            and f"## [[{table}.{key}]]" not in page
            and not hasattr(keys[key].annotation, "model_fields")
        ]
        assert not missing, f"[{table}] {missing}"


def test_no_words_are_kept_for_a_metric_that_is_gone() -> None:
    text = rendered()
    assert [name for name in METRICS if f"# HELP {name} " not in text] == []


def test_an_example_that_is_commented_out_is_marked_as_one() -> None:
    page = settings_page('# [[townships]]  # 乡镇 / a township\n# code = "01"  # 编号 / number\n')
    assert '| `code` | 例 `"01"` | 编号 |' in page
    assert "## [[townships]] 乡镇" in page


def test_words_above_a_key_are_its_words() -> None:
    assert "| `grave` | `[]` | 严重的 |" in settings_page("# 严重的 / grave ones\ngrave = []\n")


def test_a_value_with_a_bar_does_not_break_its_row() -> None:
    assert '`"a\\|b"`' in settings_page('key = "a|b"  # 甲 / one\n')
