"""The Models tab: what each model measured."""
