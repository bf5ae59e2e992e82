"""IFEval: does a response follow its prompt's verifiable instructions (Zhou et al. 2023, arXiv:2311.07911)."""

from assay.scorers.ifeval.pooled import InstructionAccuracy
from assay.scorers.ifeval.scorer import IFEval
from assay.scorers.ifeval.table import INSTRUCTIONS, Instruction, bind

__all__ = ["INSTRUCTIONS", "IFEval", "Instruction", "InstructionAccuracy", "bind"]
