"""One module a kind of reference page; each gives the page's whole text."""
