"""What a report's signature, timestamp and seal are worth."""
