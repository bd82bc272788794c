"""What a model says of labelled data: how well, what it takes for what, and where it is most wrong.

`evaluator` is the way, `measures/` what is counted, `evaluation` the value that comes of it, `page`, `tables` and
`drawing` how it is shown, `files` what is written.
"""

from spec_compiler.evaluation.evaluation import Evaluation
from spec_compiler.evaluation.evaluator import evaluate

__all__ = ["Evaluation", "evaluate"]
