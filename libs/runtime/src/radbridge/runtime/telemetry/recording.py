"""Where recorded spans go, as the settings say."""

from radbridge.runtime.telemetry.traces import Recorder


def open_recorder(endpoint: str | None, *, instance_id: str) -> Recorder | None:
    """A recorder that sends to the collector at ``endpoint``; ``None`` without one: nothing is recorded."""
    if endpoint is None:
        return None
    from radbridge.runtime.telemetry.otlp import OtlpRecorder

    return OtlpRecorder(endpoint, instance_id=instance_id)
