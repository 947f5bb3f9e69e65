"""A small star with every oddity that an insight may stumble over."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from star import Artist, Play, Song, Star, User

MAC = (
    '"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_4) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/36.0 Safari/537.36"'
)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 like Mac OS X) AppleWebKit/537.51 Version/7.0 Mobile Safari/9537.53"
IE = "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"

SONGS = [
    Song("SO01", "Plain", "AR1", 1999, 200.0),
    Song("SO02", '"Quoted" & it\'s 100% <b>bold</b>', "AR2", 2005, 180.5),
    Song("SO03", "東京の夜", "AR3", 1983, 240.0),
    Song("SO04", "Bell\x07 and \x1b[31mred", "AR1", None, 199.0),
    Song(
        "SO05",
        "A very long title that does not fit into the column of a table, whatever one does with it",
        "AR2",
        1984,
        99.0,
    ),
    Song("SO06", "Never played", "AR4", 1961, 100.0),
    Song("SO07", "Tied A", "AR4", 2001, 100.0),
    Song("SO08", "Tied B", "AR4", 2002, 100.0),
    Song("SO09", "Tied C", "AR4", None, 100.0),
    Song("SO10", "Plain", "AR4", 2003, 100.0),
]
ARTISTS = [Artist("AR1", "Zoë & Co"), Artist("AR2", "Beta"), Artist("AR3", "椎名"), Artist("AR4", "Beta")]
USERS = [
    User(1, "Ada", "B", "F", "paid"),
    User(2, "Bob", "C", None, "free"),
    User(3, "Cy", "D", "M", "paid"),
    User(4, "Dee", "E", "F", "free"),
    User(5, "Eve", "F", None, "free"),
]

# (days and hours after Thursday 2018-11-01 00:00, user, session, level, song, location, agent)
SCRIPT = [
    # The first day is partial. Users 1 and 2 share the session number 7.
    (0, 21.5, 1, 7, "free", "SO01", "Lima-Callao", MAC),
    (0, 21.6, 2, 7, "paid", "SO01", "Oslo, NO", PHONE),
    (0, 21.7, 1, 7, "free", None, "Lima-Callao", MAC),
    (1, 3.0, 1, 8, "free", "SO02", "Lima-Callao", MAC),
    # User 1 goes up and user 2 goes down; user 3 goes up and down again within a day.
    (1, 3.25, 1, 8, "paid", "SO02", "Lima-Callao", MAC),
    (1, 16.0, 2, 9, "free", "SO03", "Oslo, NO", PHONE),
    (1, 23.999, 3, 10, "free", "SO03", None, IE),
    (2, 0.001, 3, 10, "paid", "SO03", None, IE),
    (2, 9.0, 3, 11, "free", None, "", None),
    # 2018-11-04 is a day without plays. Then a level that nobody recorded.
    (4, 12.0, 2, 12, None, "SO04", "Oslo, NO", "curl/7.88"),
    (4, 12.1, 2, 12, "paid", "SO05", "Oslo, NO", "Mozilla/5.0 (X11; Linux) Firefox/31.0"),
    (5, 16.0, 4, 13, "free", "SO07", "Quito", "Mozilla/5.0 (X11; CrOS) Chrome/99.0 Safari/537"),
    (6, 16.0, 4, 14, "free", "SO08", "Quito", "Mozilla/5.0 (Linux; Android 9) Chrome/99.0 OPR/60.0"),
    (7, 16.0, 4, 15, "free", "SO09", "Quito", "Mozilla/5.0 (Windows NT 10.0) Chrome/99.0 Edg/99.0"),
    (8, 16.5, 1, 16, "paid", "SO10", "Lima-Callao", MAC),
    (11, 16.5, 1, 17, "paid", "SO01", "Lima-Callao", MAC),
    (12, 5.0, 3, 18, "paid", None, "Oslo, NO", IE),
    (15, 5.0, 2, 19, "paid", "SO02", "Bergen, NO", PHONE),
    # The last day is partial: user 4 comes back only then, user 5 is new.
    (18, 4.0, 1, 20, "paid", "SO01", "Lima-Callao", MAC),
    (19, 4.0, 4, 21, "free", "SO01", "Quito", MAC),
    (19, 4.5, 5, 21, "free", None, "Quito", "Mozilla/5.0 (iPad) Safari/8"),
]
# Plays that were heard under another name than that of the catalogue, or that is not in it.
HEARD = {
    2: ("Plain  ", "Zoë & Co "),  # trailing blanks do not count
    4: ("plain", "Zoë & Co"),  # case does
    8: ("Ø", "BjÃ¶rk"),  # encoded twice, as delivered
    16: (None, "Nobody"),
    20: ("Ø", ""),
}


def made_star():
    """The star of the script."""
    artist_of = {song.song_id: song.artist_id for song in SONGS}
    plays = [
        Play(
            number,
            datetime(2018, 11, 1) + timedelta(days=day, hours=hour),
            user,
            level,
            song,
            song and artist_of[song],
            session,
            location,
            agent,
        )
        for number, (day, hour, user, session, level, song, location, agent) in enumerate(SCRIPT)
    ]
    return Star(plays, list(USERS), list(SONGS), list(ARTISTS), dict(HEARD))


TEXTS = ("Unknown", "unknown", "Unknown ", "", None, "Tied A")


def random_star(seed, plays=400):
    """A star thrown by dice: few users, few songs, many coincidences."""
    dice = Random(seed)
    artist_of = {song.song_id: song.artist_id for song in SONGS}
    days = dice.choice((1, 2, 9, 40, 70))
    start = datetime(2018, dice.randint(1, 12), dice.randint(1, 28))
    agents = [None, "", MAC, PHONE, IE, "Opera/9.8 (Windows NT 6.0)", "Mozilla/5.0 (X11; Linux) Chromium/36 Chrome/36"]
    star = Star([], [], list(SONGS), list(ARTISTS))
    for number in range(dice.randint(1, plays)):
        # Few distinct moments, so that starts coincide too.
        moment = start + timedelta(minutes=dice.randrange(0, days * 1440, 7), milliseconds=dice.choice((0, 0, 999)))
        song = dice.choice([None, None, *artist_of])
        if not song:
            star.texts[number] = dice.choice(TEXTS), dice.choice(("Nobody", "nobody ", "", None, "Beta"))
        star.plays.append(
            Play(
                number,
                moment,
                dice.randint(1, 9),
                dice.choice(("free", "free", "paid", "paid", None)),
                song,
                song and artist_of[song],
                dice.randint(1, 12),
                dice.choice((None, "", "Lima-Callao", "Oslo, NO", "Quito")),
                dice.choice(agents),
            )
        )
    star.users = [User(n, "A", "B", None, dice.choice(("free", "paid"))) for n in range(1, 10)]
    return star
