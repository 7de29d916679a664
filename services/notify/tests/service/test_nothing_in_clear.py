"""Who was told, where and with which code stands nowhere in clear: not in files, events or logs."""

import base64
import logging
from urllib.parse import quote

from radbridge.runtime.testing import listening


async def test_a_search_of_files_and_logs_finds_nobody(town, tmp_path, caplog):
    with caplog.at_level(logging.DEBUG, logger="radbridge"):
        await town.send_by_both()
        account = await town.account("aliyun_sms")
        async with listening(town.running.host.app) as url:
            path = account["callback_url"].removeprefix("https://images.example.cn")
            await town.vendors.report_to(aliyun=url + path)
            await town.publish(town.exam())
            await town.publish(town.signed())
            await town.reaches({"aliyun_sms": "delivered", "wechat_official": "accepted"})
    code = (await town.vendors.accepted("aliyun"))[0]["fields"]["code"]
    callback_secret = path.rpartition("/")[2]
    token = await town.running.resources.database.fetch_one("SELECT token_sealed FROM wechat_token")
    assert token["token_sealed"].startswith("rb1.")
    searched = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    searched.append("\n".join(str(vars(record)) for record in caplog.records).encode())
    assert b"rb1." in b"".join(searched)
    secrets = (
        *("张三丰", "13800000000", "11010519491231002X", "oPATIENT0000000000000000001", code, callback_secret),
        *("SECRET-OF-ALIYUN", "SECRET-OF-OFFICIAL", "CALLBACKTOKEN"),
    )
    for secret in secrets:
        clear = secret.encode()
        forms = (clear, secret.encode("utf-16-le"), secret.encode("gb18030"), base64.b64encode(clear))
        for form in (*forms, clear.hex().encode(), quote(secret).encode(), ascii(secret)[1:-1].encode()):
            assert not any(form in content for content in searched), secret
