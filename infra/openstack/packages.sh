# Sourced: the Debian packages a private instance needs. Needs STATE; install_packages MODE and RUNNER, too.

# The python3-* libraries only: the glance-api and keystone packages add users, debconf questions and services.
install_packages() {
  local wanted='python3-glance'
  [ "$MODE" = full ] && wanted="$wanted python3-keystone"
  if [ "$MODE" = full ] || [ "$RUNNER" = uwsgi ]; then wanted="$wanted uwsgi-core uwsgi-plugin-python3"; fi
  # shellcheck disable=SC2086
  install_debian_packages $wanted
}

# install_debian_packages NAME...: those that are missing.
install_debian_packages() {
  local missing='' package
  for package in "$@"; do
    dpkg -s "$package" 2>/dev/null | grep -q '^Status: install ok installed' || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  if [ "$(id -u)" != 0 ]; then
    echo "up.sh: missing packages; as root run: apt-get install --no-install-recommends$missing" >&2
    return 1
  fi
  # shellcheck disable=SC2086
  if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=600 --no-install-recommends $missing \
    >"$STATE/log/apt.log" 2>&1 </dev/null; then
    echo "up.sh: apt-get could not install$missing; the end of its log:" >&2
    tail -n 20 "$STATE/log/apt.log" >&2
    return 1
  fi
}
