"""Pure rules of intake: which push wins, and what an accepted record says on the bus."""
