"""For tests of Assay and of its plug-ins: a scripted model server (``assay.testing.server``) and conformance suites."""
