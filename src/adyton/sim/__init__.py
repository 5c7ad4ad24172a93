"""A whole node on a seeded world: clock, chance, chain, HTTP and disk are simulated, so its seed replays every failure."""
