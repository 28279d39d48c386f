"""Reading and writing beyond any window: how a text that does not fit is read in parts."""

from longspan.credit import Credit

METHODS = ("alr2", "best-passages", "map-reduce", "rlm", "srlm")

CREDITS = (Credit(kind="flow", name="longspan.flows.epicache.EpiCache", field=81),)
