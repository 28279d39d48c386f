"""Whether facts of a dialogue are still known when its keys and values have been compressed.

    python benchmarks/compaction.py [--model M] [--dialogues 12] [--budgets 50%,25%] [--out FILE]

Dialogues of some 2,000 tokens, in which facts are told among notes, are compacted as a server does it, and each fact is
asked for behind the whole dialogue and behind what is left of it. What counts is the share of facts that are told from
the compacted one among those that are told from the whole.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from pathlib import Path
from typing import Any

from load import prompt_of, secret

import longspan
from longspan.serving.asked import Asked, Turn
from longspan.serving.events import Made, Spoken
from longspan.serving.local import LocalDesk

THINGS = ("gate", "safe", "ledger", "cellar", "archive", "boathouse")


def dialogue(number: int, tokens: int) -> tuple[list[Turn], dict[str, str]]:
    """Turns about notes, and the passwords that were told in them."""
    draw = random.Random(number)  # noqa: S311
    facts = {thing: secret(number * 100 + place) for place, thing in enumerate(THINGS)}
    turns = []
    for place, (thing, word) in enumerate(facts.items()):
        told = f"The password of the {thing} is {word}."
        notes = (
            prompt_of(tokens // len(facts), number * 100 + place, "none")
            .partition(". ")[2]
            .partition("\n")[0]
        )
        lines = [line for line in notes.split(". ") if "password" not in line]
        lines.insert(draw.randrange(len(lines)), told.rstrip("."))
        turns += [
            Turn(role="user", text=f"Here are notes. {'. '.join(lines)}"),
            Turn(role="assistant", text="Thank you, I have read them."),
        ]
    return turns, facts


async def told(desk: LocalDesk, turns: list[Turn], thing: str, context: str | None = None) -> str:
    """What is said when a password is asked for."""
    question = Turn(role="user", text=f"What is the password of the {thing}?")
    asked = Asked(owner="a", turns=[*turns, question], context=context, generation={"max_new_tokens": 24})
    return "".join([each.text async for each in await desk.ask(asked) if isinstance(each, Spoken)])


async def measured(model: longspan.Model, count: int, tokens: int, budgets: list[str]) -> dict[str, Any]:
    """Facts asked, told from the whole, and of those told from what is left, by budget."""
    desk = LocalDesk(model)
    asked = whole = 0
    left = dict.fromkeys(budgets, 0)
    try:
        for number in range(1, count + 1):
            turns, facts = dialogue(number, tokens)
            known = [
                thing for thing, word in facts.items() if word in (await told(desk, turns, thing)).lower()
            ]
            asked, whole = asked + len(facts), whole + len(known)
            for budget in budgets:
                ticket = await desk.compact("a", turns, plan=f"policy=kvzip(budget={budget})")
                (context,) = [each.id async for each in ticket if isinstance(each, Made)]
                for thing in known:
                    left[budget] += facts[thing] in (await told(desk, [], thing, context)).lower()
                await desk.forget("a", context)
            print(number, asked, whole, left, flush=True)
    finally:
        await desk.close(0)
    shares = {budget: told / max(1, whole) for budget, told in left.items()}
    return {"asked": asked, "told_from_the_whole": whole, "told_when_compacted": left, "share": shares}


def main() -> None:
    """Measures, and writes what was found."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--model", default=None)
    options.add_argument("--dialogues", type=int, default=12)
    options.add_argument("--tokens", type=int, default=2000)
    options.add_argument("--budgets", default="50%,25%")
    options.add_argument("--out", type=Path, default=None)
    given = options.parse_args()
    model = longspan.load(given.model)
    found = asyncio.run(measured(model, given.dialogues, given.tokens, given.budgets.split(",")))
    found = {"model": model.name, "tokens": given.tokens} | found
    print(json.dumps(found))
    if given.out:
        known = json.loads(given.out.read_text()) if given.out.exists() else []
        given.out.write_text(json.dumps([*known, found], indent=1) + "\n")


if __name__ == "__main__":
    main()
