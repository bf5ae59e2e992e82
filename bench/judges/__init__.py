"""What recorded judges are worth beside people or objective labels: the table of docs/judges/recorded.md."""
