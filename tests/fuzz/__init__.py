"""Coverage-guided fuzzing of `hubbub.wire` (`make fuzz`), and the inputs it found.

`targets.py` has what is fuzzed and what must hold; `seeds.py` good and bad inputs to begin with, those included that were
once found: tests/unit/wire/test_fuzz_targets.py holds the targets to them without any fuzzer.
"""
