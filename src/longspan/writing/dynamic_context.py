"""Dynamic context prompting: a story in branches, each continued from its own path through the story."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.errors import FlowError
from longspan.flows.base import Events
from longspan.flows.chat import Chat, Message
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.recursive_summary import count_words
from longspan.flows.replies import declines, straight
from longspan.forms.form import Form
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Span
from longspan.writing.base import Task, Writing
from longspan.writing.manuscript import Manuscript, ending, tokens_of
from longspan.writing.objects import object_in, text_of, texts_of
from longspan.writing.planning import shares
from longspan.writing.prose import prose
from longspan.writing.repeating import Repeats
from longspan.writing.written import Written

CARD = Card(
    name="dynamic-context",
    target="longspan.writing.dynamic_context:DynamicContext",
    paper="Multiverse of Greatness: Generating Story Branches with LLMs",
    link="https://arxiv.org/abs/2411.14672",
    year=2024,
    training=False,
    changes="Writes a story in branches, each scene from the world and the scenes on its own path alone.",
    field=(215,),
    missing="Prompts and sizes are longspan's, since only the abstract was to be had, and no engine plays the story.",
)

_WORLD = 400  # tokens
_SCENE = 500  # words of a scene, where the number of scenes follows from the words asked for
_SUMMARY = 120  # words that stand for what is far back
_CHOICES = 60  # tokens of a choice
_CARRIED = 1.5  # times that a scene has more or fewer words after others had too few or too many
_ANEW = 0.7  # as a temperature


@dataclass(eq=False, kw_only=True)
class _Scene:
    """A scene of the story. name: its place, such as 1.2. choice: what led to it. so_far: a summary up to its end, if
    it was needed."""

    name: str
    choice: str
    words: int
    parent: _Scene | None = None
    text: str = ""
    choices: list[str] = field(default_factory=list)
    so_far: str = ""

    @property
    def path(self) -> list[_Scene]:
        """The scenes that lead here, from the first on, without this one."""
        return [] if self.parent is None else [*self.parent.path, self.parent]


@dataclass(frozen=True, kw_only=True)
class DynamicContext(Writing):
    """A story in branches, as JSON, each scene from its own path. https://arxiv.org/abs/2411.14672

    The model makes a world, then scene after scene, each with the choices that lead on. What it is shown is the world,
    and the scenes on the way to this one, older ones as a summary; never those beside. A reply
    that is no JSON is asked for once more; then what it says is the scene. With one branch it is a plain story.

    Deviations: only the abstract of the paper was to be had, so prompts and sizes are longspan's. Models that can be
    held to a form are held to the JSON. The words asked for are shared out over all scenes.
    """

    branches: int = 1
    """Scenes that may follow one."""

    depth: int = 3
    """Scenes on a path, where there are several branches; a plain story has one for each 500 words."""

    path: int = 1200
    """Words of the path that are shown whole, the latest first; for older scenes a summary stands."""

    def __post_init__(self) -> None:
        check_whole("branches", self.branches, 1, 8)
        check_whole("depth", self.depth, 1, 50)
        check_whole("path", self.path, 0)
        if self.branches > 1 and self._count() > 500:
            raise ValueError(
                f"depth={self.depth} with branches={self.branches} is a story of {self._count():,} scenes, 500 are "
                "allowed; lower one of them"
            )

    def write(self, chat: Chat, task: Task, events: Events) -> Written:
        """The world, and all scenes, those nearest to the beginning first."""
        manuscript = Manuscript(chat=chat, task=task, events=events)
        depth = (
            self.depth
            if self.branches > 1
            else min(50, max(1, -(-task.words // min(_SCENE, manuscript.longest))))
        )
        count = self._count() if self.branches > 1 else depth
        sizes = [max(1, each) for each in shares(task.words, [1.0] * count)]
        world = _world(manuscript)
        waiting = deque([_Scene(name="1", choice="", words=sizes[0])])
        for number in range(count):
            if not waiting:
                break
            scene = waiting.popleft()
            level = len(scene.path) + 1
            even = (task.words - manuscript.words) / (count - number)
            scene.words = max(
                1, round(min(manuscript.longest, _CARRIED * sizes[0], max(sizes[0] / _CARRIED, even)))
            )
            events.step(f"writes scene {number + 1:,} of {count:,}, {scene.words:,} words")
            shown = manuscript.sources(f"{task.text}\n{scene.choice}", scene.words)
            self._written(manuscript, world, scene, shown, last=level == depth, left=depth - level)
            if not scene.text:
                continue
            made = manuscript.grounded(scene.text, shown)
            heading = f"{scene.name} {scene.choice}".strip() if self.branches > 1 else ""
            manuscript.add(made, scene.words, scene.choice, name=heading, shown=shown)
            if level < depth:
                lacking = range(len(scene.choices) + 1, self.branches + 1)
                scene.choices += [f"What happens next, in way {each}" for each in lacking]
                waiting += [
                    _Scene(
                        name=f"{scene.name}.{branch}" if self.branches > 1 else f"{level + 1}",
                        choice=choice,
                        words=sizes[0],
                        parent=scene,
                    )
                    for branch, choice in enumerate(scene.choices[: self.branches], 1)
                ]
        manuscript.fit()
        return manuscript.done()

    def _count(self) -> int:
        """Scenes of a tree."""
        return sum(self.branches**level for level in range(self.depth))

    def _written(
        self,
        manuscript: Manuscript,
        world: str,
        scene: _Scene,
        shown: Sequence[Span],
        *,
        last: bool,
        left: int,
    ) -> None:
        """Has the model write a scene, once more where it is no JSON or repeats its path."""
        known = Repeats(*(each.text for each in scene.path))
        message = prompt(
            "write_scene",
            sources=manuscript.resting(shown),
            task=manuscript.task.text,
            world=enclosed(world),
            path=self._path(manuscript, scene),
            choice=scene.choice or "It is the beginning of the story.",
            words=str(scene.words),
            onward="This scene ends the story."
            if last
            else f"Behind it the story goes on for {left} scenes.",
            choices="an empty list"
            if last
            else f"{self.branches} short and different ways in which it may go on",
        )
        tokens = tokens_of(scene.words) + _CHOICES * (self.branches + 1)
        form: dict[str, Any] = {"form": _scene_form()} if manuscript.chat.forms else {}
        what, drawn, left_out = f"scene {scene.name}", dict[str, Any](), 0
        for attempt in range(2):
            said = manuscript.ask([message], tokens, what, **form, **drawn)
            found = object_in(said.text)
            text = prose(text_of(found or {}, "text"), message["content"])
            if not text and attempt and found is None and not declines(said.text):
                text = prose(said.text, message["content"], cut=said.cut)
            kept = "" if declines(text) else known.without(text)
            again = len(known.found(text))
            if count_words(kept) > count_words(scene.text):
                scene.text, scene.choices = kept, texts_of(found or {}, "choices")
                left_out = again
            if kept and not again:
                return
            if attempt == 0:
                manuscript.rewritten += 1
                drawn = {"temperature": _ANEW, "seed": 0}
                why = "repeats what was said" if again else "is no scene in JSON"
                manuscript.events.step(f"{what} {why}; it is written anew")
        if scene.text:
            manuscript.repeated += left_out
        else:
            manuscript.note(f"{what} is not there, and none that follows it: the model wrote none")

    def _path(self, manuscript: Manuscript, scene: _Scene) -> str:
        """The scenes on the way to this one, as they are shown."""
        room, parts = self.path, list[str]()
        if manuscript.chat.longest is not None:
            room = min(room, manuscript.longest)
        for each in reversed(scene.path):
            room -= count_words(each.text)
            if room < 0 and (parts or not self.path):
                parts.append(_so_far(manuscript, each))
                break
            parts.append(each.text)
        if not parts:
            return ""
        told = enclosed("\n\n".join(reversed(parts)))
        return f"{prompt('write_before', text=told)['content']}\n\n"


def _world(manuscript: Manuscript) -> str:
    """The world of the story as JSON, or in the model's own words. Raises FlowError where it makes none."""
    shown = manuscript.resting(manuscript.sources(manuscript.task.text, 256))
    message: Message = prompt("write_world", sources=shown, task=manuscript.task.text)
    form: dict[str, Any] = {"form": _world_form()} if manuscript.chat.forms else {}
    drawn, text = dict[str, Any](), ""
    for _ in range(2):
        reply = manuscript.ask([message], _WORLD, "the world of the story", **form, **drawn)
        found = object_in(reply.text)
        if found:
            said = [f"{name}: {'; '.join(texts_of(found, name.lower()))}" for name in found]
            text = "\n".join(each for each in said if not each.endswith(": "))
        if text:
            return text
        drawn = {"temperature": _ANEW, "seed": 0}
    text = prose(straight(reply.text), message["content"], cut=reply.cut)
    if not text or declines(text):
        raise FlowError("the model makes no world for the story, twice; use another model, or agent-write")
    manuscript.events.step("the world is no JSON; it is taken as it is")
    return text


def _so_far(manuscript: Manuscript, scene: _Scene) -> str:
    """What has happened up to the end of a scene; where the model sums up nothing, the last words of it."""
    if not scene.so_far:
        earlier = [] if scene.parent is None else [_so_far(manuscript, scene.parent)]
        told = "\n\n".join([*earlier, scene.text])
        asked = prompt("summary_part", text=enclosed(told), words=str(_SUMMARY), focus="")
        said = manuscript.ask([asked], tokens_of(_SUMMARY), f"the summary up to scene {scene.name}")
        text = straight(prose(said.text, asked["content"], cut=said.cut))
        scene.so_far = text if text and not declines(text) else ending(told, _SUMMARY)
    return scene.so_far


def _texts(*names: str, listed: Sequence[str] = ()) -> Form:
    kinds: dict[str, Any] = {name: {"type": "string"} for name in names}
    kinds |= {name: {"type": "array", "items": {"type": "string"}, "maxItems": 8} for name in listed}
    return Form.json_schema(
        {"type": "object", "properties": kinds, "required": list(kinds), "additionalProperties": False},
        compact=True,
    )


def _world_form() -> Form:
    return _texts("title", "setting", "synopsis", "beginning", "ending", listed=("characters",))


def _scene_form() -> Form:
    return _texts("text", listed=("choices",))
