from overt.video.backoff import Backoff


def test_waits_double_up_to_the_longest():
    backoff = Backoff(first_s=0.5, longest_s=5.0, unit_random=lambda: 1.0)
    assert [backoff.wait_s(n) for n in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_jitter_takes_off_at_most_half():
    backoff = Backoff(first_s=0.5, longest_s=5.0, unit_random=lambda: 0.0)
    assert [backoff.wait_s(n) for n in (1, 2, 10_000)] == [0.25, 0.5, 2.5]
