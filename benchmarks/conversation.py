"""How much of what was said long ago is recalled: with memory, and by the last window alone.

    python benchmarks/conversation.py --model FILE.gguf [--window 1024] [--turns 200] [--facts 40] [--work FOLDER]

A conversation of `turns` turns is held with a model that is shown `window` tokens: `facts` of them tell something, such
as the code of a lock, the others go on about bread, bells and bridges. After the last fact, the window passes three
times and more. Then each fact is asked for, in a copy of the conversation for each way to converse. Recalled is a fact
whose value stands in the answer; found is one whose round the search gives. The conversation is kept in a folder; what
was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import shutil
import time
from importlib.resources import files
from pathlib import Path

import longspan
from longspan.conversing.base import Conversing
from longspan.conversing.continuing import Continuing
from longspan.conversing.rounds import Rounds
from longspan.conversing.talk import Talk
from longspan.flows.base import Events
from longspan.memory import Memory
from longspan.spans import Document, sentences

WAYS: dict[str, Conversing] = {"last window": Rounds(recalled=0), "memory": Rounds()}
NEW_TOKENS, ANSWER_TOKENS, PASSED, SEED = 12, 24, 3, 17
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


def hold(chat: Continuing, path: Path, said: list[str], window: int) -> None:
    """The conversation; turns that were answered before are not said again."""
    with Memory(path) as memory:
        generation = {"max_new_tokens": NEW_TOKENS}
        talk = Talk(chat=chat, memory=memory, way=WAYS["last window"], window=window)
        talk.events = Events(generation=generation)  # type: ignore[arg-type]
        for number, words in enumerate(said):
            known = memory.labelled(f"turn {number}")
            if known and known[-1].role == "assistant":
                continue
            memory.erase([each.round for each in known])
            talk.say(words, label=f"turn {number}")
            if number % 20 == 0:
                print(f"turn {number}", flush=True)


def asked(
    chat: Continuing, path: Path, way: Conversing, facts: list[tuple[str, str, str]], window: int
) -> list[dict[str, object]]:
    """Each question, its answer, whether the value stands in it, and whether the model was shown it."""
    found = []
    with Memory(path) as memory:
        talk = Talk(chat=chat, memory=memory, way=way, window=window)
        talk.events = Events(generation={"max_new_tokens": ANSWER_TOKENS})
        for number, (said, question, value) in enumerate(facts):
            known = memory.labelled(f"question {number}")
            if not known or known[-1].role == "user":
                memory.erase([each.round for each in known])
                talk.say(question, label=f"question {number}")
            answer = memory.labelled(f"question {number}")[-1]
            limit = way.recalled if isinstance(way, Rounds) else 0
            rounds = memory.search(question, limit=limit, before=answer.round) if limit else []
            found.append({
                "question": question,
                "answer": answer.text,
                "recalled": bool(re.search(rf"\b{value}\b", answer.text, re.IGNORECASE)),
                "found": any(each.turns and each.turns[0].text == said for each in rounds),
            })  # fmt: skip
    return found


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
    began, facts = time.perf_counter(), planted(given.facts)
    model = longspan.load(given.model)
    said = turns_of(given.turns, facts, given.turns * 2 // 3)
    history = given.work / "history.sqlite"
    with Continuing(model) as chat:
        hold(chat, history, said, given.window)
        with Memory(history) as memory:
            turns = memory.turns()
        last = max(each.id for each in turns if each.text == facts[-1][0])
        passed = sum(model.count(each.text) for each in turns if each.id > last)
        if passed < PASSED * given.window:
            raise SystemExit(f"only {passed:,} tokens follow the last fact; raise --turns")
        ways = {}
        for name, way in WAYS.items():
            copy = given.work / f"{name.replace(' ', '-')}.sqlite"
            if not copy.exists():
                shutil.copy(history, copy)
            answers = asked(chat, copy, way, facts, given.window)
            ways[name] = {
                "recalled": sum(bool(each["recalled"]) for each in answers),
                "found": sum(bool(each["found"]) for each in answers),
                "answers": [each["answer"] for each in answers],
            }
            print(name, ways[name]["recalled"], "of", len(facts), flush=True)
    record = {
        "model": Path(given.model).name,
        "window": given.window,
        "turns": given.turns,
        "facts": len(facts),
        "tokens": sum(model.count(each.text) for each in turns),
        "tokens_after_the_last_fact": passed,
        "seconds_of_this_run": round(time.perf_counter() - began),
        "ways": ways,
    }
    given.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps({**record, "ways": {name: each["recalled"] for name, each in ways.items()}}))


if __name__ == "__main__":
    main()
