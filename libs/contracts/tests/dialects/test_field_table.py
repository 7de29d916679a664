"""Loading a pack's tables: decisions beside the print, and that the print was copied without change."""

import csv
from pathlib import Path

import pytest

from radbridge.contracts.dialects.field_table import Kind, load_tables
from radbridge.contracts.dialects.neijiang_v0_94 import pack as neijiang
from radbridge.contracts.dialects.shanxi_v2_1 import pack as shanxi

HEADER = "order,group,param,name_zh,source_identifier,type,max_length,required,dictionary,format,note\n"


def written(folder: Path, rows: str, decisions: str) -> Path:
    (folder / "t.csv").write_text(HEADER + rows, encoding="utf-8")
    (folder / "decisions.csv").write_text("table,param,property,value,reason\n" + decisions, encoding="utf-8")
    return folder


def test_decisions_win_over_the_print(tmp_path: Path) -> None:
    rows = "1,,a,甲,,string,10,Y,,yyyy-MM-dd,\n2,,b,乙,,integer,,N,,,\n"
    folder = written(
        tmp_path, rows, "t,a,required,when:x else quality,r\nt,a,max_length,,r\nt,a,separators,comma bar,r\n"
    )
    a, b = load_tables(folder, ["t"], {})["t"].rules
    assert (a.presence.condition, a.presence.is_finding, a.presence.is_always) == ("x", True, False)
    assert a.max_length is None
    assert a.pieces("1, 2，3|4") == ["1", "2", "3", "4"]
    assert a.format is not None
    assert a.format.id == "date"
    assert (b.kind, b.max_length, b.presence.is_always) == (Kind.NUMBER, None, False)


@pytest.mark.parametrize("decision", ["t,c,required,N,r\n", "u,a,required,N,r\n", "t,a,colour,red,r\n"])
def test_a_decision_about_nothing_is_an_error(tmp_path: Path, decision: str) -> None:
    with pytest.raises(ValueError, match="unknown"):
        load_tables(written(tmp_path, "1,,a,甲,,string,10,Y,,,\n", decision), ["t"], {})


def test_an_alias_is_used_only_without_the_printed_name(tmp_path: Path) -> None:
    table = load_tables(written(tmp_path, "1,,a,甲,,string,10,Y,,,\n", "t,a,alias,A,r\n"), ["t"], {})["t"]
    assert table.with_printed_names({"A": "1", "z": "2"}) == {"a": "1", "z": "2"}
    assert table.with_printed_names({"A": "1", "a": "2"}) == {"a": "2"}
    assert table.with_printed_names({"A": "1", "a": ""}) == {"a": "1"}
    record = {"a": "1"}
    assert table.with_printed_names(record) is record


@pytest.mark.proves("SX-097", "SX-112")
@pytest.mark.parametrize("table", list(shanxi.load_pack().tables))
def test_shanxis_tables_are_the_published_ones(table: str, shared_data: Path) -> None:
    published = shared_data / "specs/shanxi/fields" / f"{table}.csv"
    shipped = Path(shanxi.__file__).parent / "fields" / f"{table}.csv"
    assert shipped.read_bytes() == published.read_bytes()


def test_shanxis_dictionaries_are_the_published_ones(shared_data: Path) -> None:
    for published in (shared_data / "specs/shanxi/dictionaries").glob("*.csv"):
        shipped = Path(shanxi.__file__).parent / "dictionaries" / published.name
        assert shipped.read_bytes() == published.read_bytes()


@pytest.mark.proves("NJ-068")
@pytest.mark.parametrize("table", list(neijiang.load_pack().tables))
def test_neijiangs_tables_are_the_published_ones(table: str, shared_data: Path) -> None:
    with (shared_data / "specs/neijiang/fields" / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        published = {row["param"]: row for row in reversed(list(csv.DictReader(lines)))}
    with (Path(neijiang.__file__).parent / "fields" / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        shipped = {row["param"]: row for row in csv.DictReader(lines)}
    assert shipped.keys() == published.keys()
    for param, row in shipped.items():
        assert row["max_length"] == published[param]["max_length"]
        assert row["name_zh"] == published[param]["name_zh"]
        assert (row["required"] == "Y") == (published[param]["required"] == "R")
