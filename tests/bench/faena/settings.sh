# shellcheck shell=sh
# What the worker is told: where the stores are, and nothing else that `worker run` would not be told in production.
export DATABASE_URL="$PEERS_PG_URL" REDIS_URL="$PEERS_REDIS_URL" ADMIN_ADDR=127.0.0.1:0
if [ -n "${PEERS_CONCURRENCY:-}" ]; then export SLOTS_DEFAULT="$PEERS_CONCURRENCY"; fi
