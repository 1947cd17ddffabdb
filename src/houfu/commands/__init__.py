"""The commands of `houfu`: one file each. Machine-readable answers go to stdout as JSON, words for people to stderr."""
