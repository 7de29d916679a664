"""Versions of everything that is fetched outside uv.lock and the npm lock file, in one place.

What uv.lock pins (uv itself, Node's wheel, Go's wheel) is read from there by `tools.lock`.
"""

KAFKA = "4.3.1"
"""4.4.0 does not resolve on Maven: it names a `kafka-tools-api` that was never published."""
KAFKA_SCALA = "2.13"
LOG4J = "2.25.3"
MAVEN_DEPENDENCY_PLUGIN = "3.8.1"

VERSITYGW = "1.8.0"
KUSTOMIZE = "5.8.2"
"""5.8.3 needs Go 1.27."""
OTELCOL = "0.155.0"
"""Of the components in `tools/otelcol/go.mod` and of the collector's image in `docker-compose.yml`."""
GO_AT_LEAST = (1, 25)

OHIF = "3.13.2"
NODE_AT_LEAST = (20, 19)
