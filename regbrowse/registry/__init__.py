"""The asynchronous core: everything that is said to a registry, and nothing about screens."""
