"""What ``validate_statistics`` computes: one entry a reference number or row of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hepatrial.analysis.competing import aalen_johansen
from hepatrial.analysis.cox import CoxFit, cox
from hepatrial.analysis.episodes import episodes
from hepatrial.analysis.fine_gray import FineGrayFit, fine_gray
from hepatrial.analysis.gray import gray
from hepatrial.analysis.kaplan_meier import KaplanMeier, kaplan_meier
from hepatrial.analysis.logrank import LogRank, logrank
from hepatrial.analysis.maxcombo import WEIGHTS, MaxCombo, maxcombo
from hepatrial.analysis.proportional import proportional_hazards
from hepatrial.analysis.random_slope import RandomSlopeFit, random_slope
from hepatrial.analysis.rmst import RmstContrast, rmst, rmst_contrast
from hepatrial.analysis.sample_size import (
    Accrual,
    events_for_survival,
    hazard_of_median,
    hazard_of_share,
    size_for_means,
    size_for_rates,
)
from hepatrial.analysis.sequential import SequentialDesign, group_sequential
from hepatrial.analysis.spending import Boundary
from hepatrial.analysis.validate import Check, Table, Tables
from hepatrial.analysis.validate_compare import compare_checks
from hepatrial.analysis.win_ratio import TimeLevel, WinRatio, win_ratio

_SURV2_Z = 1.96
"""survRM2 multiplies by 1.96, not by the normal quantile."""


_T = TypeVar("_T")


def checks() -> list[Check]:
    """Every check of this package, in the order of the reference."""
    return [
        *_kaplan_meier(),
        *_logrank(),
        *_weighted(),
        *_cox(),
        *_time_dependent(),
        *_rmst(),
        *_competing(),
        *_win_ratio(),
        *_mixed(),
        *compare_checks(),
        *_bounds(),
        *_sizes(),
    ]


def _then(source: Callable[[Tables], _T], get: Callable[[_T], Any]) -> Callable[[Tables], Any]:
    """First the analysis, then the number of it that is compared."""
    return lambda tables: get(source(tables))


def _entry(combo: MaxCombo, place: int) -> float:
    return float(combo.z[place])


def _trial(tables: Tables) -> Table:
    """The randomised 312 of the Mayo PBC table."""
    table = tables["pbc"]
    return {name: values[:312] for name, values in table.items()}


def _where(table: Table, column: str, value: Any) -> Table:
    inside = table[column] == value
    return {name: values[inside] for name, values in table.items()}


def _csl_patients(tables: Tables) -> Table:
    """One row a patient of CSL-1."""
    table = tables["csl"]
    first = np.unique(table["id"], return_index=True)[1]
    return {name: values[first] for name, values in table.items()}


# --- Kaplan-Meier -----------------------------------------------------------------------------------


def _pbc_curve(tables: Tables, transform: str = "log-log", trt: int | None = None) -> KaplanMeier:
    table = _trial(tables) if trt is None else _where(_trial(tables), "trt", trt)
    return kaplan_meier(table["time"], table["status"] == 2, transform=transform)


def _kaplan_meier() -> list[Check]:
    name = "analysis.kaplan_meier"
    pbc = ("km", "pbc312_death")
    found = [
        Check(name, (*pbc, "n"), lambda t: _pbc_curve(t).n),
        Check(name, (*pbc, "events"), lambda t: _pbc_curve(t).n_events),
        Check(name, (*pbc, "median_days"), lambda t: _pbc_curve(t).median.estimate),
        Check(name, (*pbc, "median_ci_loglog"), lambda t: _pbc_curve(t).median.ci),
        Check(name, (*pbc, "S1825"), lambda t: _pbc_curve(t).survival_at(1825)),
        Check(name, (*pbc, "se1825"), lambda t: _pbc_curve(t).se_at(1825)),
        Check(name, (*pbc, "S3650"), lambda t: _pbc_curve(t).survival_at(3650)),
        Check(name, (*pbc, "se3650"), lambda t: _pbc_curve(t).se_at(3650)),
        Check(name, (*pbc, "S1825_Dpen"), lambda t: _pbc_curve(t, trt=1).survival_at(1825)),
        Check(name, (*pbc, "S1825_placebo"), lambda t: _pbc_curve(t, trt=2).survival_at(1825)),
        Check(name, (*pbc, "nrisk1825"), lambda t: _pbc_curve(t).number_at_risk(1825)),
        Check(name, (*pbc, "nrisk1825_Dpen"), lambda t: _pbc_curve(t, trt=1).number_at_risk(1825)),
        Check(name, (*pbc, "nrisk1825_placebo"), lambda t: _pbc_curve(t, trt=2).number_at_risk(1825)),
    ]
    found += [
        Check(
            f"{name} ({transform})",
            (*pbc, "ci1825", transform),
            _then(partial(_pbc_curve, transform=transform), lambda c: np.ravel(c.interval_at(1825))),
        )
        for transform in ("plain", "log", "log-log", "logit", "arcsin")
    ]
    found += [_csl_survival(name, key, year) for key, year in _CSL_YEARS.items()]
    return [*found, *_medians(name)]


_CSL_YEARS = {"S_3mo": 0.25, "S_6mo": 0.5, "S_1y": 1.0, "S_2y": 2.0, "S_5y": 5.0}


def _csl_survival(name: str, key: str, year: float) -> Check:
    def compute(tables: Tables) -> Any:
        table = _csl_patients(tables)
        return kaplan_meier(table["Time"], table["death"]).survival_at(year)

    return Check(name, ("km", "csl488", key), compute)


def _medians(name: str) -> list[Check]:
    """Medians of lung and aml with R's default (log) interval."""
    cases = [
        ("lung", "male", "sex", 1, lambda t: (t["time"], t["status"] - 1)),
        ("lung", "female", "sex", 2, lambda t: (t["time"], t["status"] - 1)),
        ("aml", "maintained", "x", "Maintained", lambda t: (t["time"], t["status"])),
        ("aml", "nonmaintained", "x", "Nonmaintained", lambda t: (t["time"], t["status"])),
    ]
    found = []
    for table, label, column, value, read in cases:

        def median(
            t: Tables, table: str = table, column: str = column, value: Any = value, read: Any = read
        ) -> Any:
            return kaplan_meier(*read(_where(t[table], column, value)), transform="log").median

        found.append(Check(name, ("km", table, f"median_{label}"), _then(median, lambda m: m.estimate)))
        found.append(Check(f"{name} (log)", ("km", table, f"ci_{label}"), _then(median, lambda m: m.ci)))
    return found


# --- log-rank ---------------------------------------------------------------------------------------

_GROUPS: dict[str, tuple[str, Callable[[Tables], tuple[Any, Any, Any]], Sequence[int] | None]] = {
    "lung": ("lung_sex", lambda t: (t["lung"]["time"], t["lung"]["status"] - 1, t["lung"]["sex"]), [2, 1]),
    "aml": ("aml_x", lambda t: (t["aml"]["time"], t["aml"]["status"], t["aml"]["x"]), None),
    "veteran": (
        "veteran_trt",
        lambda t: (t["veteran"]["time"], t["veteran"]["status"], t["veteran"]["trt"]),
        [2, 1],
    ),
    "ovarian": (
        "ovarian_rx",
        lambda t: (t["ovarian"]["futime"], t["ovarian"]["fustat"], t["ovarian"]["rx"]),
        [2, 1],
    ),
    "pbc": (
        "pbc312_trt_death",
        lambda t: (_trial(t)["time"], _trial(t)["status"] == 2, _trial(t)["trt"]),
        [1, 2],
    ),
    "csl": (
        "csl_treat",
        lambda t: (_csl_patients(t)["Time"], _csl_patients(t)["death"], _csl_patients(t)["treat"]),
        None,
    ),
}


def _logrank() -> list[Check]:
    name = "analysis.logrank"
    found = [
        Check(name, ("logrank_chisq", key), _then(read, lambda table: logrank(*table).chisq))
        for key, read, _ in _GROUPS.values()
    ]

    def pbc(tables: Tables, **options: Any) -> LogRank:
        return logrank(*_GROUPS["pbc"][1](tables), **options)

    def transplant_free(tables: Tables) -> float:
        table = _trial(tables)
        return logrank(table["time"], table["status"] > 0, table["trt"]).chisq

    chisq = "logrank_chisq"
    return [
        *found,
        Check(name, (chisq, "pbc312_trt_death_obs"), lambda t: pbc(t).observed),
        Check(name, (chisq, "pbc312_trt_death_exp"), lambda t: pbc(t).expected),
        Check(name, (chisq, "pbc312_trt_tfs"), transplant_free),
        Check(
            f"{name} (strata)",
            (chisq, "pbc312_trt_stratified_stage"),
            lambda t: pbc(t, strata=_trial(t)["stage"]).chisq,
        ),
        Check(f"{name} (rho=1)", ("grho_rho1_chisq", "pbc312_trt"), lambda t: pbc(t, rho=1).chisq),
        Check(
            f"{name} (rho=1)",
            ("grho_rho1_chisq", "lung_sex"),
            lambda t: logrank(*_GROUPS["lung"][1](t), rho=1).chisq,
        ),
    ]


def _weighted() -> list[Check]:
    names = {
        "pbc_Dpen_v_placebo": "pbc",
        "lung_female_v_male": "lung",
        "veteran_trt2_v_1": "veteran",
        "ovarian_rx2_v_1": "ovarian",
    }
    found = []
    for key, table in names.items():

        @cache
        def combo(tables: Tables, table: str = table) -> MaxCombo:
            _, read, order = _GROUPS[table]
            return maxcombo(*read(tables), groups=order)

        base = "fh_z_and_maxcombo"
        for place, (rho, gamma) in enumerate(WEIGHTS):
            found.append(
                Check(
                    f"analysis.maxcombo (FH {rho:g},{gamma:g})",
                    (base, key, f"FH{rho:g}{gamma:g}"),
                    _then(combo, partial(_entry, place=place)),
                )
            )
        found.append(
            Check("analysis.maxcombo", (base, key, "maxcombo_p_two_sided"), _then(combo, lambda c: c.test.p))
        )
    return found


# --- Cox --------------------------------------------------------------------------------------------


def _liver(table: Table) -> NDArray[Any]:
    logs = [np.log(table[name]) for name in ("bili", "albumin", "protime")]
    return np.column_stack([table["age"], *logs, table["edema"]])


def _cox_known(time: Any, event: Any, x: NDArray[Any], **options: Any) -> CoxFit:
    """Cox model of the rows without missing values."""
    known = ~(np.isnan(x).any(axis=1) | np.isnan(time))
    return cox(time[known], event[known], x[known], **options)


def _lung_fit(tables: Tables) -> CoxFit:
    table = tables["lung"]
    x = np.column_stack([table["age"], table["sex"], table["ph.ecog"]])
    return _cox_known(table["time"], table["status"] - 1, x)


def _pbc_fit(tables: Tables) -> CoxFit:
    table = _trial(tables)
    return cox(table["time"], table["status"] == 2, _liver(table))


def _pbc3_fit(tables: Tables) -> CoxFit:
    table = tables["pbc3"]
    x = np.column_stack([table["tment"], np.log(table["bili"]), table["alb"]])
    return _cox_known(table["days"], table["status"] > 0, x)


def _fit_checks(
    name: str, key: tuple[str, ...], fit: Callable[[Tables], CoxFit | FineGrayFit], parts: Sequence[str]
) -> list[Check]:
    read: dict[str, Callable[[Any], Any]] = {
        "coef": lambda f: f.coef,
        "se": lambda f: f.se,
        "loglik": lambda f: [f.loglik_null, f.loglik],
        "C": lambda f: f.concordance,
    }
    return [Check(name, (*key, part), _then(fit, read[part])) for part in parts]


def _cox() -> list[Check]:
    name, base = "analysis.cox", "cox_efron"

    def aml(tables: Tables, ties: str) -> list[float]:
        table = tables["aml"]
        fit = cox(table["time"], table["status"], table["x"] == "Nonmaintained", ties=ties)
        return [float(fit.coef[0]), float(fit.se[0])]

    def everyone(tables: Tables) -> CoxFit:
        table = tables["pbc"]
        return _cox_known(table["time"], table["status"] == 2, _liver(table))

    def two(tables: Tables) -> Any:
        table = tables["pbc"]
        x = np.log(np.column_stack([table["bili"], table["protime"]]))
        return _cox_known(table["time"], table["status"] == 2, x).coef

    def csl(tables: Tables) -> Any:
        table = _csl_patients(tables)
        return cox(table["Time"], table["death"], table["treat"] == "prednisone").hazard_ratios[0]

    four = ("coef", "se", "loglik", "C")
    return [
        *_fit_checks(name, (base, "lung_age_sex_phecog"), _lung_fit, four),
        Check(f"{name} (efron)", (base, "aml_x", "efron"), lambda t: aml(t, "efron")),
        Check(f"{name} (breslow)", (base, "aml_x", "breslow"), lambda t: aml(t, "breslow")),
        *_fit_checks(name, (base, "pbc312_age_lbili_lalb_lprotime_edema"), _pbc_fit, four),
        *_fit_checks(name, (base, "pbc418_same"), everyone, ("coef",)),
        Check(name, (base, "pbc_timedep_tmerge_lbili_lprotime", "baseline"), two),
        Check(name, (base, "csl_treat", "HR"), lambda t: csl(t).estimate),
        Check(name, (base, "csl_treat", "ci"), lambda t: csl(t).ci),
        *_fit_checks(name, (base, "pbc3_tment_lbili_alb_death_or_tx"), _pbc3_fit, ("coef", "se")),
    ]


def _time_dependent() -> list[Check]:
    def pbc(tables: Tables) -> Any:
        table, visits = _trial(tables), tables["pbcseq"]
        split = episodes(
            table["id"],
            table["time"],
            table["status"] == 2,
            visits["id"],
            visits["day"],
            np.log(np.column_stack([visits["bili"], visits["protime"]])),
        )
        return cox(split.stop, split.event, split.values, start=split.start).coef

    def csl(tables: Tables) -> CoxFit:
        table = tables["csl"]
        x = np.column_stack([table["treat"] == "prednisone", table["pro"]])
        return cox(table["stop"], table["event"], x, start=table["start"])

    def trend(tables: Tables) -> Any:
        table = _trial(tables)
        tests = proportional_hazards(table["time"], table["status"] == 2, _liver(table))
        return [*(test.statistic for test in tests.tests), tests.overall.statistic]

    base = "cox_efron"
    return [
        Check(
            "analysis.cox (start, stop], analysis.episodes",
            (base, "pbc_timedep_tmerge_lbili_lprotime", "time_dependent"),
            pbc,
        ),
        *_fit_checks("analysis.cox (start, stop]", (base, "csl_timedep_treat_pro"), csl, ("coef", "se")),
        Check(
            "analysis.proportional_hazards",
            (base, "pbc312_age_lbili_lalb_lprotime_edema", "cox_zph_km_chisq"),
            trend,
        ),
    ]


# --- restricted means, competing risks, win ratio, mixed model --------------------------------------


def _rmst() -> list[Check]:
    def lung(tables: Tables, sex: int) -> list[float]:
        table = _where(tables["lung"], "sex", sex)
        mean = rmst(table["time"], table["status"] - 1, 365)
        return [mean.estimate, mean.se]

    @cache
    def pbc(tables: Tables) -> RmstContrast:
        table = _trial(tables)
        return rmst_contrast(table["time"] / 365.25, table["status"] == 2, table["trt"], 10, groups=[1, 2])

    def difference_limits(got: RmstContrast) -> list[float]:
        half = _SURV2_Z * got.difference.se
        return [got.difference.estimate - half, got.difference.estimate + half]

    def ratio_limits(got: RmstContrast) -> list[float]:
        factor = float(np.exp(_SURV2_Z * got.ratio.se))
        return [got.ratio.estimate / factor, got.ratio.estimate * factor]

    name, key = "analysis.rmst_contrast", ("rmst", "pbc312_10y_survRM2")
    parts: dict[str, Callable[[RmstContrast], Any]] = {
        "Dpen": lambda c: [c.means[0].estimate, c.means[0].se],
        "placebo": lambda c: [c.means[1].estimate, c.means[1].se],
        "diff": lambda c: c.difference.estimate,
        "diff_ci": difference_limits,
        "p": lambda c: c.difference.p,
        "ratio": lambda c: c.ratio.estimate,
        "ratio_ci": ratio_limits,
        "rmtl_ratio": lambda c: c.lost_ratio.estimate,
    }
    return [
        Check("analysis.rmst", ("rmst", "lung_365d", "male"), lambda t: lung(t, 1)),
        Check("analysis.rmst", ("rmst", "lung_365d", "female"), lambda t: lung(t, 2)),
        *(Check(name, (*key, part), _then(pbc, get)) for part, get in parts.items()),
    ]


def _competing() -> list[Check]:
    pbc, wait = ("competing_risks", "pbc312"), ("competing_risks", "transplant815")
    causes = ("death", "ltx", "withdraw")

    def incidence(tables: Tables, cause: int, day: float) -> list[float]:
        found = []
        for trt in (1, 2):
            table = _where(_trial(tables), "trt", trt)
            curve = aalen_johansen(table["time"], table["status"], causes=[1, 2])
            found.append(float(curve.incidence_at(day)[cause]))
        return found

    def trial_test(tables: Tables, of: int) -> list[float]:
        table = _trial(tables)
        test = gray(table["time"], table["status"], table["trt"], of=of, causes=[1, 2]).test
        return [test.statistic, test.p]

    def trial_fit(tables: Tables, of: int) -> FineGrayFit:
        table = _trial(tables)
        x = np.column_stack([table["age"], np.log(table["bili"])])
        return fine_gray(table["time"], table["status"], x, of=of, causes=[1, 2])

    def states(tables: Tables, day: float) -> list[float]:
        curve = aalen_johansen(tables["transplant"]["futime"], tables["transplant"]["event"], causes=causes)
        return [float(curve.event_free_at(day)), *curve.incidence_at(day).tolist()]

    def state_errors(tables: Tables) -> list[float]:
        # the reference leaves out the error of the first state
        curve = aalen_johansen(tables["transplant"]["futime"], tables["transplant"]["event"], causes=causes)
        return [float("nan"), *curve.se_at(365).tolist()]

    def blood_group(tables: Tables, of: str) -> float:
        table = tables["transplant"]
        return gray(table["futime"], table["event"], table["abo"], of=of, causes=causes).test.statistic

    def wait_fit(tables: Tables) -> Any:
        table = tables["transplant"]
        x = np.column_stack([table["age"], table["sex"] == "f"])
        known = ~np.isnan(x).any(axis=1)
        return fine_gray(
            table["futime"][known], table["event"][known], x[known], of="ltx", causes=causes
        ).coef

    curve, test, fit = "analysis.aalen_johansen", "analysis.gray", "analysis.fine_gray"
    return [
        Check(curve, (*pbc, "cif_tx_1825"), lambda t: incidence(t, 0, 1825)),
        Check(curve, (*pbc, "cif_death_1825"), lambda t: incidence(t, 1, 1825)),
        Check(curve, (*pbc, "cif_death_3650"), lambda t: incidence(t, 1, 3650)),
        *(Check(curve, (*wait, f"p{day}"), partial(states, day=day)) for day in (28, 90, 180, 365)),
        Check(curve, (*wait, "se365"), state_errors),
        Check(test, (*pbc, "gray_tx"), lambda t: trial_test(t, 1)),
        Check(test, (*pbc, "gray_death"), lambda t: trial_test(t, 2)),
        *(Check(test, (*wait, "gray_abo", of), partial(blood_group, of=of)) for of in causes),
        *_fit_checks(fit, (*pbc, "crr_death_age_lbili"), lambda t: trial_fit(t, 2), ("coef", "se")),
        *_fit_checks(fit, (*pbc, "crr_tx_age_lbili"), lambda t: trial_fit(t, 1), ("coef", "se")),
        # cmprsk stops one Newton step before convergence here
        Check(fit, (*wait, "finegray_ltx_age_sexf"), wait_fit, rtol=1e-5),
    ]


def _win_ratio() -> list[Check]:
    worse = ("hprogress.dt", "varices.dt", "ascites.dt", "enceph.dt", "double.dt", "worsen.dt")

    @cache
    def udca(tables: Tables) -> WinRatio:
        table = tables["udca"]

        def days(column: str) -> NDArray[Any]:
            texts = ["NaT" if str(v) in ("", "NA", "nan") else str(v) for v in table[column].tolist()]
            entry = np.array(table["entry.dt"], dtype="datetime64[D]")
            return np.asarray((np.array(texts, dtype="datetime64[D]") - entry) / np.timedelta64(1, "D"))

        first = np.stack([np.nan_to_num(days(name), nan=np.inf) for name in worse]).min(axis=0)
        levels = [
            TimeLevel("death", days("death.dt")),
            TimeLevel("transplant", days("tx.dt")),
            TimeLevel("progression", first),
        ]
        return win_ratio(table["trt"], levels, days("last.dt"), groups=[1, 0])

    parts: dict[str, Callable[[WinRatio], Any]] = {
        "wins": lambda w: w.wins,
        "losses": lambda w: w.losses,
        "ties": lambda w: w.ties,
        "wins_by_level": lambda w: w.wins_by_level,
        "losses_by_level": lambda w: w.losses_by_level,
        "WR": lambda w: w.win_ratio.estimate,
        "log_se": lambda w: w.win_ratio.se,
        "ci": lambda w: w.win_ratio.ci,
        "net_benefit": lambda w: w.net_benefit.estimate,
        "win_odds": lambda w: w.win_odds.estimate,
    }
    return [
        Check("analysis.win_ratio", ("win_ratio_udca", part), _then(udca, get)) for part, get in parts.items()
    ]


def _mixed() -> list[Check]:
    @cache
    def course(tables: Tables, name: str) -> RandomSlopeFit:
        table = tables["pbcseq"]
        value = np.log(table["bili"]) if name == "bili" else table["albumin"]
        return random_slope(table["id"], table["day"] / 365.25, value)

    parts: dict[str, Callable[[RandomSlopeFit], Any]] = {
        "fixef": lambda f: f.coef,
        "se": lambda f: f.se,
        "sd_re": lambda f: [f.sd_intercept, f.sd_slope],
        "cor": lambda f: f.correlation,
        "sd_resid": lambda f: f.sd_residual,
        "loglik_reml": lambda f: f.loglik,
    }
    name, base = "analysis.random_slope", "mixed_models_pbcseq"
    # nlme stops where the likelihood hardly changes any more: parameters to about 1e-5
    return [
        *(
            Check(name, (base, "log_bili~year", part), _then(partial(course, name="bili"), get), rtol=2e-5)
            for part, get in parts.items()
        ),
        *(
            Check(name, (base, "albumin~year", part), _then(partial(course, name="albumin"), parts[part]))
            for part in ("fixef", "sd_re", "sd_resid")
        ),
    ]


# --- designs ----------------------------------------------------------------------------------------


def _bounds() -> list[Check]:
    name, base = "analysis.group_sequential", "group_sequential_one_sided_0.025_K3"
    kinds: dict[str, Boundary] = {
        "OF": Boundary("obrien_fleming"),
        "Pocock": Boundary("pocock"),
        "WangTsiatis_0.25": Boundary("wang_tsiatis", 0.25),
        "LanDeMets_OF": Boundary("spending_obrien_fleming"),
        "LanDeMets_P": Boundary("spending_pocock"),
        "HSD_-4": Boundary("hwang_shih_decani", -4.0),
        "KimDeMets_2": Boundary("kim_demets", 2.0),
    }

    def thirds(_: Tables, kind: Boundary) -> Any:
        return group_sequential([1 / 3, 2 / 3, 1], efficacy=kind).efficacy

    @cache
    def futile() -> SequentialDesign:
        return group_sequential([0.5, 0.75, 1], futility="spending_obrien_fleming", power=0.9)

    @cache
    def pfs_design(power: float) -> SequentialDesign:
        futility = Boundary("hwang_shih_decani", -10.0)
        return group_sequential([176 / 235, 1], alpha=0.0125, power=power, futility=futility)

    def east(tables: Tables) -> SequentialDesign:
        power = tables.expected(("east_v_rpact_pfs", "rpact_3.3.4", "power"))[1]
        return pfs_design(float(power or 0))

    case, pfs = "asOF_bsOF_nonbinding_.5_.75_1_power.9", "east_v_rpact_pfs"
    return [
        *(Check(name, (base, key), partial(thirds, kind=kind)) for key, kind in kinds.items()),
        Check(name, (base, "LanDeMets_OF_0.5_1"), lambda _: group_sequential([0.5, 1]).efficacy),
        Check(name, (base, case, "crit"), lambda _: futile().efficacy),
        Check(f"{name} (futility)", (base, case, "futility"), lambda _: futile().futility[:2]),
        Check(f"{name} (power)", (base, case, "power"), lambda _: futile().power_at(futile().drift)),
        Check(f"{name} (inflation)", (base, case, "inflation"), lambda _: futile().inflation),
        Check(name, (pfs, "rpact_3.3.4", "crit"), lambda t: east(t).efficacy),
        Check(f"{name} (futility)", (pfs, "rpact_3.3.4", "fut"), lambda t: east(t).futility[0]),
        Check(f"{name} (power)", (pfs, "rpact_3.3.4", "power"), lambda t: east(t).power_at(east(t).drift)),
        Check("analysis.Accrual.patients_for", (pfs, "rpact_3.3.4", "N"), lambda _: _pfs().patients_for(235)),
        # EAST and rpact differ by 5e-6 between themselves
        Check(name, (pfs, "EAST", "Z_eff"), lambda t: east(t).efficacy, rtol=1e-5),
        Check(f"{name} (futility)", (pfs, "EAST", "Z_fut"), lambda t: east(t).futility[0], rtol=1e-5),
        Check(
            f"{name} (power)",
            (pfs, "EAST", "P_cross_H1"),
            lambda t: east(t).power_at(east(t).drift),
            rtol=1e-5,
        ),
        Check(
            name,
            (pfs, "EAST", "HR_at_bound"),
            lambda t: np.exp(-2 * east(t).efficacy / np.sqrt([176, 235])),
            rtol=1e-5,
        ),
        Check(
            "analysis.Accrual.time_of",
            (pfs, "EAST", "months"),
            lambda _: [_pfs().time_of(events, 398) for events in (176, 235)],
        ),
    ]


def _pfs() -> Accrual:
    control = hazard_of_median(9.4)
    return Accrual((0.6 * control, control), 24, 10, dropout=0.019)


def _sizes() -> list[Check]:
    base = "sample_size"
    control = hazard_of_median(3)
    events = events_for_survival(0.6, power=0.8)
    plain = Accrual((0.6 * control, control), 12, 3)
    lossy = Accrual((0.6 * control, control), 12, 3, dropout=hazard_of_share(0.05, 12))
    first, second = hazard_of_share(0.30, 3), hazard_of_share(0.45, 3)
    by_rates = events_for_survival(first / second, power=0.8)
    means, rates, survival = (
        "analysis.size_for_means",
        "analysis.size_for_rates",
        "analysis.events_for_survival",
    )
    patients, rare = "analysis.Accrual.patients_for", "death_.30_v_.45_at_3_80pct"
    return [
        Check(means, (base, "means_d0.5_90pct_t"), lambda _: size_for_means(0.5, 1.0)),
        Check(means, (base, "means_d0.5_90pct_normal"), lambda _: size_for_means(0.5, 1.0, known_sd=True)),
        Check(rates, (base, "rates_.65_v_.50_80pct"), lambda _: size_for_rates(0.65, 0.5, power=0.8)),
        Check(rates, (base, "rates_.5_v_.35_90pct"), lambda _: size_for_rates(0.5, 0.35)),
        Check(survival, (base, "survival_HR.6_80pct_Schoenfeld_events"), lambda _: events),
        Check(
            f"{survival} (freedman)",
            (base, "same_Freedman_events"),
            lambda _: events_for_survival(0.6, power=0.8, formula="freedman"),
        ),
        Check(patients, (base, "N_median3_accrual12_fu3"), lambda _: plain.patients_for(events)),
        Check(patients, (base, "N_with_5pct_dropout_per12"), lambda _: lossy.patients_for(events)),
        Check("analysis.hazard_of_share", (base, rare, "HR"), lambda _: first / second),
        Check(survival, (base, rare, "events"), lambda _: by_rates),
        Check(
            patients,
            (base, rare, "N_accrual24_fu3"),
            lambda _: Accrual((first, second), 24, 3).patients_for(by_rates),
        ),
    ]
