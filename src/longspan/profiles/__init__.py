"""Facts measured once of a model and kept with it: which heads retrieve, which layers suffer from eviction."""
