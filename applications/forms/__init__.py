"""Input to clean values, split by subject; where the form is data it is built from policy fields."""
