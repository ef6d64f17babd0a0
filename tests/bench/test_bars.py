"""A run of ``bench quality`` says which of the project's bars its figures meet."""

from __future__ import annotations

from bench.quality.runs import REFINED, Score, report_bars
from bench.quality.truth import Project, Question
from bench.report import Report


def answered(scope: str, language: str, ndcg: float, *, category: str = "semantic", system: str = "conexus"):
    question = Question(f"{language} {category}", "", category, ())
    project = Project(language, "", "", "", language, (question,))
    return Score(system, scope, project, question, [], {"nDCG@10": ndcg}, [])


def test_a_run_is_held_against_the_bars(capsys):
    by_set = {
        "whole": [
            answered("whole", "go", 1.0),
            answered("whole", "go", 0.96, category="symbol"),
            answered("whole", "kotlin", 0.7),
            answered("whole", "kotlin", 0.1, system="semble hybrid"),
        ],
        "cosqa": [answered("cosqa", "python", 0.49), answered("cosqa", "python", 0.58, system=REFINED)],
        "pools": [
            answered("pools", language, ndcg) for language, ndcg in (("go", 0.9), ("c", 0.4), ("c", 0.4))
        ],
    }
    report = Report("quality")
    report_bars(report, by_set)
    report.finish(save=False)
    rows = [
        line.split() for line in capsys.readouterr().out.splitlines() if "met" in line or "MISSED" in line
    ]
    assert [(" ".join(row[:-4]), *row[-4:]) for row in rows] == [
        ("whole: nDCG@10", "0.887", ">=", "0.840", "met"),
        ("whole: nDCG@10 of symbols", "0.960", ">=", "0.970", "MISSED"),
        ("whole: nDCG@10 of the weakest language (kotlin)", "0.700", ">=", "0.750", "MISSED"),
        ("CoSQA: nDCG@10, conexus", "0.490", ">=", "0.500", "MISSED"),
        (f"CoSQA: nDCG@10, {REFINED}", "0.580", ">=", "0.570", "met"),
        ("function pools: nDCG@10, languages alike", "0.650", ">=", "0.630", "met"),
    ]
