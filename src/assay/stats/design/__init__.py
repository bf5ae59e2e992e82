"""How many samples a question needs, what so many can see, and with what power: means, shares, pairs, clusters."""
