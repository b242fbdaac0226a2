"""The project's own figures. Each is a ratio to a limit that was measured in the same run, so that it means the same on
every machine: `make bench`."""
