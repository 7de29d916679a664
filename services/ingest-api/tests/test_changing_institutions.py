"""An institution's settings are checked, and what was registered can be changed."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from radbridge.contracts.dialects.neijiang_v0_94.signature import SignOrder
from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.contracts.institution_settings import SigningPolicy
from radbridge.ingest_api.main import SERVICE
from radbridge.runtime.testing import Running, running_service

INSTITUTIONS = "/api/ingest-api/v1/institutions"


async def registered(running: Running, code: str = "H1", **members: Any) -> dict[str, Any]:
    answer = await running.admin.post(INSTITUTIONS, json={"code": code, "name": "甲医院", **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def changed(running: Running, code: str = "H1", **members: Any) -> httpx.Response:
    return await running.admin.patch(f"{INSTITUTIONS}/{code}", json=members)


def faults(answer: httpx.Response) -> dict[str, str]:
    """Rule by field."""
    assert answer.status_code == 422, answer.text
    return {fault["field"]: fault["rule"] for fault in answer.json()["errors"]}


WRONG_SETTINGS = {
    "signing_policy": "hodl",
    "signing_polcy": "warn",
    "dicom_address": "nohost..x:104",
    "sign_order": "random",
    "sign_length": 16,
}
FAULTS = {
    "body.settings.signing_policy": "enum",
    "body.settings.signing_polcy": "extra_forbidden",
    "body.settings.dicom_address": "value_error",
    "body.settings.sign_order": "enum",
    "body.settings.sign_length": "literal_error",
}


async def test_settings_that_mean_nothing_are_refused_by_field(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await registered(running)
        new = {"code": "H2", "name": "乙医院", "settings": WRONG_SETTINGS}
        assert faults(await running.admin.post(INSTITUTIONS, json=new)) == FAULTS
        assert faults(await changed(running, settings=WRONG_SETTINGS)) == FAULTS
        [one] = (await running.admin.get(INSTITUTIONS)).json()["institutions"]
    assert one["settings"] == {}


@pytest.mark.parametrize(
    "too_much",
    [{"settings": {"dicom_address": "x" * 300_000}}, {"hosts": ["h" * 250 + str(n) for n in range(2000)]}],
    ids=["settings", "hosts"],
)
async def test_what_no_event_can_carry_is_refused_by_field(tmp_path: Path, too_much: dict[str, Any]) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        new = {"code": "H1", "name": "甲医院", **too_much}
        found = faults(await running.admin.post(INSTITUTIONS, json=new))
    assert len(found) == 1


async def test_a_change_touches_what_is_sent_and_every_service_learns_it(
    tmp_path: Path, on_each_database: dict[str, str]
) -> None:
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        before = await registered(
            running, hosts=["a.example"], settings={"signing_policy": "Warn", "dicom_address": "pacs:104"}
        )
        answer = await changed(
            running, settings={"signing_policy": None, "sign_order": "ascii"}, service_phone="0571-1"
        )
        after = answer.json()
        assert (answer.status_code, after.pop("applied")) == (200, True)
        wanted = {**before, "settings": {"dicom_address": "pacs:104", "sign_order": "ascii"}, "service_phone": "0571-1"}
        assert after == {name: wanted[name] for name in after}
        assert "sm4_key" not in after
        known = running.resources.directory.by_code("H1")
        assert known is not None
        assert (known.settings.signing_policy, known.settings.sign_order) == (None, SignOrder.ASCII)
        assert (known.settings.dicom_address, known.service_phone, known.version) == ("pacs:104", "0571-1", 2)
        assert known.sm4_key.hex() == before["sm4_key"]
        told = await running.events(InstitutionUpdated)
    assert [(event.version, body.service_phone) for event, body in told] == [(1, ""), (2, "0571-1")]


async def test_every_member_can_be_changed(tmp_path: Path) -> None:
    new: dict[str, Any] = {
        "name": "新名医院", "dialect": "neijiang", "ae_title": "NEW_AE", "hosts": ["b.example"], "service_phone": "1",
        "clock_skew_seconds": 60, "settings": {"sign_length": "16"},
    }  # fmt: skip
    async with running_service(SERVICE, tmp_path) as running:
        await registered(running)
        for name, value in new.items():
            assert (await changed(running, **{name: value})).status_code == 200
        shown = (await running.admin.get(f"{INSTITUTIONS}/H1")).json()
        assert running.resources.directory.by_ae_title("NEW_AE") is not None
    assert {name: shown[name] for name in new} == new


async def test_a_change_that_is_none_is_refused(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await registered(running)
        assert faults(await changed(running, code_="H9", name="", hosts=["a b"])) == {
            "body.code_": "extra_forbidden",
            "body.name": "string_too_short",
            "body.hosts.0": "value_error",
        }
        assert faults(await changed(running, service_phone=None)) == {"body.service_phone": "string_type"}
        assert (await changed(running, "H9", name="x")).status_code == 404
        assert (await running.client.patch(f"{INSTITUTIONS}/H1", json={"name": "x"})).status_code == 401
        assert len(await running.events(InstitutionUpdated)) == 1


async def test_a_changed_ae_title_is_nobody_elses(tmp_path: Path, on_each_database: dict[str, str]) -> None:
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        await registered(running, ae_title="FIRST")
        await registered(running, "H2", ae_title="SECOND")
        assert (await changed(running, ae_title="SECOND")).status_code == 409
        assert (await changed(running, ae_title="FIRST")).json()["ae_title"] == "FIRST"
        assert (await changed(running, "H2", ae_title="")).json()["ae_title"] == "H2"


async def test_a_disabled_hospital_comes_back_with_its_credentials(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        issued = await registered(running)
        own = (issued["access_key"], issued["secret_key"])
        statuses: list[int] = []
        for step in ("disable", "enable"):
            answer = (await running.admin.post(f"{INSTITUTIONS}/H1/{step}")).json()
            assert (answer["enabled"], answer["applied"]) == (step == "enable", True)
            statuses.append((await running.client.get("/api/ingest-api/v1/pushes", auth=own)).status_code)
    assert statuses == [401, 200]


async def test_what_an_older_release_let_pass_is_read_without_and_can_be_taken_away(tmp_path: Path) -> None:
    old = {"signing_policy": "hodl", "colour": "red", "dicom_address": "nohost..x:104", "sign_order": "ascii"}
    async with running_service(SERVICE, tmp_path) as running:
        await registered(running)
        database = running.resources.database
        [row] = await database.fetch("SELECT body FROM institution")
        body = InstitutionUpdated.model_validate_json(row["body"]).model_copy(update={"settings": old})
        await database.write_one("UPDATE institution SET body = $1", body.model_dump_json())
        assert (await changed(running, name="改名医院")).json()["settings"] == old
        known = running.resources.directory.by_code("H1")
        assert known is not None
        assert (known.name, known.settings.chosen()) == ("改名医院", {"sign_order": "ascii"})
        mended = await changed(running, settings={"colour": None, "signing_policy": "hold", "dicom_address": None})
        assert mended.json()["settings"] == {"sign_order": "ascii", "signing_policy": "hold"}
        known = running.resources.directory.by_code("H1")
        assert known is not None
        assert known.settings.signing_policy is SigningPolicy.HOLD
