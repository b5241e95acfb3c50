"""Places two orders. Each promises its job in its own transaction; the second one's card is refused."""
import os
import sys

import psycopg
from psycopg.types.json import Jsonb


def place_order(connection, number, card_is_good):
    with connection.transaction():
        connection.execute("insert into shop.orders (number) values (%s)", [number])
        promise = "select faena.enqueue('touch', %s, tenant => %s)"
        [job_id] = connection.execute(promise, [Jsonb({"n": number, "sleep_ms": 0}), "acme"]).fetchone()
        print(job_id)
        if not card_is_good:
            raise psycopg.Rollback


with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    first = int(sys.argv[1])
    place_order(connection, first, card_is_good=True)
    place_order(connection, first + 1, card_is_good=False)
    try:
        connection.execute("select faena.enqueue('touch', %s)", [Jsonb({"n": "ten", "sleep_ms": 0})])
    except psycopg.errors.InvalidParameterValue as error:
        print(error.diag.column_name, error.diag.message_primary)
