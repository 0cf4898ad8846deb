"""What all tests share: property tests are not timed, because a pause of a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("milepost", deadline=None)
settings.load_profile("milepost")
