"""The ``recognition`` service, put together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from radbridge.recognition import handlers, restoring, store
from radbridge.recognition.api import exams, items, neijiang, why
from radbridge.recognition.marks import Marks
from radbridge.recognition.reminders import Reminders
from radbridge.recognition.settings import RecognitionSettings
from radbridge.runtime import rebuild_api
from radbridge.runtime.rebuild import Rebuilder
from radbridge.runtime.restoring import Restorer
from radbridge.runtime.service import Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.settings import load_settings


def build(resources: Resources) -> Service:
    """Routes and consumers of the service over the given resources."""
    settings = load_settings(RecognitionSettings)
    reminders = Reminders(
        database=resources.database,
        outbox=resources.outbox,
        audit=resources.audit,
        vault=resources.vault,
        keyring=resources.keyring,
        links=resources.links,
        clock=resources.clock,
        window=settings.window,
        view_valid=settings.view_valid,
        base_url=resources.settings.base_url,
    )
    consumer = handlers.consumer(resources.sealed_blobs, resources.keyring)
    rebuilder = Rebuilder(consumer, resources.log, resources.database, store.clear_projections, resources.clock)
    marks = Marks(resources.database, resources.outbox, resources.directory, resources.clock)
    restorer = Restorer(resources.log, resources.database, resources.clock, restoring.TOPIC, restoring.keep)

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        await restorer.run()
        yield

    return Service(
        name="recognition",
        lifespan=lifespan,
        routers=(
            neijiang.router(resources, reminders, marks, settings.answer_within),
            items.router(resources),
            exams.router(resources, settings),
            why.router(resources, settings),
            rebuild_api.router("recognition", consumer.group, rebuilder),
        ),
        consumers=(consumer,),
        workers=(Worker("rebuild", rebuilder.resume),),
    )


SERVICE = ServiceDefinition(name="recognition", migrations="radbridge.recognition.migrations", build=build)
