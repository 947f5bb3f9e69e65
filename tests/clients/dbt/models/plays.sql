{{ config(materialized='table', dist='user_id', sort=['start_time']) }}
SELECT user_id, start_time, level FROM public.songplays
