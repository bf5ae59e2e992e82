"""Records, errors, protocols, registry, ids and canonical hashing; standard library only."""
