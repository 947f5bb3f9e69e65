-- Three more questions to the star, for Redshift and for PostgreSQL:
-- python -m dwh.psql -- -f assets/questions.sql

-- How long do free users listen before they first pay?
SELECT days_before_paying, COUNT(*) AS users
FROM (
    SELECT user_id, CAST(first_paid AS DATE) - CAST(first_play AS DATE) AS days_before_paying
    FROM (
        SELECT
            user_id,
            MIN(start_time) AS first_play,
            MIN(CASE WHEN level = 'paid' THEN start_time END) AS first_paid
        FROM songplays
        GROUP BY user_id
    ) AS listeners
    WHERE first_paid > first_play
) AS changed
GROUP BY days_before_paying
ORDER BY days_before_paying;

-- Which artists do paying users play more than others do?
SELECT
    artists.name,
    COUNT(*) AS plays,
    SUM(CASE WHEN songplays.level = 'paid' THEN 1 ELSE 0 END) AS paid_plays,
    ROUND(100.0 * SUM(CASE WHEN songplays.level = 'paid' THEN 1 ELSE 0 END) / COUNT(*), 1) AS paid_pct
FROM songplays
JOIN artists ON artists.artist_id = songplays.artist_id
GROUP BY artists.artist_id, artists.name
HAVING COUNT(*) >= 20
ORDER BY paid_pct DESC, plays DESC, artists.name
LIMIT 10;

-- Which songs do people come back to, on several days?
SELECT songs.title, artists.name, COUNT(*) AS listeners_who_came_back
FROM (
    SELECT song_id, user_id
    FROM songplays
    WHERE song_id IS NOT NULL
    GROUP BY song_id, user_id
    HAVING COUNT(DISTINCT CAST(start_time AS DATE)) > 1
) AS returned
JOIN songs ON songs.song_id = returned.song_id
JOIN artists ON artists.artist_id = songs.artist_id
GROUP BY songs.song_id, songs.title, artists.name
ORDER BY listeners_who_came_back DESC, songs.title
LIMIT 10;
