"""Parameter studies: many variations of one case, computed on all cores or on a cluster, whole or continued."""
