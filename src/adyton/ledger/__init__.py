"""The ledger: from the chain and the database alone, whether every request came to exactly one end and the money adds up."""
