"""Filled forms: problems, computed values against hand calculations, progress, figures."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlist.policy.engine import calculators, forms, formulas
from greenlist.policy.engine.types import Field, FieldType, FixedRow, Section, Text, Unit
from tests.policy import counted

KEY = "factory-self-1"
KWH, M3 = (
    Unit("wan_kwh", Text("万kWh", ""), "kWh", Decimal(10000)),
    Unit("wan_m3", Text("万m³", ""), "m3", Decimal(10000)),
)
# No shipped form has fixed rows with presets, bounds and units of their own; a place may still write one.
STOCK = Section(
    key="stock",
    title=Text("库存", "Stock"),
    fields=(
        Field(
            key="use", type=FieldType.TABLE, label=Text("能源", "Energy"), required=True, max_rows=2,
            columns=(
                Field(key="amount", type=FieldType.NUMBER, label=Text("量", "Amount"), min=Decimal(0), decimals=4, figure=True),
                Field(key="factor", type=FieldType.NUMBER, label=Text("系数", "Factor"), min=Decimal(0), decimals=6),
                Field(key="tce", type=FieldType.COMPUTED, label=Text("折标", "tce"), formula="amount * factor", decimals=2),
            ),
            rows=(
                FixedRow("electricity", Text("电", ""), preset={"factor": "1.229"}, units={"amount": KWH}),
                FixedRow("natural_gas", Text("气", ""), preset={"factor": "13.3"}, units={"amount": M3},
                         bounds={"factor": (Decimal(5), Decimal(25))}),
            ),
        ),
    ),
)  # fmt: skip


@pytest.fixture
def form(qhd):
    whole = calculators.bind(qhd.bind().forms[KEY], counted.tables(), home="130000")
    return replace(whole, sections=(*whole.sections, STOCK))


@pytest.fixture(scope="module")
def form_spec(qhd):
    """The sections that compute: enough to break a reader, few enough to draw answers for."""
    form = calculators.bind(qhd.policy.forms[KEY], counted.tables(), home="130000")
    return replace(form, sections=tuple(s for s in form.sections if s.key not in {"conditions", "cover"}))


def rows(**items):
    """Rows of a calculator: item → amount and unit."""
    return [{"item": item, "amount": amount, "unit": unit} for item, (amount, unit) in items.items()]


def filled(form):
    """Every required answer given, by type; then the figures of a hand-calculated example."""
    data = {section.key: {} for section in form.sections}
    simple = {"text": "甲", "longtext": "说明", "number": "1", "date": "2024-04-01", "yesno": "yes"}
    for section in form.sections:
        for field in section.fields:
            if field.type is FieldType.CHOICE:
                data[section.key][field.key] = field.choices[0].key
            elif field.type.value in simple:
                data[section.key][field.key] = simple[field.type.value]
    data["basic"]["year"] = "2023"
    data["economy"]["annual"] = [
        {"year": "2021", "output_value": "20000", "revenue": "19000", "profit": "-100", "tax": "0"},
        {"year": "2023", "output_value": "36000", "revenue": "35000.50", "profit": "2000", "tax": "800"},
        {"year": "2022", "output_value": "30000", "revenue": "29000", "profit": "1500", "tax": "700"},
    ]
    data["systems"]["list"] = [{"proof": "documents", "number": "手册"}] * 4
    data["land"]["table"] = rows(
        site=("4.5", "hm2"), building=("15000", ""), building_high=("12000", ""), footprint=("27000", "")
    )
    data["material"]["table"] = rows(main=("1200", "t"), green=("300000", "kg"))
    data["waste"]["solid_table"] = rows(generated=("500", ""), used=("460", ""), used_from_stock=("20", ""))
    data["waste"]["water_table"] = rows(tap=("7.2", "wan_m3"), circulated=("648000", ""), discharged=("9000", ""))
    data["energy"]["use"] = rows(
        electricity=("1000", "wan_kwh"), natural_gas=("50", "wan_nm3"), diesel=("10", "t"), green_power=("200", "")
    )
    data["energy"]["carbon_other"] = "70"
    if "stock" in data:
        data["stock"]["use"] = [{"amount": "1000", "factor": "1.229"}, {"factor": "13.3"}]
    data["conclusion"]["evaluators"] = [{"name": "张三", "department": "安环部"}]
    return data


def files(form):
    return {
        f"{section.key}.{field.key}": 1
        for section in form.sections
        for field in section.fields
        if field.type is FieldType.FILE
    }


def test_a_complete_report_has_no_problem(form):
    assert forms.validate(form, filled(form), files(form)) == ()
    assert all(line.complete for line in forms.progress(form, filled(form), files(form)))


def test_computed_values_are_those_of_the_hand_calculation(form):
    values = forms.values(form, filled(form))
    told = {path: str(value) for path, value in values.items() if value is not None and path.count(".") == 1}
    assert told == {
        "basic.site_area": "4.5000",
        "land.output": "8000.00",  # 36000 of the latest year / 4.5 hm²
        "land.plot_ratio": "0.87",  # (15000 + 12000 × 2) / 45000
        "land.building_density": "60.00",  # 27000 / 45000
        "material.main": "1200.000",
        "material.green": "300.000",  # 300000 kg
        "material.green_rate": "25.00",  # 300 / 1200
        "production.wastewater": "9000.00",
        "production.wastewater_intensity": "0.2500",  # 9000 / 36000
        "waste.solid_generated": "500.000",
        "waste.solid_used": "480.000",
        "waste.solid_stock": "20.000",
        "waste.fresh_water": "72000.00",
        "waste.reused_water": "648000.00",
        "waste.solid_rate": "92.31",  # 480 / (500 + 20)
        "waste.water_reuse_rate": "90.00",  # 648000 / 720000
        "waste.water_intensity": "2.0000",
        "energy.total": "1908.57",  # 1000 × 1.229 + 50 × 13.3 + 10 × 1.4571
        "energy.intensity": "0.0530",  # 1908.571 / 36000
        "energy.renewable": "245.8000",  # 200 × 1.229
        "energy.renewable_rate": "12.88",  # 245.8 / 1908.571
        # 10,000,000 kWh × 0.7252 + 50 × 389.31 × 15.3 × 0.99 × 44/12 + 10 × 42.652 × 20.2 × 0.98 × 44/12, and 70 t
        "energy.carbon": "8434.05",
        "energy.carbon_intensity": "0.2343",
    }
    assert values["stock.use.0.tce"] == Decimal("1229.00")


def test_without_data_nothing_is_computed_and_nothing_breaks(form):
    assert set(forms.values(form, {}).values()) == {None}
    empty = forms.validate(form, {}, {})
    assert {problem.code for problem in empty} == {"required", "evidence_required", "too_few_rows"}
    assert forms.validate(form, {}, {}, partial=True) == ()
    assert not any(line.started for line in forms.progress(form, {}, {}))


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("basic.year", "2023.5", "too_many_decimals"),
        ("basic.year", "1999", "too_small"),
        ("basic.year", "zweitausend", "not_number"),
        ("basic.year", "1e400", "not_number"),
        ("basic.year", True, "not_number"),
        ("basic.founded_on", "2024-02-30", "not_date"),
        ("basic.ownership", "cooperative", "not_choice"),
        ("basic.profile", "长" * 501, "too_long"),
        ("basic.name", ["甲"], "not_text"),
        ("basic.name", "   ", "required"),
        ("basic.colour", "red", "unknown_field"),
        ("material.reference", "100.01", "too_large"),
        ("energy.carbon_other", "-1", "too_small"),
        ("energy.carbon_other", "9" * 20, "too_large"),
        ("cover.no_motors", "perhaps", "not_yesno"),
        ("economy.annual", [], "too_few_rows"),
        ("economy.annual", "x", "not_table"),
    ],
)
def test_a_wrong_answer_is_named(form, path, value, code):
    data = filled(form)
    section, key = path.split(".")
    data[section][key] = value
    assert [(problem.path, problem.code) for problem in forms.validate(form, data, files(form))] == [(path, code)]


def test_wrong_cells_are_named_by_row_and_column(form):
    data = filled(form)
    data["economy"]["annual"][1]["revenue"] = ""
    data["economy"]["annual"].append({"year": "2020", "output_value": "1", "revenue": "1", "profit": "1"})
    data["energy"]["use"][1]["unit"] = "t"  # gas is no mass
    data["stock"]["use"][1] = {"amount": "1", "factor": "0.0013"}  # kg for t: the trap of domain.md 3.4
    found = [(problem.path, problem.code) for problem in forms.validate(form, data, files(form))]
    assert found == [
        ("economy.annual.1.revenue", "required"),
        ("economy.annual", "too_many_rows"),
        ("energy.use.1.unit", "wrong_unit"),
        ("stock.use.1.factor", "out_of_range"),
    ]


def test_evidence_is_counted_outside_the_data(form):
    there = files(form)
    del there["conditions.lawful_evidence"]
    there["conditions.rules_evidence"] = 11
    found = forms.validate(form, filled(form), there)
    assert [(problem.path, problem.code) for problem in found] == [
        ("conditions.lawful_evidence", "evidence_required"),
        ("conditions.rules_evidence", "too_many_files"),
    ]


def test_fixed_rows_start_with_their_presets_which_are_no_input(form):
    blank = forms.blank(form, {"org.name": "甲公司", "org.founded_on": date(2001, 2, 3)})
    assert blank["basic"] == {"name": "甲公司", "founded_on": "2001-02-03"}
    assert [row.get("factor") for row in blank["stock"]["use"]] == ["1.229", "13.3"]
    codes = {problem.path: problem.code for problem in forms.validate(form, blank, {})}
    assert codes["stock.use"] == codes["energy.use"] == "too_few_rows"


def test_figures_come_out_in_base_units_with_their_year(form):
    found = {(figure.key, figure.year): figure for figure in forms.figures(form, filled(form))}
    assert (found["economy.annual.output_value", 2023].value, found["economy.annual.output_value", 2023].unit) == (
        Decimal(360000000),
        "CNY",
    )
    assert found["economy.annual.output_value", 2021].value == Decimal(200000000)
    assert (found["stock.use.electricity.amount", 2023].value, found["stock.use.electricity.amount", 2023].unit) == (
        Decimal(10000000),
        "kWh",
    )
    assert (found["basic.site_area", 2023].value, found["basic.site_area", 2023].unit) == (Decimal(45000), "m2")
    assert found["land.output", 2023].value == Decimal(8000)
    assert not [key for key, _year in found if key.startswith("stock.use.natural_gas")]


def test_the_form_stays_humane(form):
    """About sixty answers to give oneself: the rest comes from the profile or is computed."""
    own = [
        field
        for section in form.sections
        for field in section.fields
        if field.required and not field.prefill and field.type is not FieldType.COMPUTED
    ]
    assert len(own) <= 62


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1,234.5", "1234.5"), ("１２３．４", "123.4"), (" 7 ", "7"), ("-0.5", "-0.5"), (3, "3"), ("", None), ("1e3", None),
     ("NaN", None), ("Infinity", None), (None, None), (False, None), ("12 万", None)],
)  # fmt: skip
def test_numbers_as_people_type_them(typed, value):
    assert forms.number(typed) == (None if value is None else Decimal(value))


# ---- formulas -------------------------------------------------------------------------------------------------------
def value_of(text, **named):
    return formulas.evaluate(formulas.read(text), lambda _function, name: named.get(name))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("8 / 4 / 2", 1), ("2 - 3 - 4", -5), ("-(1 + 2)", -3), ("a * 100 / b", 50),
     ("a / 0", None), ("a / (b - b)", None), ("missing + 1", None)],
)  # fmt: skip
def test_arithmetic(text, value):
    assert value_of(text, a=Decimal(1), b=Decimal(2)) == value


@pytest.mark.parametrize(
    "text", ["", "1 +", "a b", "a ** 2", "f(x)", "a.__class__", "sum(a)", "1; 2", "a[0]", "'x'", "sum(a.b", "lambda: 1"]
)
def test_nothing_but_arithmetic_is_read(text):
    with pytest.raises(formulas.BadFormula):
        formulas.read(text)


numbers = st.decimals(min_value=-1000, max_value=1000, allow_nan=False, places=2)


@given(numbers, numbers, numbers)
def test_formulas_keep_the_laws_of_arithmetic(a, b, c):
    named = {"a": a, "b": b, "c": c}
    assert value_of("a * (b + c)", **named) == value_of("a * b + a * c", **named)
    assert value_of("a - b", **named) == value_of("-(b - a)", **named)


words = st.text(max_size=5) | st.sampled_from(["year", "amount", "factor", "output_value", "proof", "9" * 40, "-0.001"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_no_answer_whatever_breaks_the_reader(form_spec, data):
    drawn = {section.key: {field.key: data.draw(anything) for field in section.fields if data.draw(st.booleans())}
             for section in form_spec.sections if data.draw(st.booleans())}  # fmt: skip
    forms.validate(form_spec, drawn, {})
    forms.values(form_spec, drawn)
    forms.figures(form_spec, drawn)
    forms.progress(form_spec, drawn, {})
