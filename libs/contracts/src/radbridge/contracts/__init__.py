"""What crosses a service boundary and nothing else: events, topics, routes, the canonical model, hospital dialects."""
