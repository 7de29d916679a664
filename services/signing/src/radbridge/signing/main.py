"""The ``signing`` service, put together."""

from radbridge.runtime.service import Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.settings import load_settings
from radbridge.signing import handlers
from radbridge.signing.api import authorities, verdicts
from radbridge.signing.revocation_lists import RevocationLists
from radbridge.signing.settings import SigningSettings
from radbridge.signing.trust import TrustKeeper


def build(resources: Resources) -> Service:
    """Routes, consumers and workers of the service over the given resources."""
    settings = load_settings(SigningSettings)
    lists = RevocationLists(resources.database, resources.http, resources.clock, settings.crl_refresh)
    judge = handlers.JudgeReports(
        resources.sealed_blobs, TrustKeeper(resources.database), resources.outbox, resources.clock
    )
    return Service(
        name="signing",
        routers=(verdicts.router(resources), authorities.router(resources, lists)),
        consumers=(handlers.consumer(judge),),
        workers=(Worker("revocation-lists", lists.run),),
    )


SERVICE = ServiceDefinition(name="signing", migrations="radbridge.signing.migrations", build=build)
