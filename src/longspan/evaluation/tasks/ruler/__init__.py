"""RULER: thirteen generated tasks of retrieval, tracing, aggregation and questions. https://arxiv.org/abs/2404.06654"""

from longspan.evaluation.task import Task
from longspan.evaluation.tasks.ruler.niah import Niah
from longspan.evaluation.tasks.ruler.questions import Questions
from longspan.evaluation.tasks.ruler.tracing import VariableTracking
from longspan.evaluation.tasks.ruler.words import CommonWords, FrequentWords

TASKS: tuple[Task, ...] = (
    Niah(
        name="ruler/niah-single-1",
        description="Gives the number hidden under a key in repeated noise.",
        diffusion="low",
        scope="low",
        haystack="noise",
    ),
    Niah(
        name="ruler/niah-single-2",
        description="Gives the number hidden under a key in prose.",
        diffusion="low",
        scope="low",
    ),
    Niah(
        name="ruler/niah-single-3",
        description="Gives the UUID hidden under a key in prose.",
        diffusion="low",
        scope="low",
        value="uuids",
    ),
    Niah(
        name="ruler/niah-multikey-1",
        description="Gives the number hidden under one of four keys in prose.",
        diffusion="medium",
        scope="low",
        keys=4,
    ),
    Niah(
        name="ruler/niah-multikey-2",
        description="Gives the number of one key where every line is a key with its number.",
        diffusion="medium",
        scope="low",
        haystack="needle",
    ),
    Niah(
        name="ruler/niah-multikey-3",
        description="Gives the UUID of one UUID where every line is a UUID with its UUID.",
        diffusion="high",
        scope="low",
        haystack="needle",
        key="uuids",
        value="uuids",
    ),
    Niah(
        name="ruler/niah-multivalue",
        description="Gives all four numbers hidden under one key in prose.",
        diffusion="low",
        scope="medium",
        values=4,
    ),
    Niah(
        name="ruler/niah-multiquery",
        description="Gives the numbers hidden under four keys in prose.",
        diffusion="low",
        scope="medium",
        keys=4,
        queries=4,
    ),
    VariableTracking(
        name="ruler/vt",
        description="Names the five variables that hold a value, through four assignments hidden in noise.",
        diffusion="medium",
        scope="medium",
    ),
    CommonWords(
        name="ruler/cwe",
        description="Names the ten words that stand most often in a long numbered list.",
        diffusion="medium",
        scope="high",
    ),
    FrequentWords(
        name="ruler/fwe",
        description="Names the three most frequent coded words of a text that has only such words.",
        diffusion="medium",
        scope="high",
    ),
    Questions(
        name="ruler/qa-1",
        description="Answers a question on one of many documents, of SQuAD if its file is there, else generated.",
        diffusion="medium",
        scope="low",
        source="generated stand-in for SQuAD; from the data folder if it has squad/*.json or xquad_en/xquad.en.json",
        licence="Apache-2.0 (generated), CC BY-SA 4.0 (SQuAD, XQuAD)",
    ),
    Questions(
        name="ruler/qa-2",
        description="Answers a question on two of many documents, of HotpotQA if its file is there, else generated.",
        diffusion="high",
        scope="low",
        source="generated stand-in for HotpotQA; from the data folder if it has hotpotqa/hotpot_dev_distractor_v1.json",
        licence="Apache-2.0 (generated), CC BY-SA 4.0 (HotpotQA)",
        hops=2,
    ),
)
