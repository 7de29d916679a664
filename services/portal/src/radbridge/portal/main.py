"""The ``portal`` service, put together."""

from radbridge.portal import handlers
from radbridge.portal.api import console, events, links, pages, reference, session
from radbridge.portal.settings import PortalSettings
from radbridge.runtime.service import Resources, Service, ServiceDefinition
from radbridge.runtime.settings import load_settings


def build(resources: Resources) -> Service:
    """Routes and consumers of the service over the given resources."""
    settings = load_settings(PortalSettings)
    return Service(
        name="portal",
        routers=(
            session.router(resources, settings),
            console.router(resources),
            events.router(resources),
            links.router(resources),
            reference.router(),
            pages.router(settings, resources.links),
        ),
        consumers=(handlers.consumer(),),
    )


SERVICE = ServiceDefinition(name="portal", migrations="radbridge.portal.migrations", build=build)
