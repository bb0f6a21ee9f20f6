"""From a built interpreter to a tarball that runs wherever it is unpacked."""
