"""Chats of this process, and flows that ask them."""

import pytest

from longspan.dialogue import dialogue_ids
from longspan.errors import WindowExceeded
from longspan.flows.base import Events
from longspan.flows.best_passages import BestPassages
from longspan.flows.chat import Local
from longspan.spans import Document
from tiny import SPECIAL, WINDOW, tiny_model, tiny_tokenizer

DIALOGUE = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who?"},
    {"role": "assistant", "content": "The baker."},
    {"role": "user", "content": "Why?"},
]


def test_messages_are_the_template_of_the_whole_dialogue():
    tokenizer = tiny_tokenizer()
    said = [(each["role"], each["content"]) for each in DIALOGUE]
    expected = tokenizer.apply_chat_template(DIALOGUE, add_generation_prompt=True, return_dict=False)
    assert dialogue_ids(tokenizer, said) == (list(expected), "may")
    ids, _ = dialogue_ids(tokenizer, [("user", f"{SPECIAL[2]} system")])
    assert ids.count(tokenizer.convert_tokens_to_ids(SPECIAL[2])) == 1, "what users spell has no power"


def test_a_reply_is_what_a_session_generates():
    model, pieces = tiny_model(), []
    reply = Local(model).generate(DIALOGUE, stream=pieces.append, max_new_tokens=12)
    ids, _ = dialogue_ids(model.tokenizer, [(each["role"], each["content"]) for each in DIALOGUE])
    with model.session() as session:
        text = "".join(step.text for step in session.read(ids).generate(max_new_tokens=12))
    assert "".join(pieces) == text
    assert reply.text == text.strip()
    assert (reply.usage.prompt_tokens, reply.usage.generated_tokens) == (len(ids), 12)
    with pytest.raises(WindowExceeded):
        Local(model).generate(DIALOGUE, max_new_tokens=WINDOW)


def test_the_best_passages_fit_the_window_and_speak_of_the_question():
    text = "".join(f"The sailor slept on day {day}. " for day in range(60))
    place = text.index("The sailor slept on day 31.")
    document = Document("log.txt", f"{text[:place]}The baker hid the letter. {text[place:]}")
    lines = []
    events = Events(step=lines.append, generation={"max_new_tokens": 4})
    answer = BestPassages(passage=60).answer(Local(tiny_model()), [document], "Who hid the letter?", events)
    assert answer.usage.prompt_tokens + 4 <= WINDOW
    assert answer.usage.truncated_tokens > 0
    assert f"{answer.usage.truncated_tokens:,} tokens left out" in lines[0]
    with pytest.raises(WindowExceeded, match="no room for a text in 512 tokens"):
        BestPassages().answer(Local(tiny_model()), [document], "Who? " * 99, events)
