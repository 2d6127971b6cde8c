"""What all tests share."""

from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: how long an example takes proves nothing here.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
