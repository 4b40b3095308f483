"""The words that ``predict --names`` lists are those that the reader takes."""

from __future__ import annotations

from hepatrial.prediction.interventions import find_intervention
from hepatrial.prediction.names import names_of_files, names_text
from hepatrial.prediction.study import study_from_dict


def test_every_listed_word_and_spelling_is_taken() -> None:
    listed = names_of_files()
    for kind, place in (("definitions", "definition"), ("causes", "etiology")):
        for name, told in listed[kind].items():
            for word in (name, *told["also"]):  # type: ignore[misc]
                about = {"definition": "apasl", place: word}
                found = study_from_dict({"study": about, "arms": {"a": {"n": 9}}})
                assert name in (found.definition, *found.etiology)
    for name, told in listed["treatments"].items():
        for word in (name, *told["also"]):  # type: ignore[misc]
            one = find_intervention(str(word))
            assert one is not None
            assert one.name == name


def test_the_list_keeps_to_eighty_columns() -> None:
    assert max(map(len, names_text().splitlines())) <= 80
