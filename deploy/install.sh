#!/usr/bin/env bash
# Installs the checkout agent on Debian 12, or brings an installation up to date.
# Run it again as often as you like: settings and stored messages are kept.
set -euo pipefail
umask 022

readonly NAME=checkout-agent
readonly PREFIX=/opt/$NAME SETTINGS=/etc/$NAME STATE=/var/lib/$NAME
readonly UNIT=/etc/systemd/system/$NAME.service
# What OpenCV and the detector load at run time, and what makes the environment.
readonly PACKAGES=(python3 python3-venv libgl1 libglib2.0-0 ca-certificates)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_tree=$(dirname "$here")
package=$source_tree
python=/usr/bin/python3
root=""
dry_run=no
lock=$source_tree/requirements.lock

usage() {
  cat <<HELP
Usage: sudo deploy/install.sh [options]

  --package PATH  what pip installs: a wheel or a checkout (default: this checkout)
  --python PATH   Python 3.11, 3.12 or 3.13 to build the environment with (default: $python)
  --unlocked      take the newest versions that fit instead of those in requirements.lock
  --root DIR      install below DIR and leave the system alone: no packages, user or service
  --dry-run       show what would be done and do nothing
  --help          this text
HELP
}

say() { printf '%s\n' "$*"; }

die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

# Runs a command, or shows it.
run() {
  if [ "$dry_run" = yes ]; then
    printf 'would run: %s\n' "$*"
  else
    "$@"
  fi
}

# Runs a command that changes the machine itself; with --root it is left out.
run_on_system() {
  if [ -z "$root" ]; then
    run "$@"
  fi
}

parse_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --package | --python | --root)
        [ $# -ge 2 ] || die "$1 needs a value: see --help"
        case $1 in
          --package) package=$2 ;;
          --python) python=$2 ;;
          --root) root=${2%/} ;;
        esac
        shift 2
        ;;
      --unlocked) lock="" && shift ;;
      --dry-run) dry_run=yes && shift ;;
      --help | -h) usage && exit 0 ;;
      *) die "unknown option $1: see --help" ;;
    esac
  done
}

check_machine() {
  [ -e "$package" ] || die "--package: $package does not exist: give a wheel or a checkout"
  [ -f "$source_tree/config.yaml" ] || die "$source_tree/config.yaml is missing: run the script inside its checkout"
  [ -n "$root" ] || [ "$dry_run" = yes ] || [ "$(id -u)" -eq 0 ] || die "needs root: run it with sudo, or see --dry-run"
  [ -n "$root" ] || [ "$dry_run" = yes ] || command -v apt-get >/dev/null || die "apt-get not found: this installer is for Debian 12"
}

check_python() {
  if [ ! -x "$python" ]; then
    [ "$dry_run" = yes ] && return
    die "--python: $python cannot be run: give the path of Python 3.11, 3.12 or 3.13"
  fi
  local version
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  case $version in
    3.11 | 3.12 | 3.13) ;;
    *) die "--python: $python is Python $version: expected 3.11, 3.12 or 3.13" ;;
  esac
}

install_packages() {
  local missing=() name
  [ -z "$root" ] || return 0
  for name in "${PACKAGES[@]}"; do
    dpkg-query --show --showformat='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Debian packages: ${missing[*]}"
  run apt-get update -qq
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

make_user() {
  if ! getent passwd $NAME >/dev/null; then
    run_on_system useradd --system --user-group --home-dir $STATE --no-create-home \
      --shell /usr/sbin/nologin $NAME
  fi
}

install_agent() {
  local venv=$root$PREFIX/venv
  say "Python environment: $venv"
  run mkdir -p "$root$PREFIX"
  # An environment whose Python has gone is made anew.
  if ! "$venv/bin/python" -c '' 2>/dev/null; then
    run "$python" -m venv --clear "$venv"
  fi
  if [ -f "$lock" ]; then
    # Exactly what was tested, by SHA-256: a package altered at its source is refused.
    run "$venv/bin/pip" install --quiet --require-hashes --requirement "$lock"
    run "$venv/bin/pip" install --quiet --upgrade --no-deps "$package"
    run "$venv/bin/pip" check --quiet || die "requirements.lock lags behind setup.py: make lock, or use --unlocked"
  else
    run "$venv/bin/pip" install --quiet --upgrade "$package"
  fi
  if [ -f "$source_tree/README.md" ]; then
    run install -m 0644 "$source_tree/README.md" "$root$PREFIX/README.md"
  fi
}

# Settings are the store's: written once, never touched again.
install_settings() {
  local target=$root$SETTINGS/config.yaml
  run install -d -m 0750 "$root$SETTINGS"
  if [ -e "$target" ]; then
    say "Settings kept: $target"
  else
    say "Settings: $target"
    run install -m 0640 "$source_tree/config.yaml" "$target"
    run sed -i "s|^  path: var/outbox.sqlite3|  path: $STATE/outbox.sqlite3|" "$target"
  fi
  if [ ! -e "$root$SETTINGS/environment" ]; then
    run install -m 0600 /dev/null "$root$SETTINGS/environment"
  fi
  run_on_system chgrp $NAME $SETTINGS $SETTINGS/config.yaml
}

install_unit() {
  run install -D -m 0644 "$here/systemd/$NAME.service" "$root$UNIT"
  if [ -z "$root" ] && [ "$dry_run" = no ] && [ ! -d /run/systemd/system ]; then
    say "systemd does not run here: the unit is in place and starts at the next boot with systemd"
    return
  fi
  run_on_system systemctl daemon-reload
  run_on_system systemctl enable --quiet $NAME
  # A running agent goes on with the new version; a new installation waits for its settings.
  run_on_system systemctl try-restart $NAME
}

check_settings() {
  run "$root$PREFIX/venv/bin/$NAME" check-config "$root$SETTINGS/config.yaml" ||
    die "the settings are refused: mend the lines above in $root$SETTINGS/config.yaml and run this again"
}

main() {
  parse_options "$@"
  check_machine
  install_packages
  check_python
  make_user
  install_agent
  install_settings
  check_settings
  install_unit
  say "Done. Next: edit $SETTINGS/config.yaml, then"
  say "  $PREFIX/venv/bin/$NAME doctor --config $SETTINGS/config.yaml"
  say "  systemctl restart $NAME && systemctl status $NAME"
}

main "$@"
