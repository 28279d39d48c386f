"""Tests of the server; what several of them use lies beside this file, where all of them find it."""
