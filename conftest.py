"""Fixtures and reports that every test folder shares."""

pytest_plugins = ["pytester", "tests.servers.fixtures", "tests.reports.real_parts", "tests.reports.proven"]
