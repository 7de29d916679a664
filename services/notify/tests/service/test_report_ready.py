"""From a signed report to one SMS and one WeChat message, whatever is duplicated or comes out of order."""

import hashlib
import itertools
from datetime import timedelta

import orjson
import pytest

from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued


@pytest.mark.proves("SZ-204", "SZ-256", "SZ-298", "SZ-303")
async def test_a_signed_report_is_told_once_by_sms_and_once_by_wechat(town):
    await town.send_by_both()
    await town.publish(town.exam())
    await town.publish(town.signed())
    await town.reaches({"aliyun_sms": "accepted", "wechat_official": "accepted"})

    sms, wechat = await town.vendors.accepted("aliyun"), await town.vendors.accepted("wechat_official")
    assert (len(sms), len(wechat)) == (1, 1)
    assert sms[0]["recipient"] == "13800000000"
    assert sms[0]["fields"]["name"] == "张*"
    code = sms[0]["fields"]["code"]
    assert wechat[0]["link"] == f"https://images.example.cn/p/{code}"
    (issued,) = await town.issued()
    assert issued.code_digest == hashlib.sha256(code.encode()).hexdigest()
    assert issued.hospital_phone == "0351-0000000"
    assert (issued.expires_at - issued.issued_at).days == 7
    identity = town.running.resources.keyring.open(issued.patient_sealed, place=issued.notification_id)
    assert orjson.loads(identity) == {
        "name": "张三丰",
        "document_number": "11010519491231002X",
        "phone": "13800000000",
    }
    assert await town.told("aliyun_sms") == ["accepted"]
    assert await town.told("wechat_official") == ["accepted"]


@pytest.mark.proves("SZ-256")
async def test_duplicates_and_any_order_of_events_make_one_message_each(town):
    await town.send_by_both()
    orders = sorted(set(itertools.permutations(("exam", "exam", "signed", "signed"))))
    for number, order in enumerate(orders):
        exam, report = f"E{number}", f"R{number}"
        bodies = {"exam": town.exam(exam), "signed": town.signed(report, exams=(exam,))}
        for kind in order:
            await town.publish(bodies[kind])
    await town.at_rest()

    sms, wechat = await town.vendors.accepted("aliyun"), await town.vendors.accepted("wechat_official")
    assert (len(sms), len(wechat)) == (len(orders), len(orders))
    for number in range(len(orders)):
        assert await town.states(f"R{number}") == {"aliyun_sms": "accepted", "wechat_official": "accepted"}


@pytest.mark.real
@pytest.mark.proves("SZ-256")
async def test_the_same_on_postgresql(open_town, postgres_database):
    town = await open_town(database_url=postgres_database)
    await town.send_by_both()
    for number in range(6):
        exam, signed = town.exam(f"E{number}"), town.signed(f"R{number}", exams=(f"E{number}",))
        for body in (exam, signed, exam, signed) if number % 2 else (signed, exam, signed, exam):
            await town.publish(body)
    await town.at_rest()
    assert len(await town.vendors.accepted("aliyun")) == 6
    assert len(await town.vendors.accepted("wechat_official")) == 6


async def test_a_report_waits_for_its_exam(town):
    await town.send_by_both()
    await town.publish(town.signed())
    await town.running.settled()
    assert await town.deliveries() == []
    await town.publish(town.exam())
    await town.reaches({"aliyun_sms": "accepted", "wechat_official": "accepted"})


async def test_a_changed_report_is_told_again_after_a_day_only(town):
    await town.account("aliyun_sms")
    await town.publish(town.exam())
    await town.publish(town.signed(received_version=1, text="A"))
    await town.at_rest()
    town.clock.forward(hours=1)
    await town.publish(town.signed(received_version=2, text="B"))
    await town.at_rest()
    assert len(await town.vendors.accepted()) == 1
    town.clock.forward(hours=24)
    await town.publish(town.signed(received_version=3, text="A"))
    await town.at_rest()
    assert len(await town.vendors.accepted()) == 1
    await town.publish(town.signed(received_version=4, text="B"))
    await town.at_rest()
    assert len(await town.vendors.accepted()) == 2
    codes = {message["fields"]["code"] for message in await town.vendors.accepted()}
    assert len(codes) == 2


async def test_a_corrected_patient_is_told_though_the_wrong_one_was(town):
    await town.account("aliyun_sms")
    await town.publish(town.exam())
    await town.publish(town.signed())
    await town.at_rest()
    town.clock.forward(days=4)
    await town.publish(town.exam(phone="13900000000", document="110105194912310038"))
    await town.publish(town.exam(phone="13900000000", document="110105194912310038"))
    await town.at_rest()
    assert [message["recipient"] for message in await town.vendors.accepted()] == ["13800000000", "13900000000"]
    assert len(await town.issued()) == 2


async def test_what_waits_for_the_morning_goes_to_the_corrected_patient_alone(open_town):
    town = await open_town(quiet_hours="00:00-23:59")
    await town.account("aliyun_sms")
    await town.publish(town.exam())
    await town.publish(town.signed())
    await town.running.settled()
    await town.publish(town.exam(phone="13900000000"))
    await town.running.settled()
    found = [(delivery["state"], delivery["reason_code"]) for delivery in await town.deliveries()]
    assert found == [("suppressed", "patient_corrected"), ("queued", None)]


async def test_a_fresh_report_waits_for_an_exam_of_any_age(town):
    await town.account("aliyun_sms")
    await town.publish(town.signed())
    await town.at_rest()
    await town.publish(town.exam(), at=town.clock() - timedelta(days=4))
    await town.reaches({"aliyun_sms": "accepted"})


async def test_old_reports_cause_no_message(town):
    await town.send_by_both()
    before = town.clock() - timedelta(days=4)
    await town.publish(town.exam(), at=before)
    await town.publish(town.signed(), at=before)
    await town.at_rest()
    await town.publish(town.exam())
    await town.at_rest()
    assert await town.deliveries() == []
    assert await town.vendors.accepted() == []


async def test_a_voided_report_is_not_told_and_a_new_version_is(town):
    await town.account("aliyun_sms")
    await town.publish(town.voided(), version=2)
    await town.publish(town.signed(received_version=1))
    await town.publish(town.exam())
    await town.running.settled()
    assert await town.deliveries() == []
    await town.publish(town.signed(received_version=3, text="B"))
    await town.reaches({"aliyun_sms": "accepted"})


async def test_what_waits_for_the_morning_is_withdrawn_with_its_report(open_town):
    town = await open_town(quiet_hours="00:00-23:59")
    await town.account("aliyun_sms")
    await town.publish(town.exam())
    await town.publish(town.signed(received_version=1))
    await town.running.settled()
    (waiting,) = await town.deliveries()
    assert (waiting["state"], waiting["attempts"]) == ("queued", 0)
    await town.publish(town.voided(), version=2)
    await town.reaches({"aliyun_sms": "suppressed"})
    assert (await town.deliveries())[0]["reason_code"] == "report_voided"
    await town.publish(town.signed(received_version=3))
    await town.running.settled()
    assert [delivery["state"] for delivery in await town.deliveries()] == ["suppressed", "queued"]
    await town.publish(town.exam_voided())
    await town.running.settled()
    assert [delivery["reason_code"] for delivery in await town.deliveries()] == ["report_voided", "exam_voided"]
    assert await town.vendors.accepted() == []


async def test_one_trace_runs_from_the_report_to_the_message(town):
    await town.account("aliyun_sms")
    await town.publish(town.exam())
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    await town.running.publish(town.signed(), service="signing", traceparent=f"00-{trace_id}-00f067aa0ba902b7-01")
    await town.reaches({"aliyun_sms": "accepted"})
    events = await town.running.events(NotificationIssued) + await town.running.events(NotificationDelivered)
    assert [event.traceparent.split("-")[1] for event, _ in events] == [trace_id, trace_id]


@pytest.mark.real
async def test_two_replicas_on_one_database_send_each_message_once(open_town, postgres_database):
    town = await open_town(database_url=postgres_database)
    await open_town(database_url=postgres_database)
    (group,) = [state for state in await town.running.log.groups() if state.group == "notify"]
    assert len(group.members) == 2
    await town.send_by_both()
    for number in range(12):
        await town.publish(town.signed(f"R{number}", exams=(f"E{number}",)))
        await town.publish(town.exam(f"E{number}"))
    await town.at_rest()
    sms, wechat = await town.vendors.accepted("aliyun"), await town.vendors.accepted("wechat_official")
    assert (len(sms), len(wechat)) == (12, 12)
    assert len({message["correlation_id"] for message in sms}) == 12
