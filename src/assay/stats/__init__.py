"""Estimators, intervals and tests: values in, Estimate out.

Names resolve on first use, so importing one family does not pay for the others. The flat modules are what a run needs
and use the standard library only (``bootstrap`` needs numpy); each package is a family.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.stats.adjustment.cells import StratumTable as StratumTable
    from assay.stats.adjustment.crossfit import cross_fitted_predictions as cross_fitted_predictions
    from assay.stats.adjustment.cuped import cuped as cuped
    from assay.stats.adjustment.cuped import cuped_from_values as cuped_from_values
    from assay.stats.adjustment.joint import JointMoments as JointMoments
    from assay.stats.adjustment.pairing import paired_adjustment as paired_adjustment
    from assay.stats.adjustment.regression import lin_adjustment as lin_adjustment
    from assay.stats.adjustment.result import AdjustedDifference as AdjustedDifference
    from assay.stats.adjustment.strata import stratified_difference as stratified_difference
    from assay.stats.agreement.alpha import krippendorff_alpha as krippendorff_alpha
    from assay.stats.agreement.consensus import Consensus as Consensus
    from assay.stats.agreement.dawid_skene import dawid_skene as dawid_skene
    from assay.stats.agreement.glad import glad as glad
    from assay.stats.agreement.icc import intraclass_correlation as intraclass_correlation
    from assay.stats.agreement.kappa import cohen_kappa as cohen_kappa
    from assay.stats.agreement.mace import mace as mace
    from assay.stats.agreement.one_coin import one_coin as one_coin
    from assay.stats.agreement.percent import percent_agreement as percent_agreement
    from assay.stats.agreement.ratings import Ratings as Ratings
    from assay.stats.agreement.shares import fleiss_kappa as fleiss_kappa
    from assay.stats.agreement.shares import gwet_ac1 as gwet_ac1
    from assay.stats.agreement.shares import gwet_ac2 as gwet_ac2
    from assay.stats.agreement.votes import MajorityVote as MajorityVote
    from assay.stats.agreement.votes import majority_vote as majority_vote
    from assay.stats.agreement.votes import smallest_majority as smallest_majority
    from assay.stats.agreement.votes import weighted_vote as weighted_vote
    from assay.stats.bayes.answers import BayesComparison as BayesComparison
    from assay.stats.bayes.answers import BayesQuestion as BayesQuestion
    from assay.stats.bayes.compare import bayes_counts as bayes_counts
    from assay.stats.bayes.compare import bayes_means as bayes_means
    from assay.stats.bayes.compare import bayes_rates as bayes_rates
    from assay.stats.bayes.priors import BetaPrior as BetaPrior
    from assay.stats.bayes.priors import GammaPrior as GammaPrior
    from assay.stats.bayes.priors import NormalInverseGammaPrior as NormalInverseGammaPrior
    from assay.stats.bayes.priors import NormalPrior as NormalPrior
    from assay.stats.bayes.priors import ReferencePrior as ReferencePrior
    from assay.stats.bayes.shrinkage import ShrunkenRates as ShrunkenRates
    from assay.stats.bayes.shrinkage import shrunken_rates as shrunken_rates
    from assay.stats.bootstrap import bootstrap_mean as bootstrap_mean
    from assay.stats.bootstrap import bootstrap_statistic as bootstrap_statistic
    from assay.stats.calibration.decomposition import BrierDecomposition as BrierDecomposition
    from assay.stats.calibration.decomposition import brier_decomposition as brier_decomposition
    from assay.stats.calibration.error import ReliabilityCurve as ReliabilityCurve
    from assay.stats.calibration.error import expected_calibration_error as expected_calibration_error
    from assay.stats.calibration.error import reliability_curve as reliability_curve
    from assay.stats.calibration.fitting import cross_calibrated as cross_calibrated
    from assay.stats.calibration.fitting import fit_isotonic as fit_isotonic
    from assay.stats.calibration.fitting import fit_platt as fit_platt
    from assay.stats.calibration.fitting import fit_temperature as fit_temperature
    from assay.stats.calibration.maps import IsotonicMap as IsotonicMap
    from assay.stats.calibration.maps import PlattMap as PlattMap
    from assay.stats.calibration.maps import TemperatureMap as TemperatureMap
    from assay.stats.calibration.maps import calibration_map_from_dict as calibration_map_from_dict
    from assay.stats.calibration.scores import brier_score as brier_score
    from assay.stats.calibration.scores import calibration_in_the_large as calibration_in_the_large
    from assay.stats.calibration.scores import log_score as log_score
    from assay.stats.calibration.scores import spiegelhalter_test as spiegelhalter_test
    from assay.stats.calibration.slope import CoxCalibration as CoxCalibration
    from assay.stats.calibration.slope import cox_calibration as cox_calibration
    from assay.stats.combine import macro_average as macro_average
    from assay.stats.combine import stratified_estimate as stratified_estimate
    from assay.stats.comparison.diagnosis import MeanDiagnosis as MeanDiagnosis
    from assay.stats.comparison.diagnosis import diagnose_mean as diagnose_mean
    from assay.stats.comparison.guard import compare_groups as compare_groups
    from assay.stats.comparison.guard import guarded_mean as guarded_mean
    from assay.stats.comparison.guard_answer import GuardedAnswer as GuardedAnswer
    from assay.stats.comparison.logit import LogitAdjustment as LogitAdjustment
    from assay.stats.comparison.logit import logit_adjustment as logit_adjustment
    from assay.stats.comparison.mantel_haenszel import MantelHaenszel as MantelHaenszel
    from assay.stats.comparison.mantel_haenszel import mantel_haenszel as mantel_haenszel
    from assay.stats.comparison.margins import MarginVerdict as MarginVerdict
    from assay.stats.comparison.margins import equivalence_test as equivalence_test
    from assay.stats.comparison.margins import moments_difference_evidence as moments_difference_evidence
    from assay.stats.comparison.margins import noninferiority_test as noninferiority_test
    from assay.stats.comparison.margins import superiority_test as superiority_test
    from assay.stats.comparison.margins import welch_evidence as welch_evidence
    from assay.stats.comparison.permutation import permutation_test as permutation_test
    from assay.stats.comparison.permutation import sign_flip_test as sign_flip_test
    from assay.stats.comparison.rank_tests import mann_whitney as mann_whitney
    from assay.stats.comparison.rank_tests import wilcoxon_signed_rank as wilcoxon_signed_rank
    from assay.stats.comparison.result import Comparison as Comparison
    from assay.stats.comparison.share_scores import odds_ratio as odds_ratio
    from assay.stats.comparison.share_scores import risk_ratio as risk_ratio
    from assay.stats.comparison.share_scores import share_difference as share_difference
    from assay.stats.comparison.share_scores import share_difference_evidence as share_difference_evidence
    from assay.stats.comparison.share_scores import two_share_z_test as two_share_z_test
    from assay.stats.comparison.sizes import cliffs_delta as cliffs_delta
    from assay.stats.comparison.sizes import cohens_d as cohens_d
    from assay.stats.comparison.sizes import hedges_g as hedges_g
    from assay.stats.comparison.studentised import bootstrap_t_test as bootstrap_t_test
    from assay.stats.correlation.ceiling import disattenuated_correlation as disattenuated_correlation
    from assay.stats.correlation.ceiling import human_ceiling as human_ceiling
    from assay.stats.correlation.ceiling import spearman_brown as spearman_brown
    from assay.stats.correlation.ceiling import split_half_reliability as split_half_reliability
    from assay.stats.correlation.coefficients import kendall_tau_b as kendall_tau_b
    from assay.stats.correlation.coefficients import pearson_correlation as pearson_correlation
    from assay.stats.correlation.coefficients import spearman_correlation as spearman_correlation
    from assay.stats.correlation.dependent import compare_dependent_correlations as compare_dependent_correlations
    from assay.stats.correlation.dependent import dependent_correlations_from_r as dependent_correlations_from_r
    from assay.stats.correlation.dependent import meng_rosenthal_rubin as meng_rosenthal_rubin
    from assay.stats.correlation.levels import SummaryLevelCorrelation as SummaryLevelCorrelation
    from assay.stats.correlation.levels import summary_level_correlation as summary_level_correlation
    from assay.stats.correlation.levels import summary_level_difference as summary_level_difference
    from assay.stats.correlation.levels import system_level_correlation as system_level_correlation
    from assay.stats.correlation.zscale import correlation_interval as correlation_interval
    from assay.stats.design.clusters import cuped_gain as cuped_gain
    from assay.stats.design.clusters import design_effect as design_effect
    from assay.stats.design.clusters import plan_clusters as plan_clusters
    from assay.stats.design.curve import power_curve as power_curve
    from assay.stats.design.looks import SequentialSampleSize as SequentialSampleSize
    from assay.stats.design.looks import plan_with_looks as plan_with_looks
    from assay.stats.design.means import plan_means as plan_means
    from assay.stats.design.means import plan_paired_means as plan_paired_means
    from assay.stats.design.means import plan_ratio_metric as plan_ratio_metric
    from assay.stats.design.proportions import plan_paired_proportions as plan_paired_proportions
    from assay.stats.design.proportions import plan_proportions as plan_proportions
    from assay.stats.design.result import PowerCurve as PowerCurve
    from assay.stats.design.result import SampleSize as SampleSize
    from assay.stats.design.simple import detectable_difference as detectable_difference
    from assay.stats.design.simple import n_for_half_width as n_for_half_width
    from assay.stats.design.simple import n_for_power as n_for_power
    from assay.stats.drift.adwin import Adwin as Adwin
    from assay.stats.drift.classifier import classifier_drift as classifier_drift
    from assay.stats.drift.classifier import column_drift as column_drift
    from assay.stats.drift.counts import category_drift as category_drift
    from assay.stats.drift.counts import divergence_drift as divergence_drift
    from assay.stats.drift.cusum import Cusum as Cusum
    from assay.stats.drift.cusum import PageHinkley as PageHinkley
    from assay.stats.drift.cusum import StreamDrift as StreamDrift
    from assay.stats.drift.cusum import detect_changes as detect_changes
    from assay.stats.drift.edetector import EDetector as EDetector
    from assay.stats.drift.kernel import energy_drift as energy_drift
    from assay.stats.drift.kernel import mmd_drift as mmd_drift
    from assay.stats.drift.kernel import mmd_linear_drift as mmd_linear_drift
    from assay.stats.drift.kolmogorov import ks_drift as ks_drift
    from assay.stats.drift.ordered import anderson_darling_drift as anderson_darling_drift
    from assay.stats.drift.ordered import wasserstein_drift as wasserstein_drift
    from assay.stats.drift.result import DriftResult as DriftResult
    from assay.stats.drift.run_length import cusum_alarm_probability as cusum_alarm_probability
    from assay.stats.drift.run_length import cusum_run_length as cusum_run_length
    from assay.stats.drift.run_length import cusum_threshold as cusum_threshold
    from assay.stats.drift.run_length import measured_run_length as measured_run_length
    from assay.stats.drift.run_length import siegmund_run_length as siegmund_run_length
    from assay.stats.drift.run_length import threshold_for_horizon as threshold_for_horizon
    from assay.stats.drift.stability import stability_index as stability_index
    from assay.stats.drift.stability import stability_of_counts as stability_of_counts
    from assay.stats.effect import cohens_dz as cohens_dz
    from assay.stats.effect import cohens_h as cohens_h
    from assay.stats.effect import discordant_odds_ratio as discordant_odds_ratio
    from assay.stats.evaluation.attempts import pass_at_k_curve as pass_at_k_curve
    from assay.stats.evaluation.compute import expected_best_of as expected_best_of
    from assay.stats.evaluation.compute import matched_compute_difference as matched_compute_difference
    from assay.stats.evaluation.epochs import VarianceComponents as VarianceComponents
    from assay.stats.evaluation.epochs import epoch_variance_components as epoch_variance_components
    from assay.stats.evaluation.grid import GridTests as GridTests
    from assay.stats.evaluation.grid import holm_over_grid as holm_over_grid
    from assay.stats.evaluation.paired_epochs import paired_epochs_difference as paired_epochs_difference
    from assay.stats.evaluation.planning import EpochPlan as EpochPlan
    from assay.stats.evaluation.planning import plan_samples_and_epochs as plan_samples_and_epochs
    from assay.stats.evaluation.scaling import PowerLawFit as PowerLawFit
    from assay.stats.evaluation.scaling import power_law_fit as power_law_fit
    from assay.stats.evaluation.seeds import duplicate_seeds as duplicate_seeds
    from assay.stats.evaluation.seeds import seed_difference as seed_difference
    from assay.stats.evaluation.seeds import seed_mean as seed_mean
    from assay.stats.evidence import Evidence as Evidence
    from assay.stats.health.balance import BalanceReport as BalanceReport
    from assay.stats.health.balance import covariate_balance as covariate_balance
    from assay.stats.health.ratio import SampleRatio as SampleRatio
    from assay.stats.health.ratio import srm_test as srm_test
    from assay.stats.health.rest import GroupAgainstRest as GroupAgainstRest
    from assay.stats.health.rest import groups_against_rest as groups_against_rest
    from assay.stats.health.sequential_ratio import SequentialRatio as SequentialRatio
    from assay.stats.health.sequential_ratio import sequential_srm as sequential_srm
    from assay.stats.health.simpson import SimpsonReport as SimpsonReport
    from assay.stats.health.simpson import simpson_check as simpson_check
    from assay.stats.health.simpson import simpson_from_tables as simpson_from_tables
    from assay.stats.health.weighting import mantel_haenszel_odds_ratio as mantel_haenszel_odds_ratio
    from assay.stats.health.weighting import weighted_answers as weighted_answers
    from assay.stats.intervals.clustered import clustered_difference as clustered_difference
    from assay.stats.intervals.clustered import clustered_mean as clustered_mean
    from assay.stats.intervals.ideal_bootstrap import ideal_bootstrap_difference as ideal_bootstrap_difference
    from assay.stats.intervals.ideal_bootstrap import ideal_bootstrap_mean as ideal_bootstrap_mean
    from assay.stats.intervals.quantiles import quantile_difference as quantile_difference
    from assay.stats.intervals.quantiles import quantile_interval as quantile_interval
    from assay.stats.intervals.ratios import ratio_metric as ratio_metric
    from assay.stats.intervals.ratios import ratio_metric_difference as ratio_metric_difference
    from assay.stats.intervals.robust import capped_mean as capped_mean
    from assay.stats.intervals.robust import capped_mean_difference as capped_mean_difference
    from assay.stats.intervals.robust import trimmed_mean as trimmed_mean
    from assay.stats.intervals.robust import trimmed_mean_difference as trimmed_mean_difference
    from assay.stats.intervals.shares import agresti_coull as agresti_coull
    from assay.stats.intervals.shares import clopper_pearson as clopper_pearson
    from assay.stats.intervals.two_sample_bootstrap import bootstrap_difference as bootstrap_difference
    from assay.stats.intervals.two_sample_bootstrap import (
        bootstrap_statistic_difference as bootstrap_statistic_difference,
    )
    from assay.stats.intervals.two_sample_bootstrap import studentised_bootstrap_mean as studentised_bootstrap_mean
    from assay.stats.markov.backtest import backtest_chain as backtest_chain
    from assay.stats.markov.backtest import brier_skill as brier_skill
    from assay.stats.markov.counts import ChainEstimate as ChainEstimate
    from assay.stats.markov.counts import TransitionCounts as TransitionCounts
    from assay.stats.markov.counts import context_matrix as context_matrix
    from assay.stats.markov.counts import count_transitions as count_transitions
    from assay.stats.markov.counts import estimate_markov_chain as estimate_markov_chain
    from assay.stats.markov.counts import sparse_transition_matrix as sparse_transition_matrix
    from assay.stats.markov.forecast import forecast_chain as forecast_chain
    from assay.stats.markov.fourier import fit_fourier_chain as fit_fourier_chain
    from assay.stats.markov.hidden import CategoricalEmission as CategoricalEmission
    from assay.stats.markov.hidden import GaussianEmission as GaussianEmission
    from assay.stats.markov.hidden import hidden_filter as hidden_filter
    from assay.stats.markov.hidden import hidden_forecast as hidden_forecast
    from assay.stats.markov.hidden import hidden_log_likelihood as hidden_log_likelihood
    from assay.stats.markov.hidden import hidden_markov_model as hidden_markov_model
    from assay.stats.markov.hidden import hidden_smooth as hidden_smooth
    from assay.stats.markov.hidden import viterbi_path as viterbi_path
    from assay.stats.markov.hidden_fit import fit_hidden_markov as fit_hidden_markov
    from assay.stats.markov.occupation import occupation_distribution as occupation_distribution
    from assay.stats.markov.occupation import rain_days as rain_days
    from assay.stats.markov.order import chain_stationarity_test as chain_stationarity_test
    from assay.stats.markov.order import select_markov_order as select_markov_order
    from assay.stats.markov.order import transition_homogeneity_test as transition_homogeneity_test
    from assay.stats.markov.powers import ChainPowers as ChainPowers
    from assay.stats.markov.powers import propagate_distribution as propagate_distribution
    from assay.stats.markov.seasonal import HomogeneousChain as HomogeneousChain
    from assay.stats.markov.seasonal import fit_seasonal_chain as fit_seasonal_chain
    from assay.stats.markov.structure import chain_structure as chain_structure
    from assay.stats.markov.structure import stationary_law as stationary_law
    from assay.stats.markov.times import hitting_probabilities as hitting_probabilities
    from assay.stats.markov.times import hitting_times as hitting_times
    from assay.stats.markov.times import mixing_time as mixing_time
    from assay.stats.markov.times import return_times as return_times
    from assay.stats.moments import Moments as Moments
    from assay.stats.moments import MomentsBuilder as MomentsBuilder
    from assay.stats.multiplicity.adjusted import benjamini_hochberg as benjamini_hochberg
    from assay.stats.multiplicity.adjusted import benjamini_yekutieli as benjamini_yekutieli
    from assay.stats.multiplicity.adjusted import bonferroni as bonferroni
    from assay.stats.multiplicity.adjusted import hochberg as hochberg
    from assay.stats.multiplicity.adjusted import holm as holm
    from assay.stats.multiplicity.adjusted import null_share as null_share
    from assay.stats.multiplicity.adjusted import storey_q as storey_q
    from assay.stats.multiplicity.online import Lond as Lond
    from assay.stats.multiplicity.online import Saffron as Saffron
    from assay.stats.multiplicity.online import decide_stream as decide_stream
    from assay.stats.multiplicity.simultaneous import max_t_intervals as max_t_intervals
    from assay.stats.multiplicity.simultaneous import simultaneous_confidence as simultaneous_confidence
    from assay.stats.paired import mcnemar as mcnemar
    from assay.stats.paired import paired_difference as paired_difference
    from assay.stats.paired import tango as tango
    from assay.stats.passk import Mean as Mean
    from assay.stats.passk import PassAtK as PassAtK
    from assay.stats.passk import PassHatK as PassHatK
    from assay.stats.prediction.allocation import Allocation as Allocation
    from assay.stats.prediction.allocation import allocate_tiers as allocate_tiers
    from assay.stats.prediction.anytime import PpiConfidenceSequence as PpiConfidenceSequence
    from assay.stats.prediction.anytime import aipw_terms as aipw_terms
    from assay.stats.prediction.anytime import ppi_confidence_sequence as ppi_confidence_sequence
    from assay.stats.prediction.cross import cross_ppi_mean as cross_ppi_mean
    from assay.stats.prediction.effective import effective_labels as effective_labels
    from assay.stats.prediction.effective import kish_effective_n as kish_effective_n
    from assay.stats.prediction.mean import ppi_mean as ppi_mean
    from assay.stats.prediction.mean import ppi_mean_difference as ppi_mean_difference
    from assay.stats.prediction.mean import ppi_win_rate as ppi_win_rate
    from assay.stats.prediction.prevalence import rogan_gladen as rogan_gladen
    from assay.stats.prediction.prevalence import rogan_gladen_known as rogan_gladen_known
    from assay.stats.prediction.quantile import ppi_quantile as ppi_quantile
    from assay.stats.prediction.regression import PpiRegression as PpiRegression
    from assay.stats.prediction.regression import ppi_logistic as ppi_logistic
    from assay.stats.prediction.regression import ppi_ols as ppi_ols
    from assay.stats.prediction.sampling import hajek_mean as hajek_mean
    from assay.stats.prediction.sampling import horvitz_thompson_mean as horvitz_thompson_mean
    from assay.stats.prediction.sampling import inclusion_probabilities as inclusion_probabilities
    from assay.stats.prediction.strata import stratified_ppi_mean as stratified_ppi_mean
    from assay.stats.prediction.twophase import TwoPhaseResult as TwoPhaseResult
    from assay.stats.prediction.twophase import two_phase_mean as two_phase_mean
    from assay.stats.prediction.twophase import two_phase_replays as two_phase_replays
    from assay.stats.ratings.battles import Battles as Battles
    from assay.stats.ratings.battles import PairCounts as PairCounts
    from assay.stats.ratings.battles import style_difference as style_difference
    from assay.stats.ratings.bradley_terry import bradley_terry as bradley_terry
    from assay.stats.ratings.elo import elo_expected_score as elo_expected_score
    from assay.stats.ratings.elo import elo_over_orders as elo_over_orders
    from assay.stats.ratings.elo import elo_ratings as elo_ratings
    from assay.stats.ratings.glicko import glicko_ratings as glicko_ratings
    from assay.stats.ratings.glicko import glicko_update as glicko_update
    from assay.stats.ratings.length_control import instruction_difficulty as instruction_difficulty
    from assay.stats.ratings.length_control import length_controlled_win_rate as length_controlled_win_rate
    from assay.stats.ratings.ranks import RankRange as RankRange
    from assay.stats.ratings.ranks import rank_ranges as rank_ranges
    from assay.stats.ratings.raters import RaterRatings as RaterRatings
    from assay.stats.ratings.raters import rater_bradley_terry as rater_bradley_terry
    from assay.stats.ratings.table import RatingTable as RatingTable
    from assay.stats.ratings.win_rate import SwappedWinRate as SwappedWinRate
    from assay.stats.ratings.win_rate import swapped_win_rate as swapped_win_rate
    from assay.stats.ratings.win_rate import win_rate as win_rate
    from assay.stats.ratio import ratio_of_means as ratio_of_means
    from assay.stats.scalar import mean_estimate as mean_estimate
    from assay.stats.scalar import wilson as wilson
    from assay.stats.sequential.asymptotic import difference_sequence as difference_sequence
    from assay.stats.sequential.asymptotic import mean_sequence as mean_sequence
    from assay.stats.sequential.betting import betting_sequence as betting_sequence
    from assay.stats.sequential.betting import empirical_bernstein_sequence as empirical_bernstein_sequence
    from assay.stats.sequential.boundaries import GroupSequentialPlan as GroupSequentialPlan
    from assay.stats.sequential.boundaries import group_sequential_boundaries as group_sequential_boundaries
    from assay.stats.sequential.evalues import EProcess as EProcess
    from assay.stats.sequential.evalues import EValue as EValue
    from assay.stats.sequential.evalues import betting_e_process as betting_e_process
    from assay.stats.sequential.evalues import e_value_average as e_value_average
    from assay.stats.sequential.evalues import e_value_from_p as e_value_from_p
    from assay.stats.sequential.evalues import e_value_product as e_value_product
    from assay.stats.sequential.mixture import msprt as msprt
    from assay.stats.sequential.mixture import msprt_from_values as msprt_from_values
    from assay.stats.sequential.result import ConfidenceSequence as ConfidenceSequence
    from assay.stats.sequential.stopped import StoppedEstimate as StoppedEstimate
    from assay.stats.sequential.stopped import group_sequential_estimate as group_sequential_estimate
    from assay.stats.strata import Stratum as Stratum
    from assay.stats.strata import stratified_dz as stratified_dz
    from assay.stats.strata import stratified_evidence as stratified_evidence
    from assay.stats.strata import stratified_mean_evidence as stratified_mean_evidence
    from assay.stats.two_sample import difference_of_means as difference_of_means
    from assay.stats.two_sample import newcombe as newcombe

_NAMES = {
    "adjustment.cells": "StratumTable",
    "adjustment.crossfit": "cross_fitted_predictions",
    "adjustment.cuped": "cuped cuped_from_values",
    "adjustment.joint": "JointMoments",
    "adjustment.pairing": "paired_adjustment",
    "adjustment.regression": "lin_adjustment",
    "adjustment.result": "AdjustedDifference",
    "adjustment.strata": "stratified_difference",
    "agreement.alpha": "krippendorff_alpha",
    "agreement.consensus": "Consensus",
    "agreement.dawid_skene": "dawid_skene",
    "agreement.glad": "glad",
    "agreement.icc": "intraclass_correlation",
    "agreement.kappa": "cohen_kappa",
    "agreement.mace": "mace",
    "agreement.one_coin": "one_coin",
    "agreement.percent": "percent_agreement",
    "agreement.ratings": "Ratings",
    "agreement.shares": "fleiss_kappa gwet_ac1 gwet_ac2",
    "agreement.votes": "MajorityVote majority_vote smallest_majority weighted_vote",
    "bayes.answers": "BayesComparison BayesQuestion",
    "bayes.compare": "bayes_counts bayes_means bayes_rates",
    "bayes.priors": "BetaPrior GammaPrior NormalInverseGammaPrior NormalPrior ReferencePrior",
    "bayes.shrinkage": "ShrunkenRates shrunken_rates",
    "bootstrap": "bootstrap_mean bootstrap_statistic",
    "calibration.decomposition": "BrierDecomposition brier_decomposition",
    "calibration.error": "ReliabilityCurve expected_calibration_error reliability_curve",
    "calibration.fitting": "cross_calibrated fit_isotonic fit_platt fit_temperature",
    "calibration.maps": "IsotonicMap PlattMap TemperatureMap calibration_map_from_dict",
    "calibration.scores": "brier_score calibration_in_the_large log_score spiegelhalter_test",
    "calibration.slope": "CoxCalibration cox_calibration",
    "combine": "macro_average stratified_estimate",
    "comparison.diagnosis": "MeanDiagnosis diagnose_mean",
    "comparison.guard": "compare_groups guarded_mean",
    "comparison.guard_answer": "GuardedAnswer",
    "comparison.logit": "LogitAdjustment logit_adjustment",
    "comparison.mantel_haenszel": "MantelHaenszel mantel_haenszel",
    "comparison.margins": "MarginVerdict equivalence_test moments_difference_evidence noninferiority_test "
    "superiority_test welch_evidence",
    "comparison.permutation": "permutation_test sign_flip_test",
    "comparison.rank_tests": "mann_whitney wilcoxon_signed_rank",
    "comparison.result": "Comparison",
    "comparison.share_scores": "odds_ratio risk_ratio share_difference share_difference_evidence two_share_z_test",
    "comparison.sizes": "cliffs_delta cohens_d hedges_g",
    "comparison.studentised": "bootstrap_t_test",
    "correlation.ceiling": "disattenuated_correlation human_ceiling spearman_brown split_half_reliability",
    "correlation.coefficients": "kendall_tau_b pearson_correlation spearman_correlation",
    "correlation.dependent": "compare_dependent_correlations dependent_correlations_from_r meng_rosenthal_rubin",
    "correlation.levels": "SummaryLevelCorrelation summary_level_correlation summary_level_difference "
    "system_level_correlation",
    "correlation.zscale": "correlation_interval",
    "design.clusters": "cuped_gain design_effect plan_clusters",
    "design.curve": "power_curve",
    "design.looks": "SequentialSampleSize plan_with_looks",
    "design.means": "plan_means plan_paired_means plan_ratio_metric",
    "design.proportions": "plan_paired_proportions plan_proportions",
    "design.result": "PowerCurve SampleSize",
    "design.simple": "detectable_difference n_for_half_width n_for_power",
    "drift.adwin": "Adwin",
    "drift.classifier": "classifier_drift column_drift",
    "drift.counts": "category_drift divergence_drift",
    "drift.cusum": "Cusum PageHinkley StreamDrift detect_changes",
    "drift.edetector": "EDetector",
    "drift.kernel": "energy_drift mmd_drift mmd_linear_drift",
    "drift.kolmogorov": "ks_drift",
    "drift.ordered": "anderson_darling_drift wasserstein_drift",
    "drift.result": "DriftResult",
    "drift.run_length": "cusum_alarm_probability cusum_run_length cusum_threshold measured_run_length "
    "siegmund_run_length threshold_for_horizon",
    "drift.stability": "stability_index stability_of_counts",
    "effect": "cohens_dz cohens_h discordant_odds_ratio",
    "evaluation.attempts": "pass_at_k_curve",
    "evaluation.compute": "expected_best_of matched_compute_difference",
    "evaluation.epochs": "VarianceComponents epoch_variance_components",
    "evaluation.grid": "GridTests holm_over_grid",
    "evaluation.paired_epochs": "paired_epochs_difference",
    "evaluation.planning": "EpochPlan plan_samples_and_epochs",
    "evaluation.scaling": "PowerLawFit power_law_fit",
    "evaluation.seeds": "duplicate_seeds seed_difference seed_mean",
    "evidence": "Evidence",
    "health.balance": "BalanceReport covariate_balance",
    "health.ratio": "SampleRatio srm_test",
    "health.rest": "GroupAgainstRest groups_against_rest",
    "health.sequential_ratio": "SequentialRatio sequential_srm",
    "health.simpson": "SimpsonReport simpson_check simpson_from_tables",
    "health.weighting": "mantel_haenszel_odds_ratio weighted_answers",
    "intervals.clustered": "clustered_difference clustered_mean",
    "intervals.ideal_bootstrap": "ideal_bootstrap_difference ideal_bootstrap_mean",
    "intervals.quantiles": "quantile_difference quantile_interval",
    "intervals.ratios": "ratio_metric ratio_metric_difference",
    "intervals.robust": "capped_mean capped_mean_difference trimmed_mean trimmed_mean_difference",
    "intervals.shares": "agresti_coull clopper_pearson",
    "intervals.two_sample_bootstrap": "bootstrap_difference bootstrap_statistic_difference studentised_bootstrap_mean",
    "markov.backtest": "backtest_chain brier_skill",
    "markov.counts": "ChainEstimate TransitionCounts context_matrix count_transitions estimate_markov_chain "
    "sparse_transition_matrix",
    "markov.forecast": "forecast_chain",
    "markov.fourier": "fit_fourier_chain",
    "markov.hidden": "CategoricalEmission GaussianEmission hidden_filter hidden_forecast "
    "hidden_log_likelihood hidden_markov_model hidden_smooth viterbi_path",
    "markov.hidden_fit": "fit_hidden_markov",
    "markov.occupation": "occupation_distribution rain_days",
    "markov.order": "chain_stationarity_test select_markov_order transition_homogeneity_test",
    "markov.powers": "ChainPowers propagate_distribution",
    "markov.seasonal": "HomogeneousChain fit_seasonal_chain",
    "markov.structure": "chain_structure stationary_law",
    "markov.times": "hitting_probabilities hitting_times mixing_time return_times",
    "moments": "Moments MomentsBuilder",
    "multiplicity.adjusted": "benjamini_hochberg benjamini_yekutieli bonferroni hochberg holm null_share storey_q",
    "multiplicity.online": "Lond Saffron decide_stream",
    "multiplicity.simultaneous": "max_t_intervals simultaneous_confidence",
    "paired": "mcnemar paired_difference tango",
    "passk": "Mean PassAtK PassHatK",
    "prediction.allocation": "Allocation allocate_tiers",
    "prediction.anytime": "PpiConfidenceSequence aipw_terms ppi_confidence_sequence",
    "prediction.cross": "cross_ppi_mean",
    "prediction.effective": "effective_labels kish_effective_n",
    "prediction.mean": "ppi_mean ppi_mean_difference ppi_win_rate",
    "prediction.prevalence": "rogan_gladen rogan_gladen_known",
    "prediction.quantile": "ppi_quantile",
    "prediction.regression": "PpiRegression ppi_logistic ppi_ols",
    "prediction.sampling": "hajek_mean horvitz_thompson_mean inclusion_probabilities",
    "prediction.strata": "stratified_ppi_mean",
    "prediction.twophase": "TwoPhaseResult two_phase_mean two_phase_replays",
    "ratings.battles": "Battles PairCounts style_difference",
    "ratings.bradley_terry": "bradley_terry",
    "ratings.elo": "elo_expected_score elo_over_orders elo_ratings",
    "ratings.glicko": "glicko_ratings glicko_update",
    "ratings.length_control": "instruction_difficulty length_controlled_win_rate",
    "ratings.ranks": "RankRange rank_ranges",
    "ratings.raters": "RaterRatings rater_bradley_terry",
    "ratings.table": "RatingTable",
    "ratings.win_rate": "SwappedWinRate swapped_win_rate win_rate",
    "ratio": "ratio_of_means",
    "scalar": "mean_estimate wilson",
    "sequential.asymptotic": "difference_sequence mean_sequence",
    "sequential.betting": "betting_sequence empirical_bernstein_sequence",
    "sequential.boundaries": "GroupSequentialPlan group_sequential_boundaries",
    "sequential.evalues": "EProcess EValue betting_e_process e_value_average e_value_from_p e_value_product",
    "sequential.mixture": "msprt msprt_from_values",
    "sequential.result": "ConfidenceSequence",
    "sequential.stopped": "StoppedEstimate group_sequential_estimate",
    "strata": "Stratum stratified_dz stratified_evidence stratified_mean_evidence",
    "two_sample": "difference_of_means newcombe",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
