from hypothesis import settings

# How long an example takes says nothing about the rule it tests, least of all on a busy machine.
settings.register_profile("unit", settings.default, deadline=None)
settings.load_profile("unit")
