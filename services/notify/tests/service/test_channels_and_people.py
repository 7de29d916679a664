"""Which channels a message takes, when it takes another, and when none."""

import logging

import pytest

from radbridge.runtime.testing import eventually


async def told(town, **exam):
    await town.publish(town.exam(**exam))
    await town.publish(town.signed())
    await town.at_rest()
    return await town.deliveries()


async def test_nobody_to_reach_is_suppressed_with_the_reason(town):
    await town.account("aliyun_sms")
    (delivery,) = await told(town, phone=None)
    assert (delivery["state"], delivery["reason_code"]) == ("suppressed", "no_address")
    assert await town.told("aliyun_sms") == ["suppressed"]
    assert await town.issued() == []


async def test_a_landline_gets_no_sms(town):
    await town.account("aliyun_sms")
    (delivery,) = await told(town, phone="0351-4100000")
    assert (delivery["state"], delivery["reason_code"]) == ("suppressed", "unusable_address")


async def test_without_any_account_the_reason_says_so(town):
    (delivery,) = await told(town)
    assert (delivery["state"], delivery["reason_code"]) == ("suppressed", "no_account")


async def test_a_person_who_opted_out_gets_nothing_until_they_opt_in(town):
    await town.send_by_both()
    path, wish = "/api/notify/v1/preferences", {"phone": "+86 138 0000 0000", "opted_out": True}
    assert (await town.running.admin.put(path, json=wish)).json() == {"opted_out": True}
    (delivery,) = await told(town)
    assert (delivery["state"], delivery["reason_code"]) == ("suppressed", "opted_out")
    await town.running.admin.put(path, json=wish | {"opted_out": False})
    await town.publish(town.signed("R2"))
    await town.reaches({"aliyun_sms": "accepted", "wechat_official": "accepted"}, "R2")


async def test_a_wish_that_comes_while_a_message_waits_counts(open_town):
    town = await open_town(quiet_hours="00:00-23:59")
    await town.account("aliyun_sms")
    await town.publish(town.exam())
    await town.publish(town.signed())
    await town.running.settled()
    await town.running.admin.put("/api/notify/v1/preferences", json={"phone": "13800000000", "opted_out": True})
    town.clock.forward(days=1)
    await town.reaches({"aliyun_sms": "suppressed"})
    assert await town.vendors.accepted() == []


@pytest.mark.proves("SZ-299")
async def test_a_bound_mini_program_gets_the_page_with_the_code(town):
    await town.account("wechat_mini")
    await town.bind(channel="wechat_mini", document_number="11010519491231002x")
    (delivery,) = await told(town, phone=None)
    assert (delivery["channel"], delivery["state"]) == ("wechat_mini", "accepted")
    (message,) = await town.vendors.accepted("wechat_mini")
    page, _, code = message["link"].partition("?code=")
    assert page == "pages/report"
    assert len(code) == 12


async def test_a_second_sms_vendor_takes_over_what_the_first_refuses(town):
    await town.account("aliyun_sms")
    await town.account("tencent_sms")
    await town.vendors.order("aliyun", "refuse", "isv.BUSINESS_LIMIT_CONTROL")
    await told(town)
    assert await town.states() == {"aliyun_sms": "failed", "tencent_sms": "accepted"}
    assert len(await town.vendors.accepted()) == 1


async def test_one_way_after_the_other_where_so_configured(open_town):
    town = await open_town(channels="first_way")
    await town.send_by_both()
    await told(town)
    assert await town.states() == {"wechat_official": "accepted"}
    await town.bind(address="oREFUSING")
    await town.publish(town.signed("R2"))
    await town.at_rest()
    assert await town.states("R2") == {"wechat_official": "failed", "aliyun_sms": "accepted"}


async def test_an_address_that_the_vendor_calls_wrong_is_forgotten(town):
    await town.account("wechat_official")
    await town.bind(address="oNOBODY")
    (delivery,) = await told(town, phone="13800000000")
    assert (delivery["state"], delivery["failure"]) == ("failed", "address")
    await town.publish(town.signed("R2"))
    await town.at_rest()
    (delivery,) = await town.deliveries("R2")
    assert (delivery["state"], delivery["reason_code"]) == ("suppressed", "no_address")


async def test_a_wrong_account_is_an_operators_matter(town, caplog):
    await town.account("aliyun_sms", access_key_secret="WRONG")

    async def logged() -> bool:
        return [record.reason for record in caplog.records if hasattr(record, "channel")] == ["SignatureDoesNotMatch"]

    with caplog.at_level(logging.ERROR):
        (delivery,) = await told(town)
        await eventually(logged)  # which comes after the commit that tells the state
    assert (delivery["state"], delivery["failure"]) == ("failed", "configuration")


async def test_the_platforms_account_serves_hospitals_without_their_own(town):
    await town.account("aliyun_sms", code="default", access_key_secret="WRONG")
    (delivery,) = await told(town)
    assert delivery["failure"] == "configuration"
    await town.account("aliyun_sms")
    await town.publish(town.signed("R2"))
    await town.reaches({"aliyun_sms": "accepted"}, "R2")


async def test_a_binding_counts_for_its_hospitals_account_only(town):
    other = await town.running.add_institution(code="OTHER", ae_title="OTHER")
    await town.account("wechat_official")
    body = {"hospital_code": other.code, "channel": "wechat_official", "phone": "13800000000", "address": "oOTHER"}
    assert (await town.running.admin.post("/api/notify/v1/bindings", json=body)).status_code == 200
    (delivery,) = await told(town)
    assert (delivery["state"], delivery["reason_code"]) == ("suppressed", "no_address")


async def test_openids_of_the_platforms_account_are_not_used_with_a_hospitals_own(town):
    body = {"hospital_code": "default", "channel": "wechat_official", "phone": "13800000000"}
    bound = await town.running.admin.post(
        "/api/notify/v1/bindings", json=body | {"address": "oPATIENT0000000000000000001"}
    )
    assert bound.status_code == 200
    await town.account("wechat_official", code="default")
    (delivery,) = await told(town)
    assert (delivery["channel"], delivery["state"]) == ("wechat_official", "accepted")
    await town.account("wechat_official")
    await town.publish(town.signed("R2"))
    await town.at_rest()
    (delivery,) = await town.deliveries("R2")
    assert (delivery["state"], delivery["reason_code"]) == ("suppressed", "no_address")
