"""The LA's own files: GIAS, contacts, extracts, SEN2; archived and versioned like returns, and the newest loaded."""

from pipelines.reference.pulling import NoEstablishments, pull_reference, reference_fingerprint

__all__ = ["NoEstablishments", "pull_reference", "reference_fingerprint"]
