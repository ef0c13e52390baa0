"""When the demo takes the hub to be at rest."""

from hub.cli.demo.calm import CALM_SECONDS, HOPE_SECONDS, STUCK_SECONDS, Calm


def test_rest_is_nothing_moving_for_a_while() -> None:
    calm = Calm(0.0)
    assert not calm.at_rest(0.0, 5, busy=False, complete=True)
    assert not calm.at_rest(CALM_SECONDS / 2, 5, busy=False, complete=True)
    assert calm.at_rest(CALM_SECONDS, 5, busy=False, complete=True)


def test_movement_begins_the_wait_anew() -> None:
    calm = Calm(0.0)
    assert not calm.at_rest(1.0, 5, busy=False, complete=True)
    assert not calm.at_rest(2.5, 6, busy=False, complete=True)
    assert not calm.at_rest(4.0, 6, busy=False, complete=True)
    assert calm.at_rest(5.0, 6, busy=False, complete=True)


def test_a_busy_hub_is_never_at_rest_however_long_looking_takes() -> None:
    calm = Calm(0.0)
    assert not any(calm.at_rest(10.0 * CALM_SECONDS * look, 5, busy=True, complete=True) for look in range(9))


def test_what_is_missed_is_waited_for_but_not_for_ever() -> None:
    calm = Calm(0.0)
    seconds = [second / 2 for second in range(int(4 * HOPE_SECONDS))]
    over = next(second for second in seconds if calm.at_rest(second, 5, busy=False, complete=False))
    assert HOPE_SECONDS < over <= HOPE_SECONDS + CALM_SECONDS + 1


def test_a_busy_hub_that_does_not_move_is_stuck() -> None:
    calm = Calm(0.0)
    calm.at_rest(0.0, 5, busy=True, complete=True)
    calm.at_rest(STUCK_SECONDS - 1, 6, busy=True, complete=True)
    assert not calm.stuck(STUCK_SECONDS + 1)
    assert calm.stuck(2 * STUCK_SECONDS)
