"""Reading and writing beyond any window: how a text that does not fit is read in parts."""
