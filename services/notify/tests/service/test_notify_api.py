"""The native API: accounts, bindings, preferences, deliveries, and who may use them."""

import base64

import pytest

ACCOUNTS = "/api/notify/v1/institutions/{}/channels"
BINDINGS = "/api/notify/v1/bindings"


def basic(hospital):
    token = base64.b64encode(f"{hospital.access_key}:{hospital.secret_key}".encode()).decode()
    return {"authorization": f"Basic {token}"}


@pytest.mark.parametrize("channel", ["aliyun_sms", "tencent_sms", "wechat_official", "wechat_mini"])
async def test_an_account_is_listed_without_its_secrets(town, channel):
    put = await town.account(channel)
    path = ACCOUNTS.format(town.hospital.code)
    answer = await town.running.admin.get(path)
    (listed,) = answer.json()["channels"]
    assert listed == put
    assert "SECRET" not in answer.text
    assert "CALLBACKTOKEN" not in answer.text
    assert listed["settings"]["base_url"].startswith(town.vendors.url)
    assert listed["callback_url"].startswith("https://images.example.cn/callbacks/notify/")
    assert (await town.running.admin.delete(f"{path}/{channel}")).status_code == 204
    assert (await town.running.admin.get(path)).json()["channels"] == []
    assert (await town.running.admin.delete(f"{path}/{channel}")).status_code == 404


async def test_a_replaced_account_keeps_its_callback_address_and_each_has_its_own(town):
    first = await town.account("aliyun_sms")
    second = await town.account("aliyun_sms", sign_name="影桥二")
    default = await town.account("aliyun_sms", code="default")
    assert second["settings"]["sign_name"] == "影桥二"
    assert first["callback_url"] == second["callback_url"] != default["callback_url"]


async def test_an_account_that_cannot_work_is_refused_with_all_its_faults(town):
    path = ACCOUNTS.format(town.hospital.code) + "/aliyun_sms"
    body = {"access_key_id": "", "sign_name": "影桥", "templates": {"unknown": "SMS_1"}, "region": "x"}
    answer = await town.running.admin.put(path, json=body)
    assert answer.status_code == 422
    fields = {fault["field"] for fault in answer.json()["errors"]}
    assert fields == {"body.access_key_id", "body.access_key_secret", "body.templates", "body.region"}
    unknown = ACCOUNTS.format("NOBODY") + "/aliyun_sms"
    assert (await town.running.admin.put(unknown, json=town.vendors.settings("aliyun_sms"))).status_code == 404


async def test_accounts_preferences_and_deliveries_are_not_for_everybody(town):
    client, account = town.running.client, ACCOUNTS.format(town.hospital.code)
    wish = {"phone": "13800000000", "opted_out": True}
    for headers in ({}, basic(town.hospital)):
        assert (await client.get(account, headers=headers)).status_code == 401
        put = await client.put(f"{account}/aliyun_sms", json=town.vendors.settings("aliyun_sms"), headers=headers)
        assert put.status_code == 401
        assert (await client.put("/api/notify/v1/preferences", json=wish, headers=headers)).status_code == 401
        deliveries = await client.get(
            "/api/notify/v1/deliveries", params={"report_id": town.report_id()}, headers=headers
        )
        assert deliveries.status_code == 401
    assert (await client.post(BINDINGS, json={})).status_code == 401


async def test_a_hospital_binds_its_own_patients_only(town):
    other = await town.running.add_institution(code="OTHER", ae_title="OTHER")
    body = {"hospital_code": town.hospital.code, "channel": "wechat_official", "phone": "138", "address": "oX"}
    client = town.running.client
    bound = await client.post(BINDINGS, json=body, headers=basic(town.hospital))
    assert bound.status_code == 200
    path = f"{BINDINGS}/{bound.json()['binding_id']}"
    assert (await client.post(BINDINGS, json=body, headers=basic(other))).status_code == 403
    default = body | {"hospital_code": "default"}
    assert (await client.post(BINDINGS, json=default, headers=basic(other))).status_code == 403
    assert (await client.delete(path, headers=basic(other))).status_code == 403
    assert (await client.delete(path, headers=basic(town.hospital))).status_code == 204
    assert (await client.delete(path, headers=basic(town.hospital))).status_code == 404


async def test_an_unbound_person_gets_no_message_there(town):
    await town.account("wechat_official")
    bound = await town.bind()
    assert (await town.running.admin.delete(f"{BINDINGS}/{bound['binding_id']}")).status_code == 204
    await town.publish(town.exam())
    await town.publish(town.signed())
    await town.reaches({"aliyun_sms": "suppressed"})


@pytest.mark.parametrize(
    "change",
    [
        {"phone": None},
        {"document_number": "11010519491231002X"},
        {"channel": "aliyun_sms"},
        {"address": ""},
        {"address": "含空格 x"},
        {"phone": "无"},
        {"phone": "1" * 100},
    ],
)
async def test_a_binding_names_one_person_and_one_address(town, change):
    body = {"hospital_code": town.hospital.code, "channel": "wechat_official", "phone": "138", "address": "oX"}
    answer = await town.running.admin.post(BINDINGS, json=body | change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "11010519491231002X" not in answer.text


async def test_ids_that_are_none_are_refused(town):
    for report_id in ("\x00", "x", ""):
        answer = await town.running.admin.get("/api/notify/v1/deliveries", params={"report_id": report_id})
        assert answer.status_code == 422
