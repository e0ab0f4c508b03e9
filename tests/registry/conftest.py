from tests.reviews.conftest import call, case, rules, three

__all__ = ["call", "case", "rules", "three"]
