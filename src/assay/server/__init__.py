"""The pages and the JSON of a store, served to this machine only (``assay view``)."""
