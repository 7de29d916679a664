"""What the operators' pages name exists: files, variables, secrets, commands, and each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from radbridge.cli.main import app
from radbridge.cli.services import SERVICES
from radbridge.contracts.institution_settings import InstitutionSettings
from tests.deploy.processes import PLATFORM_SECRET, known_variables, upstreams
from tools.stamps import ROOT

FOLDER = ROOT / "docs" / "operating"
PAGES = sorted(FOLDER.glob("*.md"))
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def commands() -> set[str]:
    """``check``, ``vault rotate``, … as typer knows them."""
    root = typer.main.get_command(app)
    found: set[str] = set()
    for name, command in getattr(root, "commands", {}).items():
        found.add(name)
        found |= {f"{name} {inner}" for inner in getattr(command, "commands", {})}
    return found


@pages
def test_paths_exist(page: Path) -> None:
    for path in re.findall(r"`((?:deploy|libs|services|docs)/[\w./<>-]+)`", page.read_text()):
        if "secrets" not in path and "<" not in path:
            assert (ROOT / path).exists(), path


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([\w.-]+\.md)(?:#([\w-]+))?\)", page.read_text()):
        headings = re.findall(r"^#+ (.+)$", (FOLDER / target).read_text(), re.MULTILINE)
        assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}, anchor


@pages
def test_variables_exist(page: Path) -> None:
    known = {"RADBRIDGE_TOKEN"}.union(upstreams(), *(known_variables(("serve", service)) for service in SERVICES))
    assert {
        name for name in re.findall(r"RADBRIDGE_[A-Z_]+[A-Z]", page.read_text()) if name != "RADBRIDGE_X"
    } - known <= {"RADBRIDGE_X_FILE"}


@pages
def test_commands_exist(page: Path) -> None:
    known = commands()
    for words in re.findall(r"\bradbridge ((?:[a-z]+ [a-z-]+|[a-z]+))(?=[ `\n])", page.read_text()):
        if not words.startswith(("create", "delete", "wait", "exec", "port", "rollout", "get")):
            assert words in known or words.split()[0] in known, words


def test_every_setting_and_option_of_a_hospital_is_told() -> None:
    page = (FOLDER / "hospitals.md").read_text()
    settings = re.findall(r"^\| `(\w+)`", page.partition("## Settings")[2], re.MULTILINE)
    assert settings == list(InstitutionSettings.model_fields)
    hospital = getattr(typer.main.get_command(app), "commands", {})["hospital"]
    common = {"--code", "--url", "--data", "--json"}
    options = {name for each in hospital.commands["set"].params for name in each.opts if name.startswith("--")} - common
    assert options - set(re.findall(r"--[a-z-]+", page)) == set()


def test_every_page_is_in_the_index() -> None:
    index = (FOLDER / "README.md").read_text()
    assert all(f"]({page.name})" in index for page in PAGES if page.name != "README.md")


def test_the_secrets_of_kubernetes_are_made_as_they_are_mounted() -> None:
    install = (FOLDER / "install.md").read_text()
    made = dict.fromkeys(re.findall(r"--from-file=site/([\w.-]+)", install))
    assert made.keys() == {
        *PLATFORM_SECRET,
        *(f"{service}.url" for service in SERVICES),
        *("databases.sql", "postgres.password", "s3.password"),
    }
