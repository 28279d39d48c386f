"""Lists that are drawn as far as they are asked for."""

from random import Random

from longspan.evaluation.tasks.endless import Endless, distinct


def test_an_endless_list_begins_the_same_however_far_it_is_drawn():
    short, long = (Endless(Random(3), Random.random) for _ in range(2))
    assert short.first(4) == long.first(100)[:4]
    assert long.first(2) == short.first(2)


def test_a_distinct_draw_never_repeats():
    drawn = Endless(Random(0), distinct(lambda random: random.randrange(50))).first(50)
    assert sorted(drawn) == list(range(50))
