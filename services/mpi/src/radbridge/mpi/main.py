"""The ``mpi`` service, put together."""

from radbridge.mpi import handlers
from radbridge.mpi.api import persons
from radbridge.runtime.service import Resources, Service, ServiceDefinition


def build(resources: Resources) -> Service:
    """Routes and consumers of the service over the given resources."""
    return Service(
        name="mpi",
        routers=(persons.router(resources),),
        consumers=(handlers.consumer(resources.outbox, resources.clock),),
    )


SERVICE = ServiceDefinition(name="mpi", migrations="radbridge.mpi.migrations", build=build)
