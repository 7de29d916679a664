"""The ``notify`` service, put together."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from radbridge.notify import handlers, restoring
from radbridge.notify.api import accounts, bindings, callbacks, deliveries, preferences
from radbridge.notify.delivery_book import DeliveryBook
from radbridge.notify.issuing import Issuer
from radbridge.notify.senders import Senders
from radbridge.notify.settings import NotifySettings
from radbridge.notify.wechat_token_store import DatabaseTokenStore
from radbridge.notify.worker import DeliveryWorker
from radbridge.runtime.restoring import Restorer
from radbridge.runtime.service import Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.settings import load_settings


def build(resources: Resources) -> Service:
    """Routes, consumer and worker of the service over the given resources."""
    settings = load_settings(NotifySettings)
    woken = asyncio.Event()
    book = DeliveryBook(
        outbox=resources.outbox,
        keyring=resources.keyring,
        vault=resources.vault,
        clock=resources.clock,
        quiet_hours=settings.quiet,
        wake=woken.set,
    )
    issuer = Issuer(
        book=book,
        outbox=resources.outbox,
        keyring=resources.keyring,
        directory=resources.directory,
        clock=resources.clock,
        occasions=settings.occasions,
        policy=settings.channels,
        link_valid=settings.link_valid,
    )
    worker = DeliveryWorker(
        database=resources.database,
        book=book,
        senders=_senders(resources, settings),
        tracing=resources.tracing,
        meters=resources.meters,
        clock=resources.clock,
        holder=resources.instance_id,
        base_url=resources.settings.base_url,
        woken=woken,
    )
    restorer = Restorer(resources.log, resources.database, resources.clock, restoring.TOPIC, restoring.keep)

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        await restorer.run()
        yield

    return Service(
        name="notify",
        lifespan=lifespan,
        routers=(
            accounts.router(resources),
            bindings.router(resources),
            preferences.router(resources),
            deliveries.router(resources),
            callbacks.router(resources, book),
        ),
        consumers=(handlers.consumer(handlers.Handlers(issuer, book)),),
        workers=(Worker("deliveries", worker.run),),
    )


def _senders(resources: Resources, settings: NotifySettings) -> Senders:
    tokens = DatabaseTokenStore(resources.database, resources.keyring, resources.clock)
    return Senders(resources.http, tokens, resources.instance_id, resources.clock, settings.vendor_timeout)


SERVICE = ServiceDefinition(name="notify", migrations="radbridge.notify.migrations", build=build)
