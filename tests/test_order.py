"""However events and songs are spread over files and loads, the star is that of one load of everything."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project import ALL_FAULTS, EVENT, PLAY, SONG

# Few values, so that keys, moments and songs collide often.
plays = st.builds(
    lambda **fields: {**PLAY, **fields},
    userId=st.sampled_from(["1", "2", ""]),
    sessionId=st.sampled_from([10, 11]),
    itemInSession=st.integers(0, 2),
    ts=st.sampled_from([1541105830796, 1541105830797, 1541205830000]),
    song=st.sampled_from(["First Song", "Second Song"]),
    level=st.sampled_from(["free", "paid"]),
    location=st.sampled_from(["London", None]),
    length=st.sampled_from([200.5, 90.0]),
)
visits = st.builds(
    lambda **fields: {**EVENT, **fields},
    userId=st.sampled_from(["1", "2", "3", ""]),
    ts=st.integers(1541105830796, 1541105830799),
    level=st.sampled_from(["free", "paid"]),
    itemInSession=st.integers(0, 3),
)
songs = st.builds(
    lambda **fields: {**SONG, **fields},
    song_id=st.sampled_from(["SO1", "SO2", "SO3"]),
    artist_id=st.sampled_from(["AR1", "AR2"]),
    title=st.sampled_from(["First Song", "Second Song"]),
    duration=st.sampled_from([200.5, 91.0]),
    year=st.sampled_from([0, 1999]),
    artist_location=st.sampled_from(["", "Oslo", "Paris"]),
)
loads = st.lists(
    st.tuples(st.lists(plays | visits, min_size=1, max_size=6), st.lists(songs, max_size=3)), min_size=2, max_size=4
)


@settings(
    max_examples=200 if ALL_FAULTS else 3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(deliveries=loads)
def test_the_order_of_delivery_does_not_matter(warehouse, deliveries):
    warehouse.empty()
    assert warehouse.main("create_tables", "--recreate", "--yes", "-q").code == 0
    warehouse.songs(SONG)
    contents = {}
    for number, (events, catalogue) in enumerate(deliveries):
        # The same event always says the same: the first delivery of a key decides what.
        for event in events:
            key = (event["userId"], event["sessionId"], event["itemInSession"], event["ts"])
            contents.setdefault(key, event)
        same = [contents[e["userId"], e["sessionId"], e["itemInSession"], e["ts"]] for e in events]
        warehouse.events(f"delivery-{number}", *same)
        for place, song in enumerate(catalogue):
            warehouse.file(f"song_data/{number}/TR{place}.json", json.dumps(song))
        ran = warehouse.main("etl", "-q")
        assert ran.code == 0, ran.err
    piecemeal = warehouse.star()
    ran = warehouse.main("etl", "--full", "-q")
    assert ran.code == 0, ran.err
    assert warehouse.star() == piecemeal
