"""From a signed report to one SMS and one WeChat message, whatever is duplicated or comes out of order."""

import hashlib

import orjson
import pytest


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
