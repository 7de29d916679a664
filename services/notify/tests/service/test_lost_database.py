"""A database is lost and every event is handled again: nobody is told twice."""

import shutil

from radbridge.contracts.topics import TOPICS
from radbridge.notify.main import SERVICE
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import Message
from radbridge.runtime.testing import running_service


async def test_facts_come_back_from_own_events_before_anything_is_handled(town, tmp_path):
    await town.send_by_both()
    await town.publish(town.exam())
    await town.publish(town.signed())
    await town.publish(town.exam("E2", phone=None, document=None))
    await town.publish(town.signed("R2", exams=("E2",)))
    await town.at_rest()
    before = {number: await town.states(number) for number in ("R1", "R2")}
    await town.running.resources.outbox.drained()

    folder = tmp_path / "again"
    folder.mkdir()
    shutil.copy(tmp_path / "town" / "vault.key", folder)
    log = open_log(f"sqlite:///{folder}/events.db")
    await log.ensure_topics(TOPICS)
    for topic in ("institution", "exam", "report", "notification"):
        for record in await town.running.log.read(topic):
            await log.append([Message(topic, record.key, record.value, record.headers)])
    try:
        async with running_service(SERVICE, folder, log=log, clock=town.clock) as running:
            again = type(town)(running, town.vendors, town.clock, town.hospital)
            await again.account("aliyun_sms")
            await again.account("wechat_official")
            await running.settled()
            again.clock.forward(minutes=10)
            await again.at_rest()
            assert {number: await again.states(number) for number in ("R1", "R2")} == before
    finally:
        await log.close()
    assert len(await town.vendors.accepted()) == 2
