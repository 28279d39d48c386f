"""The chunks that the last query finds, against a loop."""

import torch
from passage import Passage

from longspan.policies.retrieval_cache import RetrievalCache


def test_scores_are_products_of_the_last_query_with_mean_keys():
    passage = Passage(None, rows=2, group=3)
    passage.read(29)
    passage.keep([[*range(12), *range(15, 29)], range(29)])
    view = passage.view(1)
    found = RetrievalCache(budget=16, chunk=4).scores(view)
    for row, kept in enumerate(passage.rows):
        query = view.queries[3 * row : 3 * row + 3, -1].mean(0)
        for place, position in enumerate(kept):
            mates = [other for other, at in enumerate(kept) if at // 4 == position // 4]
            expected = float(query @ view.keys[row, mates].mean(0))
            if position < 4 or position == 28:
                expected = float("inf")
            torch.testing.assert_close(float(found[row, place]), expected, atol=1e-4, rtol=1e-4)
