"""From a source tree to an interpreter that was checked: host, flavors, make, install."""
