"""Answers of a given form: what is asked, and which tokens may come next."""
