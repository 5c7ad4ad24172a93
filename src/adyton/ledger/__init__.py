"""From the chain and the database alone: did every request come to exactly one end, and does the money add up?"""
