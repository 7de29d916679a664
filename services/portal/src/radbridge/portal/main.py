"""The ``portal`` service, put together."""

from radbridge.portal import handlers, store
from radbridge.portal.api import console, events, links, pages, reference, session
from radbridge.portal.settings import PortalSettings
from radbridge.runtime import rebuild_api
from radbridge.runtime.rebuild import Rebuilder
from radbridge.runtime.service import Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.settings import load_settings


def build(resources: Resources) -> Service:
    """Routes and consumers of the service over the given resources."""
    settings = load_settings(PortalSettings)
    consumer = handlers.consumer()
    rebuilder = Rebuilder(consumer, resources.log, resources.database, store.clear_projections, resources.clock)
    return Service(
        name="portal",
        routers=(
            session.router(resources, settings),
            console.router(resources),
            events.router(resources),
            links.router(resources),
            reference.router(),
            rebuild_api.router("portal", consumer.group, rebuilder),
            pages.router(settings, resources.links),
        ),
        consumers=(consumer,),
        workers=(Worker("rebuild", rebuilder.resume),),
    )


SERVICE = ServiceDefinition(name="portal", migrations="radbridge.portal.migrations", build=build)
