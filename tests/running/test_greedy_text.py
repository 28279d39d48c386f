"""The default model writes what transformers lets it write."""

import pytest
import torch

LONG = "Once upon a time there was a lighthouse keeper who counted the ships. Every evening"


@pytest.mark.parametrize(
    ("prompt", "chunk"), [("The capital of France is", 2048), ("def fibonacci(n):\n", 2048), (LONG, 16)]
)
def test_greedy_text_is_that_of_transformers(default_model, prompt, chunk):
    model = default_model
    ids = model.tokenizer(prompt, return_tensors="pt")
    stock = model.network.generate(
        **ids, max_new_tokens=6, do_sample=False, pad_token_id=model.tokenizer.eos_token_id
    )[0, ids["input_ids"].shape[1] :]
    with model.session(chunk=chunk) as session:
        steps = list(session.read(ids["input_ids"][0]).generate(max_new_tokens=6))
    assert [step.token for step in steps] == stock.tolist()
    text = "".join(step.text for step in steps)
    assert text == model.tokenizer.decode(stock, skip_special_tokens=True)


def test_logits_of_the_default_model_are_stock(default_model):
    model = default_model
    ids = model.tokenizer(LONG * 4, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        stock = model.network(input_ids=ids).logits[0]
    with model.session() as session:
        assert torch.equal(session.logits(ids[0]), stock)
