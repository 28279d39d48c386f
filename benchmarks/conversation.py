"""How much of what was said long ago is recalled: with memory, and by the last window alone.

    python benchmarks/conversation.py --model FILE.gguf [--window 1024] [--turns 200] [--facts 40] [--work FOLDER]

In a conversation of `turns` turns, `facts` of them tell something, such as the code of a lock, and the others go on
about bread, bells and bridges; replies are short and fixed. After the last fact, a window of `window` tokens passes
three times and more. Then each fact is asked for at the end of it, once for each way to converse, and what is asked and
answered is forgotten again. Recalled is a fact whose value stands in the answer; found is one whose round the search
gives. Answers are kept in a folder; a run that was interrupted goes on with the first that it lacks.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import time
from importlib.resources import files
from pathlib import Path

import longspan
from longspan.conversing.continuing import Continuing
from longspan.conversing.rounds import Rounds
from longspan.conversing.talk import Talk
from longspan.flows.base import Events
from longspan.memory import Memory
from longspan.spans import Document, sentences

WAYS = {"last window": Rounds(recalled=0), "memory": Rounds()}
ANSWER_TOKENS, PASSED, SEED = 16, 3, 17
REPLIES = ("I see.", "Thank you for telling me.", "Interesting.", "Noted.")
WORDS = ("amber", "birch", "cobalt", "dahlia", "ember", "fennel", "garnet", "hazel", "indigo", "juniper")
ENDS = ("ford", "wick", "dale", "mere", "holm", "stead", "combe", "thorpe")
KINDS = (
    ("The code of my {} is {}.", "What is the code of my {}?", "number"),
    ("I keep the spare key of the {} in {}.", "Where do I keep the spare key of the {}?", "place"),
    ("My {} teacher was called {}.", "What was my {} teacher called?", "name"),
    ("I bought my {} in {}.", "Where did I buy my {}?", "place"),
)
THINGS = (
    ("bicycle lock", "garden gate", "suitcase", "alarm", "letter box", "cellar", "locker", "tablet", "piano", "van"),
    ("boat", "shed", "attic", "chapel", "cottage", "workshop", "stable", "mill", "greenhouse", "archive"),
    ("violin", "chemistry", "fencing", "Latin", "pottery", "swimming", "history", "chess", "drawing", "dance"),
    ("kettle", "telescope", "carpet", "saddle", "armchair", "barometer", "raincoat", "canoe", "lantern", "loom"),
)  # fmt: skip


def planted(count: int) -> list[tuple[str, str, str]]:
    """What is said, what is asked, and the value that the answer must hold; no two values are alike."""
    chance = random.Random(SEED)  # noqa: S311
    values = [f"{word}{end}".capitalize() for word, end in itertools.product(WORDS, ENDS)]
    chance.shuffle(values)
    numbers = [str(each) for each in chance.sample(range(1000, 9999), 100)]
    facts = []
    for at in range(count):
        (said, asked, kind), things = KINDS[at % 4], THINGS[at % 4]
        thing, value = things[at // 4 % len(things)], numbers[at] if kind == "number" else values[at]
        facts.append((said.format(thing, value), asked.format(thing), value))
    return facts


def chatter() -> list[str]:
    """Sentences of our own texts, some at a time."""
    lines = []
    for file in sorted((files("longspan.evaluation") / "texts").iterdir(), key=lambda each: each.name):
        text = Document(file.name, file.read_text("utf-8"))
        said = [" ".join(each.text.split()) for each in sentences(text)]
        lines += [" ".join(said[at : at + 2]) for at in range(0, len(said), 2)]
    random.Random(SEED).shuffle(lines)  # noqa: S311
    return lines


def turns_of(turns: int, facts: list[tuple[str, str, str]], last: int) -> list[str]:
    """What the user says, turn by turn; facts are spread up to the turn `last`."""
    said = [f"I read this today: {each}" for each in itertools.islice(itertools.cycle(chatter()), turns)]
    for at, (words, *_) in enumerate(facts):
        said[at * last // len(facts)] = words
    return said


def hold(path: Path, said: list[str]) -> None:
    """The conversation, with replies that say nothing, since those of a small model would be its own last words."""
    with Memory(path) as memory:
        for number, words in enumerate(said):
            turn = memory.append("user", words)
            memory.append("assistant", REPLIES[number % len(REPLIES)], round=turn.round)


def asked(
    chat: Continuing, memory: Memory, way: Rounds, fact: tuple[str, str, str], window: int
) -> dict[str, object]:
    """What is answered to the question for a fact at the end of the conversation, which is then as it was."""
    said, question, value = fact
    talk = Talk(chat=chat, memory=memory, way=way, window=window)
    talk.events = Events(generation={"max_new_tokens": ANSWER_TOKENS})
    began, answer = time.perf_counter(), talk.say(question)
    seconds = time.perf_counter() - began
    last = memory.turns()[-1].round
    found = memory.search(question, limit=way.recalled, before=last) if way.recalled else []
    memory.erase([last])
    return {
        "question": question,
        "value": value,
        "answer": answer.text,
        "recalled": bool(re.search(rf"\b{value}\b", answer.text, re.IGNORECASE)),
        "found": any(each.turns and each.turns[0].text == said for each in found),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True)
    parser.add_argument("--window", type=int, default=1024)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--facts", type=int, default=40)
    parser.add_argument("--work", type=Path, default=Path("conversation-work"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/conversation.json"))
    given = parser.parse_args()
    given.work.mkdir(exist_ok=True)
    facts = planted(given.facts)
    history, answers = given.work / "history.sqlite", given.work / "answers.jsonl"
    if not history.exists():
        hold(history, turns_of(given.turns, facts, given.turns * 2 // 3))
    lines = answers.read_text("utf-8").splitlines() if answers.exists() else []
    known = [json.loads(line) for line in lines]
    model = longspan.load(given.model)
    with Memory(history) as memory, Continuing(model) as chat, answers.open("a", encoding="utf-8") as kept:
        turns = memory.turns()
        last = max(each.id for each in turns if each.text == facts[-1][0])
        passed = sum(model.count(each.text) for each in turns if each.id > last)
        if passed < PASSED * given.window:
            raise SystemExit(f"only {passed:,} tokens follow the last fact; raise --turns")
        order = [(fact, name) for fact in facts for name in WAYS]
        for fact, name in order[len(known) :]:
            record = {"way": name, **asked(chat, memory, WAYS[name], fact, given.window)}
            known.append(record)
            kept.write(json.dumps(record, ensure_ascii=False) + "\n")
            kept.flush()
            print(len(known), "of", len(order), name, record["answer"], flush=True)
    ways = {name: [each for each in known if each["way"] == name] for name in WAYS}
    record = {
        "model": Path(given.model).name,
        "window": given.window,
        "turns": given.turns,
        "facts": given.facts,
        "tokens": sum(model.count(each.text) for each in turns),
        "tokens_after_the_last_fact": passed,
        "ways": {
            name: {
                "asked": len(some),
                "found": sum(each["found"] for each in some),
                "recalled": sum(each["recalled"] for each in some),
                "answers": [each["answer"] for each in some],
            }
            for name, some in ways.items()
        },
    }
    given.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
