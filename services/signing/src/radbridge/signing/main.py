"""The ``signing`` service, put together."""

from radbridge.runtime.service import Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.settings import load_settings
from radbridge.signing import handlers
from radbridge.signing.api import authorities, coss, dsvs, sef, verdicts
from radbridge.signing.api.callers import Callers
from radbridge.signing.revocation_lists import RevocationLists
from radbridge.signing.settings import SigningSettings
from radbridge.signing.trust import TrustKeeper


def build(resources: Resources) -> Service:
    """Routes, consumers and workers of the service over the given resources."""
    settings = load_settings(SigningSettings)
    lists = RevocationLists(resources.database, resources.http, resources.clock, settings.crl_refresh)
    trust = TrustKeeper(resources.database)
    judge = handlers.JudgeReports(resources.sealed_blobs, trust, resources.outbox, resources.clock)
    callers = Callers(resources.directory)
    return Service(
        name="signing",
        routers=(
            verdicts.router(resources),
            authorities.router(resources, lists),
            dsvs.router(callers, trust, resources.clock),
            coss.router(callers, trust, resources.clock),
            sef.router(callers, trust, resources.http, resources.clock),
        ),
        consumers=(handlers.consumer(judge),),
        workers=(Worker("revocation-lists", lists.run),),
    )


SERVICE = ServiceDefinition(name="signing", migrations="radbridge.signing.migrations", build=build)
