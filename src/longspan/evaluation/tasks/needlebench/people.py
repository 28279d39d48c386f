"""Names of people who do not exist."""

from __future__ import annotations

import re
from random import Random

from longspan.evaluation.tasks.endless import Endless, distinct

_FIRST_NAMES_TEXT = """Aaron Abigail Adrian Agnes Alastair Alberta Alfred Alison Amanda Amelia Andrew Angela Anita
    Anthony Antonia Archie Arnold Astrid Audrey Barbara Barnaby Beatrice Benjamin Bernard Bertha Blanche Brenda Brian
    Bridget Bruno Camilla Caroline Cecil Charlotte Chester Christopher Clara Clarence Clifford Constance
    Cordelia Cyril Damian Daphne Deborah Della Dennis Desmond Dexter Diana Dominic Donald Doris Dorothy
    Douglas Duncan Edgar Elvira Edmund Edward Eileen Elaine Eleanor Elijah Elspeth Emil Emmeline Ernest Ezra
    Esther Ethel Eugene Felicity Felix Ferdinand Fergus Fiona Florence Francis Frederick Gabriel Gareth
    Genevieve Geoffrey Gerald Gertrude Gideon Giles Gilbert Gladys Gordon Graham Gregory Griselda Guinevere
    Gwen Harold Harriet Harvey Hazel Hector Heidi Helga Herbert Hilda Horace Howard Hubert Hugo Humphrey
    Ignatius Imogen Ingrid Isaac Isidore Ivan Jacob Jasper Jemima Jerome Jessica Joachim Jocelyn Jonathan
    Joseph Joyce Judith Julius Justin Katharine Kenneth Kerstin Laurence Leopold Leslie Lionel Lorna Louisa
    Lucian Ludwig Lydia Mabel Magnus Malcolm Margaret Marjorie Martha Matilda Maurice Maxwell Meredith Mildred
    Miranda Mortimer Muriel Nathaniel Neville Nigel Noel Norbert Octavia Olive Oscar Oswald Otto Patrick
    Percival Perpetua Philip Phoebe Phyllis Prudence Quentin Ralph Raymond Reginald Richard Roderick Roger
    Rosalind Rowena Rudolf Rufus Rupert Sabrina Samuel Selina Seymour Sheila Sidney Simon Solomon Spencer
    Stanley Stella Stephen Sybil Sylvester Tabitha Theodore Thomas Timothy Tobias Ulrich Ursula Valerie Vernon
    Victor Vincent Viola Virginia Wallace Walter Wilfred Winifred Yvonne Zachary Zelda"""
FIRST_NAMES = tuple(_FIRST_NAMES_TEXT.split())
_STEMS_TEXT = """Ash Bar Black Brad Brom Burn Cal Car Chad Clay Cran Dal Dar Den Dray Dun East Eld Fair Farn Glen Green
    Grim Hal Hart Haw Hel Hol Hun Kel Ken Kirk Lang Led Lin Long Mar Mel Mid Mil Nor Oak Old Pem Pres Rad Red
    Rock Ros Shel Staf Stan Thorn Tur Wal Wes Whit Win Wood"""
_STEMS = tuple(_STEMS_TEXT.split())
_ENDINGS_TEXT = """ford ley well worth ham bury brook field wick stead combe gate dale more land thorpe croft grave mont
    ridge shaw holm low by"""
_ENDINGS = tuple(_ENDINGS_TEXT.split())
LAST_NAMES = tuple(stem + ending for stem in _STEMS for ending in _ENDINGS)

FULL_NAME = re.compile(rf"\b(?:{'|'.join(FIRST_NAMES)}) [A-Z][a-z]+\b")
"""A full name in an answer."""


def full_name(random: Random) -> str:
    """First and last name."""
    return f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"


def people(random: Random) -> Endless[str]:
    """Full names, each once; there are some three hundred thousand."""
    return Endless(random, distinct(full_name))
