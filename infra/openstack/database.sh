# Sourced: SQLite files and their templates. Needs PYTHON, STATE, HERE.

# Migrations take seconds; a migrated file is kept for each version of package and scripts and copied next time.
TEMPLATES=${SHOAL_OPENSTACK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/shoal-openstack}

# template_path PACKAGE: where the template of this package's database is.
template_path() {
  local version scripts
  version=$(dpkg-query -W -f '${Version}' "$1" | tr -c 'A-Za-z0-9.+-' _)
  scripts=$(cat "$HERE"/*.sh "$HERE"/*.py | sha256sum | cut -c1-12)
  echo "$TEMPLATES/$1-$version-$scripts.db"
}

# save_template PACKAGE FILE: a consistent copy although a server may have FILE open; rename keeps readers safe.
save_template() {
  local target
  target=$(template_path "$1")
  mkdir -p "$TEMPLATES"
  $PYTHON -c 'import sqlite3, sys
source, copy = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])
source.backup(copy)
copy.execute("PRAGMA journal_mode=WAL")' "$2" "$target.$$"
  rm -f "$target.$$-wal" "$target.$$-shm"
  mv "$target.$$" "$target"
}

# use_write_ahead_log FILE: without it an open reader makes another process's commit fail with "database is locked".
use_write_ahead_log() {
  $PYTHON -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA journal_mode=WAL")' "$1"
}
