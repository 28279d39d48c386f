"""Writing systems, as far as words and quotes depend on them."""

IDEOGRAPHS = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
HIRAGANA = "\u3041-\u309f"
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
HANGUL = "\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e"
SOUTHEAST = "\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u109f\u1780-\u17d3\u1950-\u19df\u1a20-\u1aad"
"""Thai, Lao, Myanmar, Khmer, Tai."""

UNSPACED = IDEOGRAPHS + HIRAGANA + KATAKANA + SOUTHEAST
"""Characters of systems that put no blanks between words, to stand in a class of a regular expression."""

INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
"""Characters that only say how others are set: soft hyphens, joiners, directions, variants."""

POINTS = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
"""Vowel points and signs for reading of Hebrew and Arabic, which most texts leave out."""

HYPHENS = "-\u2010\u2011"
