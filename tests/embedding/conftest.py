from hypothesis import settings

# A busy machine is not a failing test.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
