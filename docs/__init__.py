"""Documentation: pages people read, and the code that makes the reference from the package."""
