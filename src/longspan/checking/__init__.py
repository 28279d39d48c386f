"""The comparison of a borrowed network with itself, layer by layer, over long distances, and as a whole."""
