"""How the tests are shared out among the processes of pytest-xdist."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

END_TO_END = "tests/e2e/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """A file's tests go to one process, so that its fixtures are made once; the end-to-end tests all to the same.

    Each of those starts a whole county: two cores do not carry two counties at a time. (``--dist loadgroup`` would
    say so test by test, but pytest 9 does not let xdist 3.8 mark the ids any more.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return END_TO_END if nodeid.startswith(END_TO_END) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The end-to-end tests take longest: begun first, nobody waits for them at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(END_TO_END))
