"""InfiniteBench's prompts for open models, as published: context, question, beginning of the answer."""

from __future__ import annotations

_HIDDEN = "There is an important info hidden inside a lot of irrelevant text. "
_MASKED = (
    'Below is a dialogue script where one random occurrence of a character name is replaced with "$$MASK$$", and you '
    "should try to guess who that character is.\n\n{context}"
)
_OPTIONS = "\nA. {A}\nB. {B}\nC. {C}\nD. {D}\n\n"


PROMPTS: dict[str, tuple[str, str, str]] = {
    "passkey": (
        f"{_HIDDEN}Find it and memorize it. I will quiz you about the important information.\n\n{{context}}",
        "\n\n{input}\n\n",
        "The pass key is",
    ),
    "number_string": (
        f"{_HIDDEN}Find it. I will quiz you about the important information there.\n\n{{context}}",
        "\n\n{input}\n\n",
        "The sequence of digits is",
    ),
    "kv_retrieval": (
        "Extract the value corresponding to the specified key in the JSON object below.\n\n{context}",
        "\n\n{input}",
        "",
    ),
    "longbook_sum_eng": ("Summarize the book below.\n\n{context}", "\n\nSummary:", ""),
    "longbook_qa_eng": (
        "Read the book and answer the question. Be very concise in your answer.\n\n{context}",
        "\n\nQuestion: {input}\nAnswer:",
        "",
    ),
    "longbook_choice_eng": (
        "Read the book and answer the question.\n\n{context}",
        "\n\nQuestion: {input}" + _OPTIONS,
        "The letter of the correct answer is",
    ),
    "longdialogue_qa_eng": (_MASKED, "\n\n", "The name that has been replaced with $$MASK$$ is likely"),
    "longbook_qa_chn": ("阅读以下书籍然后回答问题。\n\n{context}", "\n\n问题：{input}\n答案：", ""),
    "code_debug": (
        "Following is a Python code where exactly one of the functions/methods has a deliberate error that "
        "makes it crash.\n\n{context}",
        "\n\nOptions:" + _OPTIONS,
        "The correct option is:",
    ),
    "code_run": (
        "There is a function called {function} in the following Python code.\n\n{context}",
        "\n\nPlease compute the exact value of {call}. ",
        "The value of {call} is",
    ),
    "math_find": ("What is {target} in the following list?\n\n{context}", "\n\n{input}", ""),
    "math_calc": (
        "Let us calculate the intermediate values of an expression.\n\nExpression: 1 + 3 + 4\nValues: "
        "[1, 4, 8]\n\nExpression: 8 - 3 + 2 - 4\nValues: [8, 5, 7, 3]\n\nExpression: {context}",
        "\nValues:",
        "",
    ),
}
"""By data set; the names in braces are those of `InfiniteBench.template`."""
