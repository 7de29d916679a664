"""Notes which requirement ids the collected tests prove, and how these tests ended, for `make requirements`.

The notes are `.cache/requirements-proven.json`: test id → {"proves": [requirement ids], "outcome": passed, failed,
skipped or null}. A collection of everything makes the list anew and keeps outcomes; another run updates the tests it
collected.
"""

from __future__ import annotations

import pytest

from tools.proven import ProvingTest, load_proving_tests, save_proving_tests


class Proven:
    """The plugin: reads the `proves` marks at collection, the outcomes as tests end."""

    def __init__(self, config: pytest.Config) -> None:
        self._everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS and config.option.collectonly
        self._tests: dict[str, ProvingTest] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            ids = sorted({str(id_) for mark in item.iter_markers("proves") for id_ in mark.args})
            if ids:
                self._tests[item.nodeid] = {"proves": ids, "outcome": None}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self._tests.get(report.nodeid)
        if test is not None and (report.when == "call" or not report.passed):
            failed_before = test["outcome"] == "failed"
            test["outcome"] = "failed" if failed_before else report.outcome

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput"):
            return
        before = load_proving_tests()
        for nodeid, test in self._tests.items():
            if test["outcome"] is None and nodeid in before:
                test["outcome"] = before[nodeid]["outcome"]
        save_proving_tests(self._tests if self._everything else {**before, **self._tests})


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Proven(config), "radbridge-proven")
