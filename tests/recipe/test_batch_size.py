import pytest

from goodfit.recipe.batch_size import knee, read_batch_size
from goodfit.settings import Settings
from goodfit.training.measure.batch_size import NoiseScale, Throughput

SETTINGS = Settings().learning_rate
RISING = Throughput((8, 16, 32, 64, 128), (1.0, 1.1, 1.3, 2.6, 5.2), False)  # rises up to 32


def noise(samples: float) -> NoiseScale:
    return NoiseScale(small=8, large=64, steps=50, signal=1.0, noise=samples)


def test_the_knee_is_where_doubling_stops_to_pay():
    assert knee(RISING, SETTINGS) == 32
    assert knee(Throughput((8, 16), (1.0, 1.0), False), SETTINGS) is None


def test_a_batch_that_wastes_data_and_brings_no_speed_is_noted():
    evidence, finding = read_batch_size(128, noise(10.0), RISING, SETTINGS)
    assert finding is not None
    assert finding.kind == "batch-size-too-large"
    assert "about 32" in finding.action
    assert evidence["noise_scale"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("size", "scale", "speeds"),
    [
        (128, noise(100.0), RISING),  # the noise is worth averaging
        (32, noise(1.0), RISING),  # it still gains speed
        (128, NoiseScale(8, 64, 50, signal=-1.0, noise=3.0), RISING),  # noise hides the signal: unknown
        (128, None, RISING),
        (128, noise(10.0), None),
    ],
)
def test_what_is_not_known_to_waste_is_left_alone(size, scale, speeds):
    assert read_batch_size(size, scale, speeds, SETTINGS)[1] is None


def test_memory_s_end_is_kept_as_evidence():
    evidence, _ = read_batch_size(32, None, Throughput((8, 16), (1.0, 2.0), True), SETTINGS)
    assert evidence["largest_that_fits"] == 16
