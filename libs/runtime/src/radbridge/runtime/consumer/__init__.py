"""Handling events: each once in effect, in order per key, keys side by side.

``spec`` is how a service says what it handles, ``consumer`` runs it. Inside: ``lanes`` orders the work, ``offsets``
knows what may be committed, ``flow`` bounds what is under way, ``handling`` takes one record through its attempts,
``inbox`` recognises repeats, ``policy`` says when to give up.
"""

from radbridge.runtime.consumer.consumer import Consumer, ConsumerNotReady
from radbridge.runtime.consumer.policy import RetryPolicy
from radbridge.runtime.consumer.spec import ConsumerSpec, On, Received

__all__ = ["Consumer", "ConsumerNotReady", "ConsumerSpec", "On", "Received", "RetryPolicy"]
