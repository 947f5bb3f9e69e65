{{ config(materialized='incremental', unique_key='day', sort='day') }}
SELECT TRUNC(start_time) AS day, COUNT(*) AS plays FROM {{ ref('plays') }} GROUP BY 1
