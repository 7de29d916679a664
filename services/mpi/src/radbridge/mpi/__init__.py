"""One person for the many patient records that hospitals keep."""
