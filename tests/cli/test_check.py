"""`longspan check`: what a length asks of a model's positions."""

import json
import sys

import pytest
import torch
from rich.filesize import decimal

from longspan.cli import main
from tiny import tiny_network, tiny_tokenizer


@pytest.fixture
def check(monkeypatch, capsys, tiny_folder):
    """Runs `longspan check` in this process: (exit code, standard output, standard error)."""

    def call(*arguments, folder=tiny_folder):
        monkeypatch.setattr(sys, "argv", ["longspan", "check", str(folder), *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return stopped.value.code or 0, printed.out, printed.err

    return call


def test_without_a_length_nothing_is_said_of_one(check):
    code, out, _ = check("--json")
    assert code == 0
    assert "reach" not in json.loads(out)


def test_the_form_of_the_weights_is_said(check, tiny_folder):
    code, out, _ = check("--json")
    found = json.loads(out)
    assert (code, found["weights"]) == (0, "expanded")
    numbers = sum(each.numel() for each in tiny_network("llama").parameters())
    bytes_held = numbers * getattr(torch, found["dtype"]).itemsize  # which differs with the processor
    assert f"expanded: {decimal(bytes_held)} {found['dtype']}" in check("--weights", "expanded")[1]
    code, _, err = check("--weights", "packed")
    assert code == 2
    assert "holds floating weights, and --weights='packed' keeps the blocks of a file" in err


def test_a_length_is_held_against_claim_and_base(check):
    code, out, _ = check("--length", "40000", "--json")
    reach = json.loads(out)["reach"]
    assert code == 0
    assert (reach["claimed"], reach["trained"], reach["base"], reach["layers"]) == (512, 512, 10_000.0, 3)
    assert reach["aliasing"] == pytest.approx(6366.2, abs=0.1)
    assert reach["stability"] == pytest.approx(38197.2, abs=0.1)
    assert reach["aliasing"] < reach["base"] < reach["stability"] < reach["depth"]
    assert reach["remaining"] == 0.0
    assert reach["ceiling"] == 2**23


def test_the_text_says_what_fails_and_what_to_do(check):
    code, out, _ = check("--length", "70000")
    assert code == 0
    lines = dict(line.split(None, 1) for line in out.splitlines() if not line.startswith("at "))
    assert "FAILS" in lines["aliasing"]
    assert "FAILS" in lines["depth"]
    assert lines["precision"].endswith("holds")
    assert "at 70,000" in out
    assert "136.72 times as far as it was made for: no positions are known to reach so far" in out


@pytest.mark.parametrize(("length", "advice"), [("513", "yarn(factor=2)"), ("16384", "yarn(factor=32)")])
def test_advice_stretches_by_whole_numbers(check, length, advice):
    _, out, _ = check("--length", length)
    assert f"use positions={advice}\n" in out


def test_within_the_window_all_holds(check):
    _, out, _ = check("--length", "512")
    assert "FAILS" not in out
    assert "made for 512 tokens (default rotation)\n" in out


@pytest.mark.parametrize("wrong", [("--length", "0"), ("--length", "9", "--coherence", "1.5")])
def test_refused(check, wrong):
    code, _, err = check(*wrong)
    assert code == 2
    assert wrong[-2].strip("-") in err


def test_a_hybrid_without_rotation_says_so_and_has_no_bounds(check, tmp_path):
    tiny_network("granitemoehybrid").save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    code, out, _ = check("--length", "4000", folder=tmp_path)
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["rotation"] == "none"
    assert "layers apart  0 with a sliding window, 1 without rotation, 2 with a recurrent state" in out
    assert (
        "plans act in  1 of 3 layers; those with a sliding window or without attention are left as they are"
        in out
    )
    assert "made for 512 tokens (no rotation); 7.81 times as far as it was made for: open the session" in out
    assert "aliasing" not in out
    _, out, _ = check("--length", "4000", "--json", folder=tmp_path)
    assert json.loads(out)["reach"] == {
        "length": 4000,
        "claimed": 512,
        "stretching": "window=4000",
        "base": None,
    }
