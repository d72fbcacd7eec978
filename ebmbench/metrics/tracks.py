"""What the families of data are judged by: the catalog's records."""

from __future__ import annotations

from dataclasses import replace

from ebmbench.contracts.records import Badge, Column, Ruler, Track

KL = Column("KL ↓", "kl", ranking="kl_beta")
AUROC = Column("AUROC ↑", "auroc", ceiling="skill")
MMD2 = Column("MMD² ↓", "mmd2_common")
SLICED = Column("sliced W₂ ↓", "sliced_wasserstein_common", wide=True)
SKILL = Column("skill ↑", "skill")
NLL = Column("NLL ↓", "nll_beta", typical=True)
"""The claim of a normalized energy that nobody checked (``nll`` without a lattice) never ranks: a method would win by
claiming too much."""
OUTSIDE = Badge("outside", "mass_outside", ranking="mass_outside_beta")

SKILL_TABLE = Column("Skill, median over seeds", "skill")
KL_TITLE = "Forward KL (nats), median over seeds; ranking energies at their fitted temperature"
KL_TABLE = Column(KL_TITLE, "kl", ranking="kl_beta")
NLL_TABLE = Column(
    "Held-out NLL (nats) at the temperature fitted on validation, median over seeds", "nll_beta", typical=True
)
CLAIM_TITLE = "Held-out NLL (nats) as normalized energies claim it, not checked and not ranked, median over seeds"
CLAIM_TABLE = Column(CLAIM_TITLE, "nll", typical=True, unless="nll_beta")

DENSITY = Ruler(
    "Density",
    "kl",
    "ratio",
    of_order=False,
    legend="forward KL in nats, over all of the space; energies that only rank do not stand here",
)
ORDER = Ruler("Order", "skill", "gap", legend="1 - skill: what the order of the energies alone leaves to be explained")
LIKELIHOOD = Ruler(
    "Held-out likelihood", "nll_beta", "nats", legend="exp(NLL): how many times less likely a test row is"
)
_LEGEND = "Failures count as skill -1. KL in nats, forward, {where}; β: at the temperature fitted on validation."
_PROGRESS = (("skill", "skill"), ("KL", "kl"), ("KL(β)", "kl_beta"))

PLANE = Track(
    name="plane",
    summary="continuous data whose density is known, over all of the space",
    columns=(SKILL, KL, AUROC, SLICED),
    better="up",
    failed=-1.0,
    tables=(SKILL_TABLE, KL_TABLE),
    rulers=(DENSITY, ORDER),
    badges=(OUTSIDE,),
    milestones=("kl", "kl_beta", "nll_iso", "auroc"),
    curve=Column("forward KL", "kl", ranking="kl_beta"),
    targets=(0.1, 0.05),
    progress=_PROGRESS,
    picture="plane",
    legend=_LEGEND.format(where="over all of the space")
    + " Outside: the share of the model's mass that lies outside the domain of the data, where it is worst.",
)
BINARY = replace(
    PLANE,
    name="binary",
    summary="bits whose probabilities are known, on all of their states",
    columns=(SKILL, KL, AUROC),
    badges=(),
    picture="",
    legend=_LEGEND.format(where="over all states"),
)
CONDITIONAL = Track(
    name="conditional",
    summary="y that depends on a context x, its density known given each x",
    columns=(
        KL,
        Column("branches ↑", "conditional_modes", ranking="conditional_modes_beta"),
        Column("best of 10 ↓", "best_of_10", ranking="best_of_10_beta"),
        Column("predicted 10 ↓", "predicted_10", wide=True),
        Column("mean gap ↑", "mean_gap", ranking="mean_gap_beta", wide=True),
    ),
    better="down",
    failed=None,
    tables=(
        Column(
            "E KL(p(y|x) || q(y|x)) (nats), median over seeds; ranking energies at their fitted temperature",
            "kl",
            ranking="kl_beta",
        ),
        Column(
            "Error of the best of ten draws over that of the conditional mean, median over seeds",
            "best_of_10",
            ranking="best_of_10_beta",
        ),
        Column(
            "Error of the best of ten of the method's own predictions over that of the conditional mean, median "
            "over seeds",
            "predicted_10",
        ),
    ),
    rulers=(DENSITY, ORDER),
    milestones=("kl", "kl_beta"),
    curve=Column("forward KL", "kl", ranking="kl_beta"),
    targets=(0.1, 0.05),
    progress=(("KL", "kl"), ("KL(β)", "kl_beta")),
    picture="plane",
    legend=(
        "KL in nats, forward, of y given x, a mean over contexts; β: at the temperature fitted on validation. "
        "Branches: the share of the separate values of y given x that the energy has. Best of 10: the error of the "
        "nearest of ten draws of y given x over that of the true conditional mean, which is least squares' best; "
        "predicted: of ten of the method's own predictions. Mean gap: nats by which the conditional mean is less "
        "probable than the data."
    ),
)
ODDS = Ruler(
    "Odds of the futures",
    "futures_odds_error",
    "ratio",
    of_order=False,
    legend="total variation of the odds of the futures given x; energies that only rank do not stand here",
)
FORESIGHT = Ruler(
    "Prediction", "foreseen_10", "ratio", legend="the error of the best of ten guesses over that of the average future"
)
SEQUENCES = Track(
    name="sequences",
    summary="the next frames of a video, which are one of a few futures known by construction",
    columns=(
        Column("best of 10 ↓", "foreseen_10"),
        Column("odds error ↓", "futures_odds_error", ranking="futures_odds_error_beta"),
        Column("found ↑", "futures_found"),
        Column("sharpness → 1", "sharpness"),
        Column("mean gap ↑", "mean_gap", ranking="mean_gap_beta", wide=True),
    ),
    better="down",
    failed=None,
    tables=(
        Column("Error of the best of ten guesses over that of the average future, median over seeds", "foreseen_10"),
        Column(
            "Error of the odds of the futures (total variation), median over seeds; ranking energies at their fitted "
            "temperature",
            "futures_odds_error",
            ranking="futures_odds_error_beta",
        ),
        Column("Sharpness of the guesses (1: as the true frames), median over seeds", "sharpness"),
        Column("Share of the futures that twenty guesses find, median over seeds", "futures_found"),
    ),
    rulers=(FORESIGHT, ODDS),
    milestones=("futures_odds_error", "futures_odds_error_beta"),
    curve=Column("odds error", "futures_odds_error", ranking="futures_odds_error_beta"),
    targets=(0.1, 0.05),
    progress=(("best of 10", "foreseen_10"), ("odds", "futures_odds_error"), ("odds(β)", "futures_odds_error_beta")),
    picture="frames",
    legend=(
        "Best of 10: the error of the nearest of ten guesses of the next frame over that of the average of the true "
        "futures, which is least squares' best; guesses are the method's own, or else ends of descents of its energy. "
        "Odds error: total variation of the futures' probabilities by the energies, β: at the temperature that fits "
        "validation rows best. Found: the share of the futures that one of twenty guesses is at. Sharpness: squared "
        "differences of neighboring pixels over those of true frames, below 1 where guesses are blurred. Mean gap: "
        "nats by which the average of the futures is less probable than one of them."
    ),
)
USER_DATA = Track(
    name="user_data",
    summary="data of which nobody knows the density: held-out rows alone",
    columns=(NLL, AUROC, MMD2, SLICED),
    better="down",
    failed=None,
    tables=(NLL_TABLE, CLAIM_TABLE),
    rulers=(LIKELIHOOD,),
    milestones=("nll_beta", "nll_iso", "auroc"),
    curve=Column("held-out NLL", "nll_beta"),
    progress=(("NLL", "nll"), ("NLL(β)", "nll_beta")),
    picture="plane",
    legend=(
        "NLL in nats of the test rows, at the temperature fitted on validation rows, where the true density is not "
        "known: a mean over datasets."
    ),
)
ESS = Column("ESS ↑", "ess_exact", ranking="ess_exact_beta")
FISHER = Column("Fisher / d ↓", "fisher_per_dim", ranking="fisher_per_dim_beta")
MODE_MASS = Column("mode mass ↓", "mode_mass_weighted", ranking="mode_mass_weighted_beta", wide=True)
DIMENSIONS = Track(
    name="dimensions",
    summary="continuous data of many coordinates whose density is known: by exact draws, without a lattice",
    columns=(ESS, KL, FISHER, MODE_MASS),
    better="up",
    failed=0.0,
    tables=(
        Column("Effective sample size of exact draws, median over seeds", "ess_exact", ranking="ess_exact_beta"),
        KL_TABLE,
        Column("Error of the masses of modes, median over seeds", "mode_mass_weighted", "mode_mass_weighted_beta"),
        Column("The same of the method's own samples, median over seeds", "mode_mass_sampled_native"),
        Column("How far log Z may be off (nats), median over seeds", "log_z_gap", ranking="log_z_gap_beta"),
    ),
    rulers=(
        DENSITY,
        Ruler("Weights", "ess_exact", "gap", of_order=False, legend="1 - ESS: what exact draws lose when reweighted"),
    ),
    milestones=("ess_exact", "ess_exact_beta", "fisher_per_dim", "fisher_per_dim_beta"),
    curve=Column("Fisher divergence per dimension", "fisher_per_dim", ranking="fisher_per_dim_beta"),
    progress=(("ESS", "ess_exact"), ("ESS(β)", "ess_exact_beta"), ("KL", "kl")),
    legend=(
        "ESS: the effective size, as a share of their number, of exact draws that are weighted to be the model's; "
        "failures count as 0. KL in nats, forward, with log Z between the bounds of annealed importance sampling; "
        "β: at the temperature fitted on validation."
    ),
)
TRACKS = (PLANE, BINARY, DIMENSIONS, CONDITIONAL, SEQUENCES, USER_DATA)
"""In the order in which the first of them that a suite has decides what ranks."""
