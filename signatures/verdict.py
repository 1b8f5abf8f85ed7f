"""Stage 5: the label check. A task adds its own fields as inputs and the set of its labels as the output's type."""

import dspy

__all__ = ["JudgeAnchored", "JudgeBlind", "JudgeBlindPlainly"]


class JudgeBlind(dspy.Signature):
    """Decide which one label a text of this data set has, from what the labels mean and nothing else.

    Give the reason first, in one sentence that names the words that decide it; then the label.
    """

    description: str = dspy.InputField(desc="what the data set holds")
    labels: list[str] = dspy.InputField(desc="the labels and what each means")


class JudgeBlindPlainly(dspy.Signature):
    """{description} The labels are:
    {labels}"""

    description: str = dspy.InputField(desc="The data set holds")
    labels: str = dspy.InputField(desc="The labels are, a line each")


class JudgeAnchored(dspy.Signature):
    """Check the label that an instance of this data set was given, from what the labels mean.

    Give the reason first, in one sentence; then the label that is right: the given one if it is, else the one that is.
    """

    description: str = dspy.InputField(desc="what the data set holds")
    labels: list[str] = dspy.InputField(desc="the labels and what each means")
    given_label: str = dspy.InputField(desc="the label that the instance was given")
