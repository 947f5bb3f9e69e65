"""The commands that hints and closing lines name."""

CREATE = "python create_cluster.py"
CREATE_TABLES = "python create_tables.py"
ETL = "python etl.py"
DESTROY = "python destroy_cluster.py"
