"""`longspan serve` for an agent that starts it, and in front of an engine elsewhere."""

import asyncio
import os
import sys

import pytest
from mcp import Client, StdioServerParameters


def test_an_agent_starts_it_and_reads_and_asks(small_folder, tmp_path):
    environment = {**os.environ, "LONGSPAN_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    arguments = ["-m", "longspan", "serve", "--model", str(small_folder), "--mcp", "--contexts", "0"]

    async def run():
        server = StdioServerParameters(command=sys.executable, args=arguments, env=environment)
        async with Client(server) as client:
            made = await client.call_tool("read", {"text": "Ada lit the lamp.", "name": "note"})
            asked = {"question": "Who?", "context": made.structured_content["id"], "max_tokens": 4}
            return made, await client.call_tool("ask", asked)

    made, answer = asyncio.run(asyncio.wait_for(run(), 60))
    assert made.structured_content["documents"] == ["note"]
    assert not answer.is_error
    assert answer.structured_content["generated_tokens"] == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--backend", "http://127.0.0.1:9/v1"], "does not list models"),
        (["--backend", "file:///etc/passwd"], "is not an address"),
        (["--backend", "http://127.0.0.1:9/v1", "--plan", "infllm"], "leave them out"),
        (["--backend", "http://127.0.0.1:9/v1", "--dtype", "float32"], "leave them out"),
        (["--window", "3000"], "no --backend is named"),
        (["--backend", "http://127.0.0.1:9/v1", "--window", "1"], "window"),
    ],
)
def test_what_cannot_be_is_one_line(run, options, said):
    code, out, err = run("serve", "--port", "0", *options)
    assert code == 1 or code == 2
    assert out == ""
    assert said in err
    assert len(err.strip().splitlines()) == 1
