"""Fixtures and reports that every test folder shares."""

pytest_plugins = ["tests.servers.fixtures", "tests.reports.real_parts", "tests.reports.proven"]
