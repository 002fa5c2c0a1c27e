"""What PyFlink has under this name, as far as it has a meaning here: `exceptions`."""
