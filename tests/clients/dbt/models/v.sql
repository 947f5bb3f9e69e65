SELECT * FROM {{ ref('daily') }} d LEFT JOIN {{ ref('names') }} n ON n.id = d.plays
