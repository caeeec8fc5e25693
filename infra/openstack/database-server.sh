# Sourced: a MariaDB of our own: Nova's services write at the same time, which SQLite answers with errors. Needs STATE, HOST.

DATABASES='nova_api nova nova_cell0 placement neutron'

start_database_server() {
  process_pid database >/dev/null && return 0
  local data=$STATE/mariadb template
  template=$(template_path python3-nova).tar
  if [ ! -e "$data" ]; then
    mkdir -p "$data"
    if [ -e "$template" ]; then
      tar xf "$template" -C "$data"
      touch "$STATE/nova-databases-are-set-up"
    else
      /usr/bin/mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --user=root --datadir="$data" \
        >>"$STATE/log/setup.log" 2>&1
    fi
  fi
  # What is lost with the machine may be lost here.
  start_process database /usr/sbin/mariadbd --no-defaults --user=root --datadir="$data" --socket="$STATE/run/mariadb.sock" \
    --bind-address="$(local_address)" --port="$DATABASE_PORT" --pid-file="$STATE/run/mariadb.pid" --character-set-server=utf8mb3 \
    --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=64M --innodb-log-file-size=16M --performance-schema=off --max-connections=500 \
    --skip-log-bin --sync-binlog=0 --innodb-doublewrite=0
  local name
  for _ in $(seq 600); do
    sql 'SELECT 1' >/dev/null 2>&1 && break
    process_pid database >/dev/null || { tail -n 20 "$STATE/log/database.log" >&2; return 1; }
    sleep 0.1
  done
  for name in $DATABASES; do sql "CREATE DATABASE IF NOT EXISTS $name"; done
  sql "CREATE USER IF NOT EXISTS 'nova'@'%' IDENTIFIED BY 'novapw'; GRANT ALL ON *.* TO 'nova'@'%'"
}

sql() { /usr/bin/mariadb --no-defaults --user=root --socket="$STATE/run/mariadb.sock" --execute "$1"; }

# database_url NAME: as SQLAlchemy wants it.
database_url() { echo "mysql+pymysql://nova:novapw@$(local_address):$DATABASE_PORT/$1?charset=utf8"; }

# save_databases: a copy of all tables for the next instance, taken while nobody writes.
save_databases() {
  local template
  template=$(template_path python3-nova).tar
  stop_process database
  mkdir -p "$TEMPLATES"
  tar cf "$template.$$" -C "$STATE/mariadb" . && mv "$template.$$" "$template"
  start_database_server
}
