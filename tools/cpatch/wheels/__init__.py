"""The heap as an extension of an unpatched interpreter: what is packed, built and tested."""
