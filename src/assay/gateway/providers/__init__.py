"""The wire formats and in-process models the gateway knows; each module is imported when its prefix is first used."""
