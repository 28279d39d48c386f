"""HTTP: what every protocol stands on."""
