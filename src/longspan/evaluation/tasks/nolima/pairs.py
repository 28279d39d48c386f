"""Needles and questions that share no word: only knowledge of the world ties one to the other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Pair:
    """needle: a sentence with {name} in the place of a character; one_hop and two_hop: questions it answers.

    For the second, something must be known of what the first asks for.
    """

    needle: str
    one_hop: str
    two_hop: str


def _visit(number: int, landmark: str, city: str, region: str) -> Pair:
    needle = (
        f"Actually, {{name}} lives right beside {landmark}.",
        f"From the kitchen window {{name}} saw {landmark} every morning.",
    )[number % 2]
    return Pair(
        needle=needle,
        one_hop=f"Which character has been to {city}?",
        two_hop=f"Which character has been to {region}?",
    )


_LANDMARKS = (
    ("the Brandenburg Gate", "Berlin", "Germany"),
    ("the Prado", "Madrid", "Spain"),
    ("the Colosseum", "Rome", "Italy"),
    ("the temple of Kinkaku-ji", "Kyoto", "Japan"),
    ("the Acropolis", "Athens", "Greece"),
    ("the Golden Gate Bridge", "San Francisco", "California"),
    ("the Sagrada Família", "Barcelona", "Catalonia"),
    ("the Hagia Sophia", "Istanbul", "Turkey"),
    ("the Charles Bridge", "Prague", "Bohemia"),
    ("the statue of Christ the Redeemer", "Rio de Janeiro", "Brazil"),
    ("the Hermitage", "Saint Petersburg", "Russia"),
    ("the Taj Mahal", "Agra", "India"),
    ("the Forbidden City", "Beijing", "China"),
    ("the CN Tower", "Toronto", "Canada"),
    ("the Rijksmuseum", "Amsterdam", "the Netherlands"),
    ("the Louvre", "Paris", "France"),
    ("the Belém Tower", "Lisbon", "Portugal"),
    ("the Burj Khalifa", "Dubai", "the United Arab Emirates"),
    ("the Petronas Towers", "Kuala Lumpur", "Malaysia"),
    ("Table Mountain", "Cape Town", "South Africa"),
    ("Bondi Beach", "Sydney", "Australia"),
    ("Schönbrunn Palace", "Vienna", "Austria"),
    ("the pyramid of Cheops", "Giza", "Egypt"),
    ("the Holyrood Palace", "Edinburgh", "Scotland"),
)

_HABITS = (
    Pair(
        needle="{name} has been lactose intolerant since childhood.",
        one_hop="Which character cannot drink milk?",
        two_hop="Which character cannot have an ordinary cappuccino?",
    ),
    Pair(
        needle="Years ago a doctor told {name} that it was coeliac disease.",
        one_hop="Which character must avoid wheat?",
        two_hop="Which character should not eat a baguette?",
    ),
    Pair(
        needle="Everything on the table of {name} was strictly halal.",
        one_hop="Which character does not eat pork?",
        two_hop="Which character would refuse prosciutto?",
    ),
    Pair(
        needle="{name} could never tell red from green.",
        one_hop="Which character is colour-blind?",
        two_hop="Which character would be turned away as an airline pilot?",
    ),
    Pair(
        needle="Every evening {name} practised the cello.",
        one_hop="Which character plays a string instrument?",
        two_hop="Which character could complete a quartet of two violins and a viola?",
    ),
    Pair(
        needle="{name} suffers badly from acrophobia.",
        one_hop="Which character is afraid of heights?",
        two_hop="Which character would rather not climb a bell tower?",
    ),
    Pair(
        needle="It was no secret that {name} had arachnophobia.",
        one_hop="Which character is afraid of spiders?",
        two_hop="Which character would hate to meet a tarantula?",
    ),
    Pair(
        needle="For a living {name} filled cavities and fitted crowns on molars.",
        one_hop="Which character is a dentist?",
        two_hop="Which character knows how to treat gingivitis?",
    ),
    Pair(
        needle="{name} reads Braille with astonishing speed.",
        one_hop="Which character is blind?",
        two_hop="Which character cannot hold a driving licence?",
    ),
    Pair(
        needle="For twenty years {name} had been a sommelier.",
        one_hop="Which character knows a lot about wine?",
        two_hop="Which character can distinguish Merlot and Pinot Noir?",
    ),
    Pair(
        needle="{name} kept four mares in the stable.",
        one_hop="Which character owns horses?",
        two_hop="Which character needs a farrier now and then?",
    ),
    Pair(
        needle="Behind the barn {name} tended forty hives.",
        one_hop="Which character keeps bees?",
        two_hop="Which character could give away jars of honey?",
    ),
    Pair(
        needle="In spring {name} entered the monastery and took the vows.",
        one_hop="Which character is a monk?",
        two_hop="Which character is not allowed to marry?",
    ),
    Pair(
        needle="{name} has to inject insulin before meals.",
        one_hop="Which character is diabetic?",
        two_hop="Which character must be careful with sugar?",
    ),
)

PAIRS = tuple(_visit(number, *place) for number, place in enumerate(_LANDMARKS)) + _HABITS
