"""Rails: the ways to a bank. A file goes out over one, and the bank's reports come back over it."""
