"""The LA's own files: GIAS, contacts, extracts, SEN2; archived and versioned like returns, and the newest loaded."""

from pipelines.reference.pulling import SHOWN_STATES, NoEstablishments, pull_reference, reference_fingerprint
from pipelines.reference.sources import KINDS_OF_TERMS

__all__ = ["KINDS_OF_TERMS", "SHOWN_STATES", "NoEstablishments", "pull_reference", "reference_fingerprint"]
