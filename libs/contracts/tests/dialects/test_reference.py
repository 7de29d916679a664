"""The checked-in reference pages say what the tables say."""

from pathlib import Path

import pytest

from radbridge.contracts.dialects import reference

ROOT = Path(__file__).resolve().parents[4]
PAGES = reference.pages()


@pytest.mark.parametrize("name", list(PAGES))
def test_the_checked_in_page_is_up_to_date(name: str) -> None:
    checked_in = (ROOT / reference.DEFAULT_FOLDER / name).read_text(encoding="utf-8")
    assert checked_in == PAGES[name], "run python -m radbridge.contracts.dialects.reference"


def test_pages_are_written_where_asked(tmp_path: Path) -> None:
    reference.main([str(tmp_path / "api")])
    assert {file.name for file in (tmp_path / "api").iterdir()} == set(PAGES)


@pytest.mark.proves("SX-039", "SX-020", "NJ-077")
def test_worked_examples_are_those_of_the_standards() -> None:
    shanxi, neijiang = PAGES["shanxi-v2.1.md"], PAGES["neijiang-v0.94.md"]
    assert "laoxZiinrHrTUa1tythils6bY9/PaMJpAdm7xoKwHx0KbPEea+Am911ApbxJwJLy4QI6Vq1xoMTGEWqoUvOzOQ==" in shanxi
    assert "3273C834E3961BABE0833879E59E8917369A6DB7" in shanxi
    assert "48CB92D91B1086881976697749DD98CE" in neijiang
    assert "405701C6C3B2C978A67F3DFDADD61B17" in neijiang


def test_every_field_and_dictionary_is_on_the_page() -> None:
    for pack_page, pack in (
        ("shanxi-v2.1.md", reference.shanxi.load_pack()),
        ("neijiang-v0.94.md", reference.neijiang.load_pack()),
    ):
        for table in pack.tables.values():
            for rule in table.rules:
                assert f"`{rule.param}`" in PAGES[pack_page]
        for dictionary in pack.dictionaries.values():
            assert f'<a id="{dictionary.id}"></a>' in PAGES[pack_page]
