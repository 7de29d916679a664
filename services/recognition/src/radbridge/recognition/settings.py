"""Settings of ``recognition``."""

from datetime import timedelta

from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import EnvironmentSettings


class RecognitionSettings(EnvironmentSettings):
    """Reminder windows and deadlines. Environment: ``RADBRIDGE_RECOGNITION_…``."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_RECOGNITION_")

    window: timedelta = timedelta(days=90)
    """How old an exam may be to be listed."""
    answer_within: timedelta = timedelta(milliseconds=900)
    """A doctor waits: after this the answer is an error, never a late list."""
    view_valid: timedelta = timedelta(minutes=15)
    """How long a viewUrl opens."""
