"""Fixtures and reports that every test folder shares."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "tests.servers.fixtures", "tests.reports.real_parts", "tests.reports.proven"]

# how long an example takes says how busy the machine is, not whether the code is right
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
