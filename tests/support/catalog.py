"""What a database is made of, as plain values: two databases are alike when their catalogs are equal.

Columns are told by name, not by place, and each thing by its definition as PostgreSQL prints it.
"""

from __future__ import annotations

import asyncpg

_QUERIES = {
    "columns": """
        SELECT c.oid::regclass::text || '.' || a.attname,
            concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid))
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = ANY ($1)) AND c.relkind = 'r'""",
    "tables": """
        SELECT c.oid::regclass::text, coalesce(array_to_string(c.reloptions, ','), '')
        FROM pg_class AS c WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = ANY ($1)) AND c.relkind = 'r'""",
    "constraints": """
        SELECT c.conrelid::regclass::text || '.' || c.conname, pg_get_constraintdef(c.oid)
        FROM pg_constraint AS c WHERE c.connamespace IN (SELECT oid FROM pg_namespace WHERE nspname = ANY ($1)) AND c.contype <> 'n'""",
    "indexes": """
        SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = ANY ($1))""",
    "functions": """
        SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid)
        FROM pg_proc AS p WHERE p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname = ANY ($1))
            AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')""",
    "triggers": """
        SELECT t.tgrelid::regclass::text || '.' || t.tgname, t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid)
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = ANY ($1)) AND NOT t.tgisinternal""",
    "views": """
        SELECT c.oid::regclass::text, pg_get_viewdef(c.oid) || (
            SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ',' ORDER BY a.attnum)
            FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0)
        FROM pg_class AS c WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = ANY ($1)) AND c.relkind IN ('v', 'm')""",
}


async def catalog(dsn: str) -> dict[str, dict[str, str]]:
    """Everything in the schemas `public` and `hubbub`: kind of thing -> name -> definition."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": ""})
    try:
        return {
            kind: dict([tuple(row) for row in await connection.fetch(query, ["public", "hubbub"])])
            for kind, query in _QUERIES.items()
        }
    finally:
        await connection.close()
