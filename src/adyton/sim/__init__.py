"""A whole node on a seeded world: clock, chance, chain, HTTP and disk are simulated, and every failure is replayed by its seed."""
